"""The daemon with crash points: `python -m tests.chaos.sweep_daemon FOLDER [options of anacostiad]`."""

from __future__ import annotations

import sys
from pathlib import Path

from anacostia_daemon.__main__ import main
from tests.chaos import points

if __name__ == "__main__":
    points.in_daemon(points.Points(Path(sys.argv[1]), "daemon"))
    sys.exit(main(sys.argv[2:]))
