"""How many notices one rule sends: at most so many within so many seconds; of the others it is kept how many of what
there were, to be said in one when there is room again. Pure: time is an argument.
"""

from __future__ import annotations

from collections import Counter, deque

from anacostia_daemon.companions.notify.notices import Notice


class Limit:
    """`now` is monotonic seconds."""

    def __init__(self, at_most: int, within: float) -> None:
        self._at_most, self._within = at_most, within
        self._sent: deque[float] = deque()
        self._held: Counter[str] = Counter()
        self._last: Notice | None = None

    def admit(self, notice: Notice, now: float) -> bool:
        """Whether to send it now. While anything is held back all is: the summary comes first."""
        if self._held or not self._room(now):
            self.hold(notice)
            return False
        self._sent.append(now)
        return True

    def hold(self, notice: Notice) -> None:
        """Keep it for the summary."""
        self._held[f"{notice.event} of '{notice.pipeline}'"] += 1
        self._last = notice

    def due(self) -> float | None:
        """When there is a summary to send; None: nothing was held back."""
        if not self._held:
            return None
        full = len(self._sent) >= self._at_most
        return self._sent[-self._at_most] + self._within if full else 0.0

    def summary(self, now: float) -> Notice | None:
        """What was held back, in one notice, when that is due."""
        due = self.due()
        if due is None or now < due or self._last is None:
            return None
        self._room(now)
        self._sent.append(now)
        count, last = self._held.total(), self._last
        parts = ", ".join(f"{number} x {what}" for what, number in self._held.most_common(20))
        self._held.clear()
        words = "1 notice was" if count == 1 else f"{count} notices were"
        return Notice(event="held-back", pipeline=last.pipeline, reason=f"{words} held back: {parts}", at=last.at)

    def _room(self, now: float) -> bool:
        while self._sent and self._sent[0] + self._within <= now:
            self._sent.popleft()
        return len(self._sent) < self._at_most
