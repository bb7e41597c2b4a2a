"""Circus: https://circus.readthedocs.io. Looks at its processes every `check_delay` seconds, 5 by default."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence

from benchmarks.harness import installed
from benchmarks.harness.daemon import short_folder
from benchmarks.harness.fifo import Fifo
from benchmarks.peers.children import Supervised, command, supervised

PERIOD = 5.0  # seconds between two looks, by default
BEST = "check_delay = 0.01\n"  # costs half a core when idle

_CONFIGURATION = """
[circus]
endpoint = ipc://{folder}/c.sock
pubsub_endpoint = ipc://{folder}/p.sock
statsd = False
{settings}
"""
_WATCHER = """
[watcher:child{number}]
cmd = {command}
numprocesses = {children}
copy_env = True
max_retry = -1
"""


@contextlib.contextmanager
def circus(
    children: int = 1, modules: Sequence[str] = (), settings: str = "", watchers: int = 1
) -> Iterator[Supervised]:
    """circusd with `watchers` times so many children that import `modules`; `settings` are those of circusd itself."""
    peer = installed("circus")
    with short_folder() as folder:
        fifo = Fifo(folder / "fifo")
        file = folder / "circus.ini"
        words = shlex.join(command(fifo, modules))
        watched = (_WATCHER.format(number=each, command=words, children=children) for each in range(watchers))
        file.write_text(_CONFIGURATION.format(folder=folder, settings=settings) + "".join(watched))
        start = [str(peer.program("circusd")), str(file)]
        ctl = [str(peer.program("circusctl")), "--endpoint", f"ipc://{folder}/c.sock", "status"]
        with supervised(start, fifo, children * watchers, ctl, folder / "log") as running:
            yield running
