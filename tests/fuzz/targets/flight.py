"""The flight recorder that a dead process has left behind, torn or not: what it says is what was written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from node_sdk.runtime.flight import FlightRecorder, read

_FILE = Path(tempfile.mkdtemp(prefix="fuzz")) / "train"


def _written(*, timed_out: bool) -> bytes:
    recorder = FlightRecorder(_FILE)
    recorder.begin(3, 17, 2)
    if timed_out:
        recorder.time_out()
    return _FILE.read_bytes()


SEEDS = [_written(timed_out=False), _written(timed_out=True)]


def check(data: bytes) -> None:
    _FILE.write_bytes(data)
    found = read(_FILE)
    if found is not None:
        recorder = FlightRecorder(_FILE)
        recorder.begin(found.incarnation, found.run_id, found.attempt)
        if found.timed_out:
            recorder.time_out()
        assert _FILE.read_bytes()[:36] == data[:36]
