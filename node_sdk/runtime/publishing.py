"""Outputs come to their final place once their task's completion is durable (law 5); repeating it does no harm."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from node_sdk.errors import ArtifactNotFound
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.resources import staging
from node_sdk.runtime.live import LOG, Live
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.store import Output, Published, Select, Welcome


def publish(live: Live, outputs: Iterable[Output]) -> None:
    """Publish `outputs` in the resources they belong to."""
    for output in outputs:
        try:
            resource = live.pipeline[output.resource]
            assert isinstance(resource, BaseResourceNode)
            staging.publish(resource, output)
        except (ArtifactNotFound, KeyError) as error:  # bytes or resource are gone for good: trying again helps nobody
            LOG.error("an output is lost: %s", error)


def clear(live: Live, run_id: int) -> None:
    """Remove what attempts of this node's task of `run_id` have left in the staging of any resource."""
    for node in live.pipeline.nodes:
        if isinstance(node, BaseResourceNode):
            staging.clear_staging(Path(node.resource_path), run_id, live.launch.node)


def publish_again(live: Live, store: StoreClient, welcome: Welcome) -> None:
    """Finish what an earlier incarnation had completed and was about to publish; remove what its crash left behind."""
    if welcome.unpublished:
        # Asked before: which runs these outputs are of, the outputs themselves do not say.
        rows = store.ask(Select("artifacts", {"made_by_node": live.launch.node, "published": False}))
        publish(live, welcome.unpublished)
        for run_id in sorted({row["made_by_run"] for row in rows}):
            store.ask(Published(run_id))
    for node in live.pipeline.nodes:
        if isinstance(node, BaseResourceNode):
            staging.clear_all_staging(Path(node.resource_path), live.launch.node)
