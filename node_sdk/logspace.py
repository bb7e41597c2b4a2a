"""The room that a log takes: its old files, the hole at its start, copies of whole lines. Files only, no decisions.

Old files are PATH.1 (the youngest), PATH.2 and so on. A log that others hold open while it is rotated keeps its place
in the folder, and a hole where the lines were that are in PATH.1 now.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from node_sdk.own_files import open_own

_BLOCK = 1 << 20
_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # of fallocate(2)


def old_files(path: Path) -> list[tuple[int, Path]]:
    """The old files of the log at `path` with their numbers, the youngest first."""
    beginning = f"{path.name}."
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = os.listdir(path.parent)  # noqa: PTH208  (of thousands of logs, as it may be)
    ends = [name[len(beginning) :] for name in names if name.startswith(beginning)]
    return [
        (number, path.with_name(f"{beginning}{number}"))
        for number in sorted(int(each) for each in ends if each.isdecimal())
    ]


def used(path: Path) -> int:
    """The bytes from the first that is there to the end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.fstat(descriptor).st_size - start_of_data(descriptor)
    finally:
        os.close(descriptor)


def start_of_data(descriptor: int) -> int:
    """Where the hole at the start ends, to the block; the bytes before the first line there are zero."""
    if not hasattr(os, "SEEK_DATA"):
        return 0
    try:
        return os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError:  # nothing but a hole, or an empty file
        return os.fstat(descriptor).st_size


def end_of_lines(descriptor: int, before: int) -> int:
    """Where the last whole line before this place ends; where none does in a long stretch, the place."""
    tail = os.pread(descriptor, min(before, _BLOCK), max(0, before - _BLOCK))
    return before - len(tail) + tail.rindex(b"\n") + 1 if b"\n" in tail else before


def ends_with_a_line(path: Path) -> bool:
    """Whether nobody is in the middle of a line."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        return end == 0 or os.pread(file.fileno(), 1, end - 1) == b"\n"


def nobody_writes(path: Path) -> bool:
    """Whether no process has the file open for writing: only then the kernel gives a read lease. False if in doubt."""
    if not sys.platform.startswith("linux"):
        return False
    import fcntl  # here and below: `anacostiactl` only reads
    import signal

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGWINCH)  # should it be broken at once: SIGIO would end us
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def copy(source: int, begin: int, end: int, to: Path) -> None:
    """Make `to` of the bytes from `begin` to `end`, from the first whole line on; whole or not at all."""
    unfinished = to.with_name(f".{to.name}.tmp")
    try:
        with os.fdopen(open_own(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
            for data in _pieces(source, begin, end):
                file.write(data)
        unfinished.replace(to)
    except OSError:
        unfinished.unlink(missing_ok=True)  # on a full disk it would be in the way
        raise


def _pieces(source: int, begin: int, end: int) -> Iterator[bytes]:
    at = begin
    whole = begin == 0 or os.pread(source, 1, begin - 1) in (b"\n", b"\0")
    while at < end:
        data = os.pread(source, min(_BLOCK, end - at), at)
        if not data:
            return
        if at == begin:
            at, data = at + len(data), data.lstrip(b"\0")  # the rest of the block in which a hole ended
        else:
            at += len(data)
        if not whole:
            _, ended, data = data.partition(b"\n")
            whole = bool(ended)
        yield data


def punch(descriptor: int, end: int) -> bool:
    """Give back the room of the first `end` bytes, and leave the rest where it is; False where that cannot be."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, 0, end) == 0)
