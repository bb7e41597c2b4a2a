"""A figure as a value: rows of samples, and what follows from them by arithmetic. Nothing here measures or prints.

Quoted are medians; ratios are to the median of the raw limit and to that of the best peer of the same run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Better = Literal["less", "more"]


@dataclass(frozen=True)
class Goal:
    """What was to be reached, in words, and what was. `unmet`: what the profile shows is left, where it was not."""

    words: str
    measured: float
    met: bool
    unmet: str = ""


@dataclass(frozen=True)
class Summary:
    """Of the samples of one row, in the figure's unit."""

    n: int
    p50: float
    p99: float


@dataclass(frozen=True)
class Figure:
    """`name` names files; `rows` has the samples of each way, in `unit`. `limit` and `ours` are names of rows; all
    other rows are peers, but those of `apart`, which are shown and compared with nothing.

    `better`: whether less of the unit is better (time, memory) or more (calls per second). `missing`: peers that could
    not take part, and why. `parts`: bar → part → amount in `unit`, where the time goes; drawn as a stacked bar.
    """

    name: str
    title: str
    unit: str
    rows: Mapping[str, Sequence[float]]
    ours: tuple[str, ...] = ("anacostia",)
    limit: str | None = "limit"
    apart: tuple[str, ...] = ()
    better: Better = "less"
    goals: Sequence[Goal | None] = ()
    notes: Sequence[str] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def judged(self) -> tuple[Goal, ...]:
        """The goals for which there was something to measure."""
        return tuple(each for each in self.goals if each is not None)

    def summary(self, row: str) -> Summary:
        """n, p50 and p99 of a row. Where more is better, p99 is what 99 % of the samples reach."""
        samples = self.rows[row]
        tail = 99 if self.better == "less" else 1
        return Summary(len(samples), percentile(samples, 50), percentile(samples, tail))

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(each for each in self.rows if each not in (self.limit, *self.ours, *self.apart))

    @property
    def best_peer(self) -> str | None:
        """The peer with the best median; None where no peer took part."""
        choose = min if self.better == "less" else max
        return choose(self.peers, key=lambda each: self.summary(each).p50) if self.peers else None

    def of_limit(self, row: str) -> float | None:
        """The median of `row` as a multiple of the limit's; None where there is no limit."""
        return None if self.limit is None else self.summary(row).p50 / self.summary(self.limit).p50

    def than_best_peer(self, row: str) -> float | None:
        """How many times better the median of `row` is than that of the best peer."""
        if self.best_peer is None:
            return None
        mine, best = self.summary(row).p50, self.summary(self.best_peer).p50
        return best / mine if self.better == "less" else mine / best


def percentile(samples: Sequence[float], percent: float) -> float:
    """By linear interpolation between the two nearest samples; ValueError where there is none."""
    if not samples:
        raise ValueError("cannot summarize a row: it has no samples")
    in_order = sorted(samples)
    place = (len(in_order) - 1) * percent / 100
    below, above = in_order[math.floor(place)], in_order[math.ceil(place)]
    return below + (above - below) * (place - math.floor(place))


def at_most(words: str, measured: float | None, bound: float, unmet: str = "") -> Goal | None:
    """A goal that is met where `measured` is not above `bound`; None (no goal) where nothing could be measured."""
    return None if measured is None else Goal(words, measured, measured <= bound, unmet)


def at_least(words: str, measured: float | None, bound: float, unmet: str = "") -> Goal | None:
    """A goal that is met where `measured` is not below `bound`; None (no goal) where nothing could be measured."""
    return None if measured is None else Goal(words, measured, measured >= bound, unmet)
