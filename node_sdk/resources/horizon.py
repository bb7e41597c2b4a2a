"""Up to which watermark a table holds nothing that is still to come. Pure.

Numbers and times are drawn when a row is written and seen when its transaction commits, in another order. So the
highest value seen proves nothing, until every transaction that was open when it was seen has ended, and the table was
read once more after that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PREPARED = "prepared"  # stands for all transactions that were prepared and are not committed


@dataclass(frozen=True, slots=True)
class Horizon:
    """`safe`: all rows up to this have been read, and no other will appear there (None: nothing is known).

    `bound` was the highest value when the transactions `still_open` were open.
    """

    safe: Any = None
    bound: Any = None
    still_open: frozenset[str] = frozenset()

    def moved(self, highest: Any, open_now: Iterable[str]) -> Horizon:
        """The horizon after a read of all rows from `safe` on, before which first `highest` and then the transactions
        `open_now` were looked up, in this order."""
        known = frozenset(open_now)
        if highest is None or not known:
            return Horizon(_higher(self.safe, highest))
        if self.bound is None:
            return Horizon(self.safe, highest, known)
        # One that has ended never opens again. One that was prepared (in two phases) has another name since.
        left = (self.still_open | {PREPARED}) & known
        if left:
            return Horizon(self.safe, self.bound, left)
        return Horizon(_higher(self.safe, self.bound), highest, known)


def _higher(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
