"""A command as an action: its exit code is the result, its output goes to the node's log."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from node_sdk.actions import family
from node_sdk.actions.settings import ReadyActionNode
from node_sdk.errors import AnacostiaError, InvalidPipeline
from node_sdk.nodes.base import BaseNode, Loggers

Words = Sequence[str | os.PathLike[str]]

LAST_LINES = 10  # of the output, repeated in the error


class CommandFailed(AnacostiaError):
    """A command ended with an exit code that is neither success nor failure, or could not be started."""


class ShellActionNode(ReadyActionNode):
    """Runs `command` in each run: a list of words, or a function of this node that gives one.

    `shell=True`: `command` is one string, read by /bin/sh; quote what comes from elsewhere (shlex.quote). Exit codes in
    `success` (0) and `failure` (none) are just that; every other one, and a signal, is an error that repeats the last
    lines of the output. `env` is added to the environment of the node, which has besides ANACOSTIA_RUN_ID,
    ANACOSTIA_ATTEMPT and ANACOSTIA_TASK_KEY, the idempotency key of the task. `cwd`: the folder to work in.

    Each line it prints becomes one of the node's log. All that it has started ends with it: at its end, at the
    attempt's `timeout` and when the run is cancelled; SIGTERM first, SIGKILL after half of `stop_timeout`.
    """

    def __init__(
        self,
        name: str,
        command: Words | str | Callable[..., Words | str],
        predecessors: Sequence[BaseNode],
        *,
        shell: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        success: Collection[int] = (0,),
        failure: Collection[int] = (),
        loggers: Loggers = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, predecessors, loggers, settings)
        if not callable(command):
            _checked(command, shell, name, InvalidPipeline)
        both = set(success) & set(failure)
        if both:
            raise InvalidPipeline(
                f"cannot make action {name!r}: exit codes {sorted(both)} are success and failure at once"
            )
        self.command, self.shell = command, shell
        self.env, self.cwd = dict(env or {}), None if cwd is None else os.fspath(cwd)
        self.success, self.failure = frozenset(success), frozenset(failure)

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        """Run the command."""
        given = self.value_of(self.command)
        return self.judge(*self.run(_checked(given, self.shell, self.name, CommandFailed)))

    def run(self, command: list[str] | str, **more: Any) -> tuple[int, list[str]]:
        """Run `command` as this node's; its exit code, and the last lines of its output."""
        tail: deque[str] = deque(maxlen=LAST_LINES)

        def line(text: str) -> None:
            tail.append(text)
            self.log(text, "INFO")

        try:
            code = family.run(
                command,
                line,
                env=self.environment(),
                cwd=self.cwd,
                shell=self.shell,
                patience=self.stop_timeout / 2,
                **more,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word
            shown = command if isinstance(command, str) else command[0]
            reason = getattr(error, "strerror", None) or error
            raise CommandFailed(f"cannot run {shown!r} for action {self.name!r}: {reason}") from error
        return code, list(tail)

    def judge(self, code: int, tail: Sequence[str]) -> bool:
        """What the exit code means; CommandFailed where it is an error."""
        if code in self.success:
            return True
        if code in self.failure:
            self.log(f"exit code {code}: failed", "WARNING")
            return False
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        raise CommandFailed("\n".join([f"the command of action {self.name!r} ended with {how}", *tail]))

    def environment(self) -> dict[str, str]:
        """The environment that the command gets."""
        task = {
            "ANACOSTIA_RUN_ID": str(self.run_id),
            "ANACOSTIA_ATTEMPT": str(self.attempt),
            "ANACOSTIA_TASK_KEY": self.task_key,
        }
        return {**os.environ, **task, **self.env}


def _checked(command: Any, shell: bool, name: str, kind: type[AnacostiaError]) -> list[str] | str:
    words = f"cannot run the command of action {name!r}:"
    if shell:
        if not isinstance(command, str) or not command.strip():
            raise kind(f"{words} with shell=True it is a string that is not empty, not {command!r:.80}")
        return command
    if isinstance(command, str):
        raise kind(f"{words} {command!r:.80} is one string; give a list of words, or say shell=True")
    if not isinstance(command, (list, tuple)) or not command:
        raise kind(f"{words} a list of words is needed, not {command!r:.80}")
    if not all(isinstance(each, (str, os.PathLike)) for each in command):
        raise kind(f"{words} each of its words is a string or a path: {command!r:.80}")
    return [str(os.fspath(each)) for each in command]
