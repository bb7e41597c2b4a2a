"""Operations that start a run: a resource's offer, and a wish by hand."""

from __future__ import annotations

from node_sdk.errors import Refused
from node_sdk.metadata import rules, runs
from node_sdk.metadata.board import Board
from node_sdk.wire.store import Offer, StartRun, StoreRequest


def offer(board: Board, by: StoreRequest, operation: Offer) -> None:
    """The resource's trigger condition holds, or no longer does."""
    name = operation.resource
    if by.node != name or not board.resource(name).monitoring:
        raise Refused(
            "invalid", f"cannot take an offer of {name!r} from {by.node!r}: a monitored resource offers itself"
        )
    claimed_by = board.nodes[name]["last_run_id"]
    if operation.last_run_id < claimed_by and not board.resource(name).starts_on_new:
        # It speaks of artifacts that run has claimed. It will offer again once it has heard of that run, which the
        # store may have died before telling it.
        board.signal(name, claimed_by)
        return
    board.set_node(name, offers=operation.holds)
    if operation.holds:
        runs.start_due(board)


def start_run(board: Board, by: StoreRequest, operation: StartRun) -> int:
    """A run by hand: at once, however many are under way, with everything that is new."""
    if not operation.token:
        raise Refused("invalid", "cannot start a run by hand without a token: it makes repeating the wish harmless")
    known = board.tables.select("runs", {"token": operation.token})
    if known:
        run_id: int = known[0]["id"]
        return run_id
    resources = rules.monitored_resources(board.graph)
    return runs.start(board, resources, trigger=operation.trigger, token=operation.token)
