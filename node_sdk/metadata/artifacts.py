"""Operations on artifacts: what resources see, what tasks make, what is set by hand.

Each location has versions; the highest is its `latest`, and only that one can be `new`, so a file that changes twice
before a run starts is claimed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from node_sdk.errors import Refused
from node_sdk.metadata import rules, runs
from node_sdk.metadata.board import Board
from node_sdk.metadata.schema import Row
from node_sdk.wire.store import (
    OPERATOR,
    ForgetArtifacts,
    Found,
    Output,
    RecordArtifacts,
    StoreRequest,
    UpdateArtifact,
)

MAX_LOCATION = 2000  # characters
BATCH = 500  # locations asked for in one query


def record(board: Board, by: StoreRequest, operation: RecordArtifacts) -> list[int | None]:
    """Record what a resource sees. Returns ids, None for what was no news."""
    name = operation.resource
    board.resource(name)
    for found in operation.found:
        _check_location(name, found.location)
    owner = _owner(board, by, operation.state)
    ids: list[int | None] = []
    for part in _each_once(operation.found):
        ids += _record(board, [_row(board, name, found, operation.state, owner) for found in part])
    if operation.first_scan:
        board.set_node(name, scanned=True)
    if operation.state == "new" and any(ids):
        tell_of_news(board, by, {name})
    runs.start_due(board)
    return ids


def _record(board: Board, rows: Sequence[Row]) -> Iterator[int | None]:
    """Record what is news among `rows`, each of another location of the same resource."""
    latest = _latest(board, rows[0]["resource"], [row["location"] for row in rows]) if rows else {}
    known = [latest.get(row["location"]) for row in rows]
    news = [before is None or before["sha256"] != row["sha256"] for before, row in zip(known, rows, strict=True)]
    for before, row, is_news in zip(known, rows, news, strict=True):
        if before is not None and is_news:
            _supersede(board, before, row)
        elif before is not None:
            _touch(board, before, row)
    added = iter(board.add_artifacts([row for row, is_news in zip(rows, news, strict=True) if is_news]))
    return (next(added) if is_news else None for is_news in news)


def _each_once(found: Sequence[Found]) -> Iterator[list[Found]]:
    """`found` in parts, in none of which a location stands twice."""
    part: dict[str, Found] = {}
    for each in found:
        if each.location in part:
            yield list(part.values())
            part = {}
        part[each.location] = each
    yield list(part.values())


def record_outputs(board: Board, task: Row, outputs: Sequence[Output]) -> None:
    """Record what a task made, in the transaction that completes it (law 5)."""
    for output in outputs:
        _check_location(output.resource, output.location)
        board.resource(output.resource)
    for output in outputs:
        # In a watched resource it is input of a later run; elsewhere it belongs to the run that made it.
        monitored = board.resource(output.resource).monitoring
        found = Found(output.location, output.sha256, output.size)
        row = _row(board, output.resource, found, "new" if monitored else "current", task["run_id"])
        row.update(
            run_id=None if monitored else task["run_id"],
            made_by_run=task["run_id"],
            made_by_node=task["node"],
            published=False,
            staging=output.staging,
        )
        for before in _latest(board, output.resource, [output.location]).values():
            _supersede(board, before, row)
        board.add_artifacts([row])


def lose(board: Board, where: Row, reason: str) -> None:
    """Outputs that cannot be published fail. They belong to no run, so that one retried by hand takes none back.

    Their bytes never stood at the location, so they are no version of it: the one before is the latest again. Else
    the bytes that stand there would count as a change of it, and be claimed a second time.
    """
    ended = {"state": "failed", "run_id": None, "published": True, "staging": None, "latest": False}
    for row in board.tables.select("artifacts", where):
        values = {**ended, "version": -row["id"], "reason": reason[: runs.MAX_REASON]}
        board.change_artifacts({"id": row["id"]}, values)
        if row["latest"]:
            _latest_again(board, row)


def forget(board: Board, by: StoreRequest, operation: ForgetArtifacts) -> int:
    """What is gone before a run claimed it is no longer offered. Returns how many."""
    board.resource(operation.resource)
    gone = [
        row
        for row in _latest(board, operation.resource, operation.locations).values()
        if row["state"] == "new" and row["published"]
    ]
    for row in gone:
        _remove(board, row)
        _latest_again(board, row)
    return len(gone)


def update(board: Board, by: StoreRequest, operation: UpdateArtifact) -> None:
    """Set the state of an artifact by hand."""
    row = get(board, operation.artifact_id)
    if row["state"] == operation.state:
        return
    words = f"cannot make artifact {row['id']} ({row['location']!r}) {operation.state}"
    if operation.state == "new":
        _check_release(board, row, words)
        changes: Row = {"state": "new", "run_id": None, "reason": None}
    elif operation.state == "current":
        run_id = row["run_id"] or _run_at_work(board, by)
        if run_id not in board.runs:
            raise Refused("invalid", f"{words}: it belongs to no run that is running")
        changes = {"state": "current", "run_id": run_id, "reason": None}
    else:
        changes = {"state": operation.state, "reason": f"set {by_whom(by)}" if operation.state == "failed" else None}
    board.change_artifacts({"id": row["id"]}, changes)
    if operation.state == "new":
        tell_of_news(board, by, {row["resource"]})
    runs.start_due(board)


def tell_of_news(board: Board, by: StoreRequest, resources: set[str]) -> None:
    """Somebody else gave these resources something new: signalled again, they evaluate their trigger conditions.

    Any run they know will do; who is signalled for one a second time finds nothing to do in it.
    """
    for name in sorted(resources):
        spec = board.graph.by_name.get(name)
        run_id = _known_run(board, name)
        if spec is not None and spec.monitoring and name != by.node and run_id:
            board.signal(name, run_id)


def unheard(board: Board) -> list[tuple[str, int]]:
    """The signals of `tell_of_news` that a store may have died before: who has something new, and does not offer."""
    return [
        (name, run_id)
        for name in rules.monitored_resources(board.graph)
        if (run_id := _known_run(board, name))
        and not board.nodes[name]["offers"]
        and board.tables.select("artifacts", {"resource": name, "state": "new", "published": True}, limit=1)
    ]


def get(board: Board, artifact_id: int) -> Row:
    """The artifact with this id; refused where there is none."""
    found = board.tables.select("artifacts", {"id": artifact_id})
    if not found:
        raise Refused("not-found", f"there is no artifact {artifact_id}")
    return found[0]


def by_whom(by: StoreRequest) -> str:
    """Who asked, in words."""
    return "by hand" if by.node == OPERATOR else f"by node {by.node!r}"


def _known_run(board: Board, resource: str) -> int:
    """A run that the resource may be signalled for; 0 where there was none yet."""
    return int(board.nodes[resource]["last_run_id"] or board.last_run_id)


def _check_release(board: Board, row: Row, words: str) -> None:
    if row["run_id"] in board.runs:
        raise Refused("invalid", f"{words}: run {row['run_id']}, which is running, owns it")
    if row["version"] < 0:
        raise Refused("invalid", f"{words}: its bytes never came to its place ({row['reason']})")
    if not row["latest"]:
        raise Refused("invalid", f"{words}: version {row['version']} is not the latest of its location")


def _owner(board: Board, by: StoreRequest, state: str) -> int | None:
    """The run that something recorded as current belongs to."""
    if state != "current":
        return None
    owner = _run_at_work(board, by) or max(board.runs, default=None)
    if owner is None:
        raise Refused("invalid", "cannot record artifacts as current: no run is running")
    return owner


def _run_at_work(board: Board, by: StoreRequest) -> int | None:
    """The run whose task the asking process executes."""
    for run in board.runs.values():
        task = run.tasks.get(by.node)
        if task is not None and task["state"] == "executing" and task["incarnation"] == by.incarnation:
            return run.id
    return None


def _check_location(resource: str, location: str) -> None:
    if not 0 < len(location) <= MAX_LOCATION or "\0" in location:
        raise Refused(
            "invalid",
            f"cannot record {location[:80]!r} in {resource!r}: a location has 1 to {MAX_LOCATION} characters, none NUL",
        )


def _latest(board: Board, resource: str, locations: Sequence[str]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    rest = iter(dict.fromkeys(locations))
    while batch := list(islice(rest, BATCH)):
        where = {"resource": resource, "location": batch, "latest": True}
        rows.update((row["location"], row) for row in board.tables.select("artifacts", where))
    return rows


def _touch(board: Board, known: Row, row: Row) -> None:
    """The same bytes, seen again."""
    if known["mtime_ns"] != row["mtime_ns"]:
        board.change_artifacts({"id": known["id"]}, {"mtime_ns": row["mtime_ns"]})


def _row(board: Board, resource: str, found: Found, state: str, run_id: int | None) -> Row:
    return {
        "resource": resource,
        "location": found.location,
        "version": 1,
        "latest": True,
        "state": state,
        "run_id": run_id,
        "made_by_run": None,
        "made_by_node": None,
        "sha256": found.sha256,
        "size": found.size,
        "mtime_ns": found.mtime_ns,
        "published": True,
        "staging": None,
        "created_at": board.now(),
        "reason": None,
    }


def _supersede(board: Board, known: Row, row: Row) -> None:
    """`row` becomes the next version of its location; one before it that nobody has claimed gives way."""
    row["version"] = known["version"] + 1
    if known["state"] == "new":
        _remove(board, known)
    else:
        board.change_artifacts({"id": known["id"]}, {"latest": False})


def _latest_again(board: Board, gone: Row) -> None:
    """Of the location of `gone`, which is no longer its latest version, the one before it is."""
    where = {"resource": gone["resource"], "location": gone["location"]}
    after_id = None
    while rows := board.tables.select("artifacts", where, descending=True, limit=10, after_id=after_id):
        for row in rows:
            if row["version"] > 0:
                board.change_artifacts({"id": row["id"]}, {"latest": True})
                return
        after_id = rows[-1]["id"]


def _remove(board: Board, row: Row) -> None:
    board.tables.delete("artifact_tags", {"artifact_id": row["id"]})
    board.remove_artifact(row)
