"""What supervisors are given to supervise: imports what it is told to, says when its first line ran, and waits.

child.py FIFO [MODULE…]
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time

fifo, *modules = sys.argv[1:]
for module in modules:
    importlib.import_module(module)
place = os.open(fifo, os.O_WRONLY)
os.write(place, f"{os.getpid()} {time.monotonic()}\n".encode())
os.close(place)
while True:
    signal.pause()
