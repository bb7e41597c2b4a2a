"""Outputs come to their final place once their task's completion is durable (law 5); repeating it does no harm."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from node_sdk.errors import ArtifactNotFound
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.resources import staging
from node_sdk.runtime.live import LOG, Live
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.store import Lost, Output, Published, Select, Welcome

# What may be otherwise in a while: a full disk, one that fails, a lack of memory or descriptors, a busy server.
_PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EINTR, errno.EAGAIN, errno.EBUSY}
    | {errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT, errno.ESTALE}
)


def publish(live: Live, outputs: Iterable[Output]) -> tuple[Lost, ...]:
    """Publish `outputs` in the resources they belong to. Returns those for which trying again would help nobody;
    raises where it may help, which the next incarnation does."""
    lost = []
    for output in outputs:
        try:
            resource = live.pipeline[output.resource]
            assert isinstance(resource, BaseResourceNode)
            staging.publish(resource, output)
        except (ArtifactNotFound, KeyError) as error:  # bytes or resource are gone for good
            lost.append(_lost(output, str(error.args[0])))
        except OSError as error:
            if error.errno in _PASSING:
                raise
            lost.append(_lost(output, f"cannot publish artifact {output.location!r}: {error}"))
    return tuple(lost)


def _lost(output: Output, why: str) -> Lost:
    LOG.error("an output is lost: %s", why)
    return Lost(output.resource, output.location, why)


def clear(live: Live, run_id: int) -> None:
    """Remove what attempts of this node's task of `run_id` have left in the staging of any resource."""
    for node in live.pipeline.nodes:
        if isinstance(node, BaseResourceNode):
            staging.clear_staging(Path(node.resource_path), run_id, live.launch.node)


def publish_again(live: Live, store: StoreClient, welcome: Welcome) -> None:
    """Finish what an earlier incarnation had completed and was about to publish, and signal who waits for it; remove
    what its crash left behind."""
    if welcome.unpublished:
        # Asked, for which runs these outputs are of, `unpublished` does not say.
        rows = store.ask(Select("artifacts", {"made_by_node": live.launch.node, "published": False}))
        for run_id in sorted({row["made_by_run"] for row in rows}):
            lost = publish(live, [_output(row) for row in rows if row["made_by_run"] == run_id])
            for successor in store.ask(Published(run_id, lost)):
                live.outbox.signal(successor, run_id)
    for node in live.pipeline.nodes:
        if isinstance(node, BaseResourceNode):
            staging.clear_all_staging(Path(node.resource_path), live.launch.node)


def _output(row: Mapping[str, Any]) -> Output:
    return Output(row["resource"], row["location"], row["staging"] or "", row["sha256"], row["size"])
