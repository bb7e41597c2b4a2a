"""When a resource that cannot be watched is looked at again: an interval while all is well, backoff while it is not.
Pure; who waits gives the random number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from node_sdk.errors import InvalidPipeline

LONGEST_ASKED = 3600.0  # seconds; more than that nobody may ask us to wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """`interval`: seconds between two looks. After a look that failed: `backoff_initial` seconds, twice as many after
    each further one, up to `backoff_max`. Both plus or minus the share `jitter`, so that many do not come at once.
    """

    interval: float = 10.0
    backoff_initial: float = 1.0
    backoff_max: float = 300.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        for name in ("interval", "backoff_initial", "backoff_max"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.05 <= value < math.inf:
                raise InvalidPipeline(f"cannot poll with {name}={value!r}: a number of seconds from 0.05 is needed")
        if not 0 <= self.jitter < 1:
            raise InvalidPipeline(f"cannot poll with jitter={self.jitter!r}: it is a share from 0 to below 1")

    def wait(self, failures: int, draw: float, asked: float | None = None) -> float:
        """Seconds until the next look, after `failures` in a row; `draw` is random, from 0 to 1.

        Where the other side has asked for a pause, `asked` seconds, it is no shorter.
        """
        if not failures:
            return self._spread(self.interval, draw)
        pause = min(self.backoff_initial * 2.0 ** min(failures - 1, 60), self.backoff_max)
        return max(self._spread(pause, draw), min(asked or 0.0, LONGEST_ASKED))

    def _spread(self, seconds: float, draw: float) -> float:
        return seconds * (1 + self.jitter * (2 * draw - 1))
