"""Starts processes that want to outlive it: one in a session of its own, one whose parent is gone, and then crashes."""

import os
import signal
import subprocess
import sys

from bad_turn import BadTurn

FOREVER = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()"


class Rogue(BadTurn):
    def misbehave(self) -> None:
        subprocess.Popen([sys.executable, "-c", FOREVER], start_new_session=True)
        forgotten = (
            f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {FOREVER!r}], start_new_session=True)"
        )
        subprocess.run([sys.executable, "-c", forgotten], check=True)
        os.kill(os.getpid(), signal.SIGKILL)
