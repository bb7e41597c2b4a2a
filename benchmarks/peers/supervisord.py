"""Supervisor: https://supervisord.org. Wakes once a second; a child that ends is seen then."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence

from benchmarks.harness import installed
from benchmarks.harness.daemon import short_folder
from benchmarks.harness.fifo import Fifo
from benchmarks.peers.children import Supervised, command, supervised

SETTLED = 1.2  # seconds that a child must have lived (startsecs=1), or its end counts as a failed start
# A restart at once, however often and however soon, and no pipes for what the children print.
BEST = "startsecs=0\nstartretries=1000000\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n"

_CONFIGURATION = """
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
[unix_http_server]
file={folder}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{folder}/s.sock
[program:child]
command={command}
numprocs={children}
process_name=%(program_name)s_%(process_num)d
{settings}
"""


@contextlib.contextmanager
def supervisord(children: int = 1, modules: Sequence[str] = (), settings: str = "") -> Iterator[Supervised]:
    """supervisord with so many children that import `modules`; `settings` are those of the program."""
    peer = installed("supervisord")
    with short_folder() as folder:
        fifo = Fifo(folder / "fifo")
        file = folder / "supervisord.conf"
        words = shlex.join(command(fifo, modules))
        file.write_text(_CONFIGURATION.format(folder=folder, command=words, children=children, settings=settings))
        start = [str(peer.program("supervisord")), "-c", str(file)]
        ctl = [str(peer.program("supervisorctl")), "-c", str(file), "status"]
        with supervised(start, fifo, children, ctl, folder / "log") as running:
            yield running
