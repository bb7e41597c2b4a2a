"""Commands that write a wish into a pipeline's metadata store: trigger, cancel, retry, release, tag. The store
must be running; what it refuses, and why, is what the person hears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from anacostia_daemon.supervisor.commands.asking import MOST_WHO, Arguments, CommandFailed, find_pipeline
from anacostia_daemon.supervisor.store_query import UNAVAILABLE
from node_sdk.wire.store import EndRun, Operation, RetryRun, StartRun, StoreReply, TagArtifact, TagRun, UpdateArtifact

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon, Member


def trigger(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Start a run now. `token` makes the wish one, however often it is sent."""
    member = find_pipeline(daemon, given.text("pipeline"), given.doing)
    name = member.pipeline.name

    def triggered(run_id: Any) -> None:
        _note(daemon, given, name, "trigger", f"run {run_id} was asked for")
        conversation.result({"pipeline": name, "run_id": run_id})

    _ask(member, StartRun(given.text("token")), conversation, f"cannot trigger pipeline '{name}'", triggered)


def cancel(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """End a run now. Once that is durable, the nodes that are at work for it are told to stop."""
    member, run_id = _run(daemon, given)
    name = member.pipeline.name

    def cancelled(value: Any) -> None:
        member.pipeline.cancelling.tell(run_id)
        _note(daemon, given, name, "cancel", f"run {run_id} was cancelled")
        conversation.result({"pipeline": name, "run_id": run_id})

    words = f"cannot cancel run {run_id} of pipeline '{name}'"
    _ask(member, EndRun(run_id, "cancelled"), conversation, words, cancelled, member.pipeline.cancelling.doubt)


def retry(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Open a run again that has ended. `token` as for `trigger`."""
    member, run_id = _run(daemon, given)
    name, node = member.pipeline.name, given.maybe_text("from_node")

    def opened(value: Any) -> None:
        _note(daemon, given, name, "retry", f"run {run_id} was opened again" + (f" from {node}" if node else ""))
        conversation.result({"pipeline": name, "run_id": run_id})

    words = f"cannot retry run {run_id} of pipeline '{name}'" + (f" from '{node}'" if node else "")
    _ask(member, RetryRun(run_id, node, given.text("token")), conversation, words, opened)


def release(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Offer an artifact that is failed, or old, to runs again."""
    member, artifact_id = find_pipeline(daemon, given.text("pipeline"), given.doing), given.number("artifact_id")
    name = member.pipeline.name

    def released(value: Any) -> None:
        _note(daemon, given, name, "release", f"artifact {artifact_id} was released")
        conversation.result({"pipeline": name, "artifact_id": artifact_id})

    words = f"cannot release artifact {artifact_id} of pipeline '{name}'"
    _ask(member, UpdateArtifact(artifact_id, "new"), conversation, words, released)


def tag(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    """Give a run, or an artifact, tags (`set`: key to value) and take some away (`remove`)."""
    member, values, without = (
        find_pipeline(daemon, given.text("pipeline"), given.doing),
        given.columns("set"),
        given.texts("remove"),
    )
    name, artifact_id = member.pipeline.name, given.maybe_number("artifact_id")
    run_id = given.number("run_id") if artifact_id is None else None
    if run_id is not None:
        operation: Operation = TagRun(run_id, values, without)
        words = f"cannot tag run {run_id} of pipeline '{name}'"
    else:
        operation = TagArtifact(artifact_id or 0, values, without)
        words = f"cannot tag artifact {artifact_id} of pipeline '{name}'"

    def tagged(value: Any) -> None:
        what = f"run {run_id}" if run_id is not None else f"artifact {artifact_id}"
        _note(daemon, given, name, "tag", f"{what} was tagged: {_tags(values, without)}")
        conversation.result({"pipeline": name, "run_id": run_id, "artifact_id": artifact_id})

    _ask(member, operation, conversation, words, tagged)


def _note(daemon: Daemon, given: Arguments, pipeline: str, event: str, what: str) -> None:
    """A line that says who wished it, where that is said; `anacostiactl` speaks for one person only."""
    if given.maybe_text("by") is not None:
        daemon.note(pipeline, event, f"{what} by {given.who}")


def _tags(values: Mapping[str, Any], without: Iterable[str]) -> str:
    words = [*sorted(values), *(f"without {each}" for each in without)]
    return "".join(each if each.isprintable() else "?" for each in ", ".join(words)[:MOST_WHO])


def _run(daemon: Daemon, given: Arguments) -> tuple[Member, int]:
    return find_pipeline(daemon, given.text("pipeline"), given.doing), given.number("run_id")


def _ask(
    member: Member,
    operation: Operation,
    conversation: Conversation,
    words: str,
    then: Callable[[Any], None],
    unknown: Callable[[], None] = lambda: None,
) -> None:
    """`then` with the store's answer; an error that begins with `words` where it gives none. `unknown` where it may
    have done what was asked all the same."""
    pipeline = member.pipeline
    if not member.questions.store_is_ready:
        state = pipeline.nodes[pipeline.graph.store.name].state
        raise CommandFailed(
            "not-running",
            f"{words}: its metadata store '{state.name}' is {state.phase} ({state.reason})",
            f"`anacostiactl start {pipeline.name}`",
        )

    def answer(reply: StoreReply) -> None:
        if reply.kind == UNAVAILABLE:
            unknown()
        if reply.error is None:
            then(reply.value)
        elif reply.kind == "not-found":
            listing = "artifacts" if isinstance(operation, (TagArtifact, UpdateArtifact)) else "runs"
            hint = f"`anacostiactl {listing} {pipeline.name}` lists the {listing}"
            conversation.error("unknown", f"{words}: {_cause(reply.error)}", hint)
        else:
            conversation.error("failed", f"{words}: {_cause(reply.error)}")

    member.questions.ask(operation, answer)


def _cause(error: str) -> str:
    """Without what the store could not do in its words; the person's come before."""
    cannot, _, cause = error.partition(": ")
    return cause if cannot.startswith("cannot ") and cause else error
