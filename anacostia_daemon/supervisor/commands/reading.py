"""Commands that read from a pipeline's metadata store: runs, run, artifacts, metrics. `runs` gives the newest first;
the others give the newest `limit` rows in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from anacostia_daemon.supervisor.commands import shapes
from anacostia_daemon.supervisor.commands.asking import Arguments, CommandFailed, find_node, find_pipeline
from anacostia_daemon.supervisor.questions import ask_all
from node_sdk.wire.store import Operation, Select, ShowPanel, StoreReply, Table

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member

LIMIT = 100  # rows, where the request does not say
_RUN_STATES = ("running", "succeeded", "failed", "cancelled")
_ARTIFACT_STATES = ("new", "current", "old", "failed")


def runs(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    member = find_pipeline(daemon, given.text("pipeline"), given.doing)
    where = _where(state=_one_of(given, "state", _RUN_STATES))

    wanted = Select("runs", where, True, _limit(given))
    _ask(member, given, conversation, [wanted], lambda values: _with_tasks(member, given, conversation, values[0]))


def run(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """One run with its tasks, and what it used, made and logged."""
    member = find_pipeline(daemon, given.text("pipeline"), given.doing)
    run_id = given.number("run_id")

    def show(values: list[Any]) -> None:
        rows, tasks, owned, made, metrics = values
        if not rows:
            conversation.error(
                "unknown",
                f"cannot show run {run_id}: no such run in pipeline '{member.pipeline.name}'",
                f"`anacostiactl runs {member.pipeline.name}` lists them",
            )
            return
        artifacts = sorted({row["id"]: row for row in (*owned, *made)}.values(), key=lambda row: int(row["id"]))
        [shown] = _runs(member, rows, tasks)
        shown["artifacts"] = [shapes.artifact(row) for row in artifacts]
        shown["metrics"] = [shapes.metric(row) for row in metrics]
        conversation.result(shown)

    wanted: list[Operation] = [
        Select("runs", {"id": run_id}),
        Select("tasks", {"run_id": run_id}),
        Select("artifacts", {"run_id": run_id}),
        Select("artifacts", {"made_by_run": run_id}),
        Select("metrics", {"run_id": run_id}),
    ]
    _ask(member, given, conversation, wanted, show)


def artifacts(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    where = _where(state=_one_of(given, "state", _ARTIFACT_STATES), resource=given.maybe_text("resource"))
    _rows(daemon, given, conversation, "artifacts", where, shapes.artifact, given.maybe_text("resource"))


def metrics(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    where = _where(run_id=given.maybe_number("run_id"), node=given.maybe_text("node"), key=given.maybe_text("key"))
    _rows(daemon, given, conversation, "metrics", where, shapes.metric, given.maybe_text("node"))


def rows(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Rows of one table, for programs that read in pages: `where` as a store has it, `limit` of those beyond the id
    `after`, the newest first where asked. Each has its `id`; runs come with their tasks."""
    member = find_pipeline(daemon, given.text("pipeline"), given.doing)
    table = given.text("table")
    if table not in shapes.OF_TABLE and table != "runs":
        raise given.invalid("table", f"one of runs, {', '.join(shapes.OF_TABLE)}", table)
    where = given.columns("where")
    wanted = Select(cast(Table, table), where, given.flag("newest_first"), _limit(given), given.maybe_number("after"))

    def show(values: list[Any]) -> None:
        if table == "runs":
            _with_tasks(member, given, conversation, values[0])
        else:
            shape = shapes.OF_TABLE[table]
            conversation.result([{"id": row["id"], **shape(row)} for row in values[0]])

    _ask(member, given, conversation, [wanted], show)


def panel(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """What a node shows of itself; made by its code, in a child of the loader."""
    member, node = find_pipeline(daemon, given.text("pipeline"), given.doing), given.text("node")
    find_node(member, node, given.doing)

    def show(reply: StoreReply) -> None:
        if reply.error is None:
            conversation.result(reply.value)
        else:
            conversation.error("failed", f"cannot {given.doing} node '{node}': {reply.error}")

    member.questions.ask_loader(ShowPanel(node), show)


def _with_tasks(member: Member, given: Arguments, conversation: Conversation, rows: list[dict[str, Any]]) -> None:
    if not rows:
        conversation.result([])
        return
    tasks = Select("tasks", {"run_id": [row["id"] for row in rows]})
    _ask(member, given, conversation, [tasks], lambda found: conversation.result(_runs(member, rows, found[0])))


def _rows(
    daemon: Daemon,
    given: Arguments,
    conversation: Conversation,
    table: Table,
    where: dict[str, Any],
    shape: Callable[[dict[str, Any]], dict[str, Any]],
    node: str | None,
) -> None:
    member = find_pipeline(daemon, given.text("pipeline"), given.doing)

    def show(values: list[Any]) -> None:
        if node is not None and not values[0]:  # one that an earlier graph had may have left rows
            try:
                find_node(member, node, given.doing)
            except CommandFailed as error:
                conversation.error(error.code, str(error), error.hint)
                return
        conversation.result([shape(row) for row in reversed(values[0])])

    _ask(member, given, conversation, [Select(table, where, True, _limit(given))], show)


def _ask(
    member: Member,
    given: Arguments,
    conversation: Conversation,
    operations: list[Operation],
    then: Callable[[list[Any]], None],
) -> None:
    def otherwise(error: str) -> None:
        conversation.error("failed", f"cannot {given.doing} pipeline '{member.pipeline.name}': {error}")

    ask_all(member.questions, operations, then, otherwise)


def _runs(member: Member, rows: list[dict[str, Any]], tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    order = list(member.pipeline.nodes)
    of_run: dict[int, list[dict[str, Any]]] = {}
    for task in tasks:
        of_run.setdefault(task["run_id"], []).append(task)
    return [shapes.run(member.pipeline.name, row, of_run.get(row["id"], []), order) for row in rows]


def _where(**columns: Any) -> dict[str, Any]:
    return {column: value for column, value in columns.items() if value is not None}


def _one_of(given: Arguments, name: str, allowed: tuple[str, ...]) -> str | None:
    value = given.maybe_text(name)
    if value == "all":
        return None
    if value is not None and value not in allowed:
        raise given.invalid(name, f"one of {', '.join(allowed)}", value)
    return value


def _limit(given: Arguments) -> int:
    limit = given.maybe_number("limit")
    if limit is not None and limit < 1:
        raise given.invalid("limit", "1 or more", limit)
    return LIMIT if limit is None else limit
