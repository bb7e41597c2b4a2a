"""One try of a task: the hooks around `execute()`, as their names say. How it ended comes out as data; nothing is sent
from here. User code runs here, and may be called back from outside (see recall.py).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from node_sdk.errors import Recalled
from node_sdk.runtime.interrupt import Stopping
from node_sdk.runtime.live import LOG, Ending, in_words
from node_sdk.wire.store import TaskEnd

LONGEST_ERROR = 8000  # characters of an error that the store keeps


class Settling(Protocol):
    """The way to the store, as far as an attempt needs it."""

    def settle(self) -> None: ...


class Attempt:
    """At the task of `node`. `run` calls user code; `called` says why it was called back, if it was."""

    def __init__(
        self,
        node: Any,
        store: Settling,
        run: Callable[[Callable[[], Any]], Any] = lambda step: step(),
        called: Callable[[], Recalled | None] = lambda: None,
    ) -> None:
        self._node = node
        self._store = store
        self._run = run
        self._called = called
        self._slips: list[str] = []

    def make(self) -> tuple[TaskEnd, str | None]:
        """How it ended, and the error in words. A hook that raises is noted and changes nothing of the result."""
        node = self._node
        self._hook("before_execution", node.before_execution)
        state, error = self._execute()
        if state == "succeeded":
            self._hook("on_success", node.on_success)
        elif state == "failed":
            self._hook("on_failure", node.on_failure)
        self._hook("after_execution", node.after_execution)
        self._hook("a hook", self._store.settle)
        notes = [each for each in (error, *self._slips) if each]
        return state, bounded("\n".join(notes)) if notes else None

    def _execute(self) -> tuple[TaskEnd, str | None]:
        try:
            self._leave_if_called()  # in before_execution, where it was noted like any other error
            done = self._run(self._node.execute)
            self._store.settle()  # a value that the store refused is an error of this attempt
            self._leave_if_called()  # and execute() swallowed it
        except (Ending, Stopping):
            raise
        except BaseException as raised:  # noqa: BLE001  (SystemExit of user code ends the attempt, not the node)
            LOG.exception("execute() raised %s", in_words(raised))
            called = self._called()
            words = in_words(raised) if called is None else str(called)
            text = f"{words}\n{''.join(traceback.format_exception(raised))}"
            self._hook("on_error", partial(self._node.on_error, raised))
            return "error", text
        if done:
            return "succeeded", None
        return "failed", f"execute() returned {done!r}"

    def _leave_if_called(self) -> None:
        called = self._called()
        if called is not None:
            raise called

    def _hook(self, name: str, hook: Callable[[], Any]) -> None:
        try:
            self._run(hook)
        except (Ending, Stopping):
            raise
        except BaseException as raised:  # noqa: BLE001  (as above)
            LOG.exception("%s() raised %s; the result of execute() stands", name, in_words(raised))
            self._slips.append(f"{name}() raised {in_words(raised)}")


def bounded(text: str) -> str:
    """`text` fit to be kept: the first line and the end of what is too long, no half characters."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    if len(text) <= LONGEST_ERROR:
        return text
    return f"{text[:1000]}\n[…]\n{text[-(LONGEST_ERROR - 1010) :]}"
