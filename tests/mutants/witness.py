"""A plugin of pytest that sees to it that the copy is what is tested, in this process and in those that it starts:
without it a trial might judge the code that is installed, and find every guard in its place.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COPY = Path(__file__).resolve().parents[2]
PACKAGES = ("anacostia_daemon", "node_sdk")
_ASK = f"import {', '.join(PACKAGES)}; print({', '.join(f'{each}.__file__' for each in PACKAGES)}, sep='\\n')"


def pytest_configure(config: pytest.Config) -> None:
    """Ends the session where another tree than the one this file lies in would be tested."""
    here = [__import__(each).__file__ for each in PACKAGES]
    child = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, cwd="/", check=True)
    wanted = [str(COPY / each / "__init__.py") for each in PACKAGES]
    for found in (here, child.stdout.split()):
        if found != wanted:
            pytest.exit(f"cannot try anything: {found} is imported, not {wanted}", returncode=97)
