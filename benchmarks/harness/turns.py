"""Who measures when. All ways of a figure take turns, so that whatever drifts (heat, neighbours, caches) hits all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

Way = Callable[[], float | Iterable[float]]


def quick() -> bool:
    """Whether this is only to try things out (QUICK=1): few rounds, nothing recorded."""
    return os.environ.get("QUICK", "") not in ("", "0")


def rounds(full: int, few: int = 3) -> int:
    """How many rounds: `full`, or `few` where things are only tried out."""
    return min(full, few) if quick() else full


def take_turns(ways: Mapping[K, Way], times: int, warm: int = 1, pause: float = 0.0) -> dict[K, list[float]]:
    """`times` rounds in which each of `ways` is called once, after `warm` rounds that do not count.

    A way returns one sample or several. The order is turned around in every other round, so that none always comes
    after the same neighbour; before each call there are `pause` seconds of rest.
    """
    found: dict[K, list[float]] = {name: [] for name in ways}
    for turn in range(-warm, times):
        order = list(ways.items())
        for name, way in order if turn % 2 == 0 else reversed(order):
            time.sleep(pause)
            sample = way()
            if turn >= 0:
                found[name].extend([float(sample)] if isinstance(sample, (int, float)) else sample)
    return found
