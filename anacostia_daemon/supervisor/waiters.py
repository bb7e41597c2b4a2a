"""Commands that wait: each is a predicate, looked at after every turn. Nobody is blocked by one; a client that has
left is forgotten, and one whose look raises is told and forgotten: the others go on waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from anacostia_daemon.supervisor.log import report_exception


class Waiting(Protocol):
    """What is needed of a conversation."""

    closed: bool

    def progress(self, text: str) -> None: ...
    def error(self, code: Literal["failed"], message: str) -> None: ...


@dataclass(slots=True)
class _Waiter:
    conversation: Waiting
    look: Callable[[], bool]
    told: str = ""


class Waiters:
    """All commands that wait."""

    def __init__(self) -> None:
        self._waiting: list[_Waiter] = []

    def add(self, conversation: Waiting, look: Callable[[], bool]) -> None:
        """Call `look` after each turn, this one too, until it says True (it has answered) or the client is gone."""
        self._waiting.append(_Waiter(conversation, look))

    def look(self) -> None:
        """Let each look once."""
        before, self._waiting = self._waiting, []
        still = [each for each in before if not each.conversation.closed and not _is_over(each)]
        self._waiting = still + self._waiting

    def tell(self, text: str) -> None:
        """Say to each, once, why it takes so long."""
        for each in self._waiting:
            if each.told != text:
                each.told = text
                each.conversation.progress(text)


def _is_over(waiter: _Waiter) -> bool:
    try:
        return waiter.look()
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the trouble of this one alone)
        report_exception()
        message = f"cannot go on with it: {type(error).__name__}: {error}"
    try:
        waiter.conversation.error("failed", message)
    except Exception:  # noqa: BLE001  (the next request of the same client is begun in there)
        report_exception()
    return True
