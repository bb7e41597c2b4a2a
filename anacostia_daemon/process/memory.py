"""Whether the kernel has killed for want of memory: tells its SIGKILL from that of a person or another program.

Linux counts such kills for the whole machine, readable by all. A kill of somebody else's process in the same moment
is taken for one of ours: that blames an artifact once too often, never too seldom. Elsewhere nobody can tell.
"""

from __future__ import annotations

import re
from pathlib import Path

_COUNTERS = Path("/proc/vmstat")
_OOM_KILL = re.compile(rb"^oom_kill ([0-9]+)$", re.MULTILINE)


class OutOfMemory:
    """Counts from when it is made."""

    def __init__(self, counters: Path = _COUNTERS) -> None:
        self._counters = counters
        self._seen = self._count()

    def happened(self) -> bool:
        """Whether the kernel has killed a process for its memory since this was last asked."""
        before, self._seen = self._seen, self._count()
        return self._seen > before

    def _count(self) -> int:
        try:
            content = self._counters.read_bytes()
        except OSError:
            return 0
        found = _OOM_KILL.search(content)
        return 0 if found is None else int(found[1])
