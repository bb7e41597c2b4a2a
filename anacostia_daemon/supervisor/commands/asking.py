"""What is asked: arguments of the right type, and the pipelines and nodes that they name. Wrong ones are answered in
words, with the nearest right name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anacostia_daemon.control.messages import ErrorCode

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Daemon, Member
    from anacostia_daemon.supervisor.enrolment import Enrolment


MOST_WHO = 200  # characters


class CommandFailed(Exception):
    """The command cannot be done; the client is told so."""

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.hint = hint


@dataclass(frozen=True)
class Arguments:
    """The arguments of one request. `doing` begins the error messages: 'stop', 'show runs of'."""

    doing: str
    given: Mapping[str, Any]

    @property
    def who(self) -> str:
        """Who asks, for the journal; a client that speaks for several people says which of them."""
        who = self.maybe_text("by") or "a user"
        if len(who) > MOST_WHO or not who.isprintable():
            raise self.invalid("by", f"at most {MOST_WHO} printable characters", who[:MOST_WHO])
        return who

    def text(self, name: str) -> str:
        value = self.given.get(name)
        if not isinstance(value, str) or not value:
            raise self.invalid(name, "a text", value)
        return value

    def maybe_text(self, name: str) -> str | None:
        return None if self.given.get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.given.get(name) or ()
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
            raise self.invalid(name, "a list of texts", value)
        return tuple(value)

    def number(self, name: str) -> int:
        value = self.given.get(name)
        if type(value) is not int:
            raise self.invalid(name, "a whole number", value)
        return value

    def maybe_number(self, name: str) -> int | None:
        return None if self.given.get(name) is None else self.number(name)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.given.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.invalid(name, "true or false", value)
        return value

    def columns(self, name: str) -> dict[str, Any]:
        """Columns of a table and what they are to hold; the store checks what they are."""
        value = self.given.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value):
            raise self.invalid(name, "a map of columns", value)
        return dict(value)

    def texts_by_name(self, name: str) -> dict[str, str]:
        value = self.given.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in (*value, *value.values())):
            raise self.invalid(name, "a map of texts", value)
        return dict(value)

    def invalid(self, name: str, wanted: str, value: object) -> CommandFailed:
        return CommandFailed("invalid", f"cannot {self.doing}: {name} is to be {wanted}, not {value!r}")


@dataclass(frozen=True)
class Target:
    """A pipeline, or nodes of it."""

    member: Member
    names: tuple[str, ...]  # of the nodes meant, in the order of the graph
    whole: bool

    @property
    def text(self) -> str:
        name = self.member.pipeline.name
        return f"pipeline '{name}'" if self.whole else f"node '{self.names[0]}' of pipeline '{name}'"


def find_pipeline(daemon: Daemon, name: str, doing: str) -> Member:
    """The registered pipeline `name`."""
    member = daemon.members.get(name)
    if member is None and name in daemon.listing.pipelines:
        why = daemon.listing.trouble(name) or "it has not been started yet"
        raise CommandFailed(
            "not-running", f"cannot {doing} pipeline '{name}': it is listed in {daemon.config.file}, but {why}"
        )
    if member is None:
        raise CommandFailed(
            "unknown",
            f"cannot {doing} pipeline '{name}': no such pipeline{_did_you_mean(name, daemon.members)}",
            "`anacostiactl status` lists what is registered; `anacostiactl start FILE` registers",
        )
    return member


def find_loading(daemon: Daemon, name: str) -> Enrolment | None:
    """The start of `name` that is under way, while its file is being loaded."""
    return next((each for each in daemon.enrolments if name in (each.name, each.recipe.file)), None)


def find_target(daemon: Daemon, text: str, doing: str) -> Target:
    """What 'PIPELINE' or 'PIPELINE/NODE' names."""
    name, slash, node = text.partition("/")
    member = find_pipeline(daemon, name, doing)
    if not slash:
        return Target(member, tuple(member.pipeline.graph.by_name), True)
    find_node(member, node, doing)
    return Target(member, (node,), False)


def find_node(member: Member, node: str, doing: str) -> None:
    """CommandFailed where the pipeline has no such node."""
    pipeline = member.pipeline
    if node not in pipeline.nodes:
        raise CommandFailed(
            "unknown",
            f"cannot {doing} node '{node}': no such node in pipeline '{pipeline.name}'"
            + _did_you_mean(node, pipeline.nodes),
            f"its nodes: {', '.join(pipeline.nodes)}",
        )


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
