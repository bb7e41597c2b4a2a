"""Starts a family in every way there is, then works until somebody ends it, or a file FOLDER/enough is there.

Every member appends "how pid" to FOLDER/family.log before anything else, and wants to stay for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bad_turn import BadTurn

FOLDER = Path(sys.argv[2]).resolve()
LOG = FOLDER / "family.log"
STAY = f"""
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(LOG)!r}, "a").write(f"{{sys.argv[1]}} {{os.getpid()}}\\n")
while True:
    signal.pause()
"""


def stay(how: str) -> None:
    """As STAY, in a process that was forked and executes nothing else."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(how)
    while True:
        signal.pause()


def say(how: str) -> None:
    with LOG.open("a") as log:
        log.write(f"{how} {os.getpid()}\n")


def forked(how: str, *, session: bool = False, twice: bool = False) -> None:
    """A member that never executes a program; with `twice` a daemon as the books make them."""
    child = os.fork()
    if child:
        if twice:
            os.waitpid(child, 0)
        return
    if session:
        os.setsid()
    if twice and os.fork():
        os._exit(0)
    if twice:
        os.chdir("/")
        os.closerange(0, 256)
    stay(how)


class Rogue(BadTurn):
    stop_timeout = 0.5

    def misbehave(self) -> None:
        program = [sys.executable, "-S", "-c", STAY]
        subprocess.Popen([*program, "child"])
        subprocess.Popen([*program, "own-group"], process_group=0)
        subprocess.Popen([*program, "own-session"], start_new_session=True)
        subprocess.Popen([*program, "no-mark"], env={})
        orphan = "import subprocess, sys; subprocess.Popen(sys.argv[1:-1], start_new_session=sys.argv[-1] == 'session')"
        subprocess.run([sys.executable, "-S", "-c", orphan, *program, "orphan", ""], check=True)
        subprocess.run([sys.executable, "-S", "-c", orphan, *program, "orphan-in-a-session", "session"], check=True)
        forked("forked")
        forked("forked-session", session=True)
        forked("daemon", session=True, twice=True)
        shell = f"trap '' TERM; echo shell $$ >> '{LOG}'; sleep 100000 | cat | sh -c \"trap '' TERM; cat\""
        subprocess.Popen(["sh", "-c", shell])
        pools = [multiprocessing.get_context("fork").Pool(2, say, ["pool"])]
        executors = []
        for method in ("fork", "spawn"):
            executors.append(ProcessPoolExecutor(1, multiprocessing.get_context(method)))
            executors[-1].submit(time.sleep, 0).result()
            for pid in executors[-1]._processes:
                with LOG.open("a") as log:
                    log.write(f"executor-{method} {pid}\n")
        while not (FOLDER / "enough").exists():
            time.sleep(0.01)
        del pools
