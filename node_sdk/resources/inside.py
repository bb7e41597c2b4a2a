"""The way from a resource's folder to a file in it, walked name by name and through no symbolic link: who may write to
the folder cannot lead us out of it, not even while we are under way. The folder itself may be reached through links.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath


def open_file(root: str | Path, relative: str) -> int:
    """A descriptor, for reading, of the regular file; OSError where it is gone or something else is there."""
    with _folder(root, PurePath(relative).parent, make=False) as folder:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(PurePath(relative).name, flags, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.set_blocking(descriptor, True)
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no regular file", relative)


def move(root: str | Path, source: str, target: str) -> None:
    """Rename the file at `source` to `target`, both relative to the folder, and make the folders on the way."""
    start, end = PurePath(source), PurePath(target)
    with _folder(root, start.parent, make=False) as there, _folder(root, end.parent, make=True) as here:
        os.replace(start.name, end.name, src_dir_fd=there, dst_dir_fd=here)


def link_on_the_way(root: Path, relative: str) -> Path | None:
    """The first link between the folder and the file at `relative`, which itself may be one."""
    above = [root / each for each in reversed(PurePath(relative).parents) if each.name]
    return next((each for each in above if each.is_symlink()), None)


@contextlib.contextmanager
def _folder(root: str | Path, relative: PurePath, make: bool) -> Iterator[int]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in relative.parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=descriptor)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)
