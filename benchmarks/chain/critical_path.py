"""Where the time between two moments went: the way of the last message that was needed, walked backwards.

Works on what `chain/traced.py` saw. From the moment when something was done, back to the message that the process
had taken in last, to who had sent it, and so on until the beginning. Each stretch of the way has a name; together they
are the whole time, without gap or overlap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chain.stamps import Reader

SENT, RECEIVED, COMMITTED, WAITED, BEGUN = range(1, 6)
MOST_MESSAGES = 16  # on one way; beyond it the walk has lost it

Stretch = tuple[str, int]  # name, nanoseconds


@dataclass
class Traces:
    """What all processes saw. `nodes`: pid → name of the node."""

    sent: dict[int, list[tuple[int, int, str]]] = field(default_factory=lambda: defaultdict(list))
    received: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))  # (done, message)
    commits: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))  # (began, done)
    waits: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))  # (began, done)

    @classmethod
    def load(cls, folder: Path, nodes: dict[int, str]) -> Traces:
        traces = cls()
        for pid, name in nodes.items():
            for kind, message, began, done in Reader(folder / str(pid)).new():
                if kind == SENT:
                    traces.sent[message].append((began, done, name))
                elif kind == RECEIVED:
                    traces.received[name].append((done, message))
                elif kind == COMMITTED:
                    traces.commits[name].append((began, done))
                elif kind == WAITED:
                    traces.waits[name].append((began, done))
        return traces

    def way(self, node: str, since: int, until: int) -> list[Stretch] | None:
        """From `since` to `until`, when `node` did what is asked about; None where the way cannot be told."""
        found: list[Stretch] = []
        at = until
        for _ in range(MOST_MESSAGES):
            heard = self._last(self.received[node], at)
            if heard is None or heard[0] <= since:
                found += reversed(self._inside(node, since, at))
                return found[::-1]
            done, message = heard
            sender = self._sender(message, done)
            if sender is None:
                return None
            sent_began, _, name = sender
            if sent_began < since:
                found += reversed(self._inside(node, since, at))
                return found[::-1]
            found += reversed(self._inside(node, done, at))
            found += reversed(self._across(name, node, sent_began, done))
            node, at = name, sent_began
        return None

    def _inside(self, node: str, since: int, until: int) -> list[Stretch]:
        """A stretch inside of one process: what of it was a commit, and what its own work."""
        commits = [(began, done) for began, done in self._between(self.commits[node], since, until)]
        if not commits:
            return [(f"{node} works", until - since)]
        inside: list[Stretch] = []
        for began, done in commits:
            inside += [(f"{node} works", began - since), (f"{node} commits", done - began)]
            since = done
        return [*inside, (f"{node} answers", until - since)]

    def _across(self, sender: str, node: str, sent: int, taken: int) -> list[Stretch]:
        """Between two processes: whether the receiver was busy with something else, the way, and the taking in."""
        index = bisect_left(self.waits[node], (taken, 0)) - 1
        began, woken = self.waits[node][index] if index >= 0 else (0, 0)
        if not sent < woken <= taken:  # it did not wait for this one
            return [(f"{sender} → {node}", taken - sent)]
        way = (f"{sender} → {node}", woken - max(sent, began))
        taking = (f"{node} takes in", taken - woken)
        return [(f"{node} is busy", began - sent), way, taking] if began > sent else [way, taking]

    @staticmethod
    def _between(pairs: list[tuple[int, int]], since: int, until: int) -> list[tuple[int, int]]:
        first = bisect_left(pairs, (since, 0))
        found = []
        for began, done in pairs[first:]:
            if done > until:
                break
            found.append((began, done))
        return found

    @staticmethod
    def _last(pairs: list[tuple[int, int]], before: int) -> tuple[int, int] | None:
        index = bisect_left(pairs, (before, 0))
        return pairs[index - 1] if index else None

    def _sender(self, message: int, before: int) -> tuple[int, int, str] | None:
        sent = [each for each in self.sent[message] if each[0] < before]
        return max(sent, default=None)
