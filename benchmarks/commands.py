"""Commands as whole processes: from before the system is asked for one until it has ended."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence


def wall(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Milliseconds; CalledProcessError where it fails."""
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000
