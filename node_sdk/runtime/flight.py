"""Flight recorder: a small memory-mapped file that says which task a node executes, and survives its death.

Writing it is a copy of some bytes, so it costs nothing, while `Begin` travels to the store without being waited
for. The next incarnation reads it and tells the store which task was interrupted. Not proof against a power cut:
then the store's own record of begun tasks must do.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from node_sdk.own_files import make_folder, open_own

_RECORD = struct.Struct("<8sQQQ")
_SUM = struct.Struct("<I")
_MAGIC = b"ANACFLT1"
_TIMED_OUT = b"ANACTIM1"
_SIZE = _RECORD.size + _SUM.size


@dataclass(frozen=True, slots=True)
class InFlight:
    """Incarnation `incarnation` was executing attempt `attempt` of its task of run `run_id`.

    `timed_out`: it ended itself, because that took too long.
    """

    incarnation: int
    run_id: int
    attempt: int
    timed_out: bool = False


def read(path: Path) -> InFlight | None:
    """What the recorder at `path` holds; None where nothing was executed, or it is torn, foreign or not there."""
    try:
        content = path.read_bytes()[:_SIZE]
    except OSError:
        return None
    if len(content) < _SIZE:
        return None
    magic, incarnation, run_id, attempt = _RECORD.unpack_from(content)
    (checksum,) = _SUM.unpack_from(content, _RECORD.size)
    if magic not in (_MAGIC, _TIMED_OUT) or checksum != zlib.crc32(content[: _RECORD.size]):
        return None
    return InFlight(incarnation, run_id, attempt, timed_out=magic == _TIMED_OUT)


class FlightRecorder:
    """The recorder of this process. Opening keeps what the file says until `begin` or `clear`."""

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
        try:
            # The blocks are written, not only reserved: on a full disk a page that does not exist yet is a SIGBUS.
            missing = _SIZE - os.fstat(descriptor).st_size
            if missing > 0:
                os.pwrite(descriptor, b"\0" * missing, _SIZE - missing)
            self._memory = mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)

    def begin(self, incarnation: int, run_id: int, attempt: int) -> None:
        """The task begins now."""
        self._write(_RECORD.pack(_MAGIC, incarnation, run_id, attempt))

    def time_out(self) -> None:
        """The task that is executed now took too long, and the process ends because of it."""
        self._write(_TIMED_OUT + self._memory[len(_MAGIC) : _RECORD.size])

    def clear(self) -> None:
        """No task is executed now."""
        self._memory[:_SIZE] = b"\0" * _SIZE

    def _write(self, record: bytes) -> None:
        self._memory[:_SIZE] = record + _SUM.pack(zlib.crc32(record))
