"""Outputs come to their final place once their task's completion is durable (law 5); repeating it does no harm."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from typing import Any

from node_sdk.errors import ArtifactNotFound, ResourceUnavailable
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.resources.polling import LONGEST_ASKED
from node_sdk.runtime.enduring import PAUSE_FIRST, Until
from node_sdk.runtime.interrupt import Stopping
from node_sdk.runtime.live import LOG, Live
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.store import Lost, Output, Published, Select, Welcome

LONGEST_PAUSE = 30.0  # seconds between two tries at a resource that is away, unless it asks for more
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
        except KeyError as error:  # gone for good
            lost.append(_lost(output, str(error.args[0])))
            continue
        assert isinstance(resource, BaseResourceNode)
        try:
            _until_done(live, resource, output)
        except ArtifactNotFound as error:  # its bytes are gone for good
            lost.append(_lost(output, str(error)))
        except OSError as error:
            if error.errno in _PASSING:
                raise
            lost.append(_lost(output, f"cannot publish artifact {output.location!r}: {error}"))
    return tuple(lost)


def _until_done(live: Live, resource: BaseResourceNode, output: Output) -> None:
    """Wait for a resource that is away, however long: the task is over, and its output must come to its place.

    Whoever is told to stop meanwhile leaves it to the next incarnation.
    """
    pause, said = PAUSE_FIRST, ""
    while True:
        try:
            with live.link.unhurried():  # gigabytes may be copied, by a server far away
                resource.publish(output)
        except ResourceUnavailable as error:
            if said != str(error):
                said = str(error)
                LOG.error("%s; trying again until it can", said)
            live.link.work(f"cannot publish {output.location!r} yet: {said}")
            if live.interrupt.stopping:
                raise Stopping from error
            _wait(live, max(pause, min(error.retry_after or 0.0, LONGEST_ASKED)))
            pause = min(pause * 2, LONGEST_PAUSE)
            continue
        if said:
            live.link.work("idle")
            LOG.info("published %r after all", output.location)
        return


def _wait(live: Live, seconds: float) -> None:
    until = Until(seconds)
    while not until.come and not live.interrupt.stopping:
        live.wait(until, inbox=False)


def _lost(output: Output, why: str) -> Lost:
    LOG.error("an output is lost: %s", why)
    return Lost(output.resource, output.location, why)


def clear(live: Live, run_id: int) -> None:
    """Remove what attempts of this node's task of `run_id` have left in the staging of any resource."""
    with live.link.unhurried():
        for node in live.pipeline.nodes:
            if isinstance(node, BaseResourceNode):
                node.clear_staging(run_id, live.launch.node)


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
    with live.link.unhurried():
        for node in live.pipeline.nodes:
            if isinstance(node, BaseResourceNode):
                node.clear_all_staging(live.launch.node)


def _output(row: Mapping[str, Any]) -> Output:
    return Output(row["resource"], row["location"], row["staging"] or "", row["sha256"], row["size"])
