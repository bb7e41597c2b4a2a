"""The files that daemon and nodes keep for themselves: opened so that nothing else that stands in their place is
taken for one: no symbolic link, no pipe or device, no file of another user.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_own(path: str | os.PathLike[str], flags: int, mode: int = 0o600) -> int:
    """A descriptor of our own regular file at `path`, not inherited. OSError says what else is there."""
    try:
        # Without blocking: opening a pipe that nobody reads would wait for ever.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _foreign(path, errno.ELOOP, "a symbolic link") from None
        if error.errno == errno.ENXIO:
            raise _foreign(path, errno.ENXIO, "no regular file") from None
        raise
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
        os.set_blocking(descriptor, True)
        return descriptor
    os.close(descriptor)
    what = f"a file of user {found.st_uid}" if stat.S_ISREG(found.st_mode) else "no regular file"
    raise _foreign(path, errno.EPERM, what)


def make_folder(path: Path) -> None:
    """Make the folder, and those above it that are missing, for us alone whatever the umask."""
    if path.is_dir():  # as a rule
        return
    for each in (*reversed(path.parents), path):
        if not each.exists():
            each.mkdir(0o700, exist_ok=True)


def _foreign(path: str | os.PathLike[str], number: int, what: str) -> OSError:
    return OSError(number, f"{os.fspath(path)}: {what} is there, which is not ours to use; look at it and remove it")
