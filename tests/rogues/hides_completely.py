"""Starts a process that drops all that it was given: environment, session, parent, descriptors."""

import subprocess
import sys
import time
from pathlib import Path

from bad_turn import BadTurn

LOG = Path(sys.argv[2]).resolve() / "family.log"
STAY = f"""
import os, signal
os.setsid()
if os.fork():
    os._exit(0)
os.closerange(0, 256)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(LOG)!r}, "a").write(f"hidden {{os.getpid()}}\\n")
while True:
    signal.pause()
"""


class Rogue(BadTurn):
    stop_timeout = 0.5

    def misbehave(self) -> None:
        subprocess.run([sys.executable, "-S", "-c", STAY], env={}, check=True)
        while True:
            time.sleep(1)
