"""The test's end of `receiver.py`."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Receiver:
    """A server in a process of its own, and what it has received so far."""

    def __init__(self, kind: str, folder: Path, *codes: int) -> None:
        self._file = folder / f"{kind}.jsonl"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("receiver.py")), kind, self._file, *map(str, codes)],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def received(self) -> list[dict[str, Any]]:
        with contextlib.suppress(FileNotFoundError):
            whole, _, _ = self._file.read_text().rpartition("\n")
            return [json.loads(line) for line in whole.splitlines()]
        return []

    @property
    def taken(self) -> list[Any]:
        """The bodies that a web server has answered with 200."""
        return [each["body"] for each in self.received if each["code"] == 200]

    @property
    def told(self) -> list[tuple[str, str | None, int | None]]:
        """(event, node, run) of the notices among them."""
        return [(each["event"], each["node"], each["run_id"]) for each in self.taken]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def receiver(kind: str, *codes: int) -> Iterator[Receiver]:
    """A server of `kind` that answers with `codes` in turn."""
    with tempfile.TemporaryDirectory() as folder:
        server = Receiver(kind, Path(folder), *codes)
        try:
            yield server
        finally:
            server.close()
