"""A folder and everything below it, watched by Linux inotify through one descriptor that a main loop can wait on.

Reports files once they are complete: closed after writing, moved in, or hard-linked. It has no thread and no delay;
watchdog, which serves the other platforms, holds the first half of a rename back for up to half a second to pair it
with the second (docs/decisions/0006-inotify.md).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO = 0x4, 0x8, 0x40, 0x80
IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF = 0x100, 0x200, 0x400, 0x800
IN_Q_OVERFLOW, IN_IGNORED, IN_ONLYDIR, IN_DONT_FOLLOW, IN_ISDIR = 0x4000, 0x8000, 0x1000000, 0x2000000, 0x40000000
IN_NONBLOCK, IN_CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC

_MASK = (
    (IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE)
    | (IN_DELETE_SELF | IN_MOVE_SELF)
    | (IN_ONLYDIR | IN_DONT_FOLLOW)
)
_EVENT = struct.Struct("iIII")
_READ = 256 * 1024
MOST = 32_768  # events taken at once; the rest waits in the kernel, which keeps the descriptor readable


@dataclass(slots=True)
class Changes:
    """What happened since the last look. Paths are absolute; `rescan`: events were lost, look at everything.

    `files` says of each file that appeared or changed whether it is known to have been closed after writing; `gone`
    of what has gone whether it was a folder. `folders` appeared, perhaps with much in them that nothing else tells of.
    `permitted`: files and folders whose owner or mode may have changed.
    """

    files: dict[str, bool] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    gone: dict[str, bool] = field(default_factory=dict)
    permitted: set[str] = field(default_factory=set)
    rescan: bool = False


class FolderWatch:
    """Watches `root`, which must exist. OSError where the kernel's limits do not allow it."""

    def __init__(self, root: str) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.root = root
        self.fd: int = self._libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
        if self.fd < 0:
            raise _error("no further inotify instance is allowed (fs.inotify.max_user_instances)")
        self._folders: dict[int, str] = {}
        self._descriptors: dict[str, int] = {}  # the reverse
        self._below: dict[str, set[str]] = {}  # folder → those watched that lie directly in it
        self._watch_tree(root)

    def close(self) -> None:
        """End watching."""
        os.close(self.fd)

    def changes(self, most: int | None = MOST) -> Changes:
        """What happened since the last call, up to some more than `most` events (None: all); does not wait."""
        changes, lost = Changes(), False
        for descriptor, mask, name in self._events(most):
            if mask & IN_Q_OVERFLOW:
                lost = True
            elif mask & IN_IGNORED:
                if self._forget(descriptor) == self.root:
                    self._begin_again(changes)
            elif descriptor in self._folders and name:
                self._note(changes, mask, os.path.join(self._folders[descriptor], name))  # noqa: PTH118
            elif mask & IN_MOVE_SELF and self._folders.get(descriptor) == self.root:
                self._begin_again(changes)
        if lost:
            self._watch_anew(changes)
        return changes

    def _note(self, changes: Changes, mask: int, path: str) -> None:
        if mask & IN_ATTRIB:
            changes.permitted.add(path)
        if mask & IN_ISDIR:
            if mask & (IN_CREATE | IN_MOVED_TO) or (mask & IN_ATTRIB and path not in self._descriptors):
                # The watch is set before anybody looks, so a file that appears in between is seen at least once.
                self._watch_tree(path)
                changes.folders[path] = None
            elif mask & (IN_MOVED_FROM | IN_DELETE):
                self._forget_tree(path)
                changes.gone[path] = True
        elif mask & (IN_CLOSE_WRITE | IN_MOVED_TO) or (mask & IN_CREATE and _is_linked(path)):
            changes.gone.pop(path, None)
            changes.files[path] = bool(mask & IN_CLOSE_WRITE) or changes.files.get(path, False)
        elif mask & (IN_MOVED_FROM | IN_DELETE):
            changes.files.pop(path, None)
            changes.gone[path] = False

    def _begin_again(self, changes: Changes) -> None:
        """The folder itself went away: make it again, and look at everything."""
        for descriptor in list(self._folders):
            self._libc.inotify_rm_watch(self.fd, descriptor)
            self._forget(descriptor)
        self._watch_anew(changes)

    def _watch_anew(self, changes: Changes) -> None:
        """Events were lost, perhaps those of new folders: watch what is there now, then look at everything."""
        Path(self.root).mkdir(parents=True, exist_ok=True)
        self._watch_tree(self.root)
        changes.rescan = True

    def _watch_tree(self, top: str) -> None:
        """Watch `top` and all folders below it."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            if not self._watch(folder):
                continue
            try:
                with os.scandir(folder) as entries:
                    waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue  # gone again, or not ours to read

    def _watch(self, folder: str) -> bool:
        # The user may well say where the data is by a symbolic link; those below it are not followed.
        mask = _MASK & ~IN_DONT_FOLLOW if folder == self.root else _MASK
        descriptor = self._libc.inotify_add_watch(self.fd, os.fsencode(folder), mask)
        if descriptor >= 0:
            self._forget(descriptor)  # the kernel knows a folder by its inode, whatever it was called
            self._folders[descriptor], self._descriptors[folder] = folder, descriptor
            self._below.setdefault(os.path.dirname(folder), set()).add(folder)  # noqa: PTH120 - Path is slow
            return True
        if ctypes.get_errno() in (errno.ENOSPC, errno.ENOMEM) or folder == self.root:
            raise _error(f"cannot watch {folder!r} (see fs.inotify.max_user_watches)")
        return False  # gone again, or not ours to read

    def _forget_tree(self, top: str) -> None:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            waiting += self._below.get(folder, ())
            descriptor = self._descriptors.get(folder)
            if descriptor is not None:
                self._libc.inotify_rm_watch(self.fd, descriptor)
                self._forget(descriptor)

    def _forget(self, descriptor: int) -> str | None:
        """What was watched by this descriptor, if anything was."""
        folder = self._folders.pop(descriptor, None)
        if folder is not None and self._descriptors.get(folder) == descriptor:
            del self._descriptors[folder]
            above = os.path.dirname(folder)  # noqa: PTH120 - Path is slow
            beside = self._below.get(above, set())
            beside.discard(folder)
            if not beside:
                self._below.pop(above, None)
        return folder

    def _events(self, most: int | None) -> Iterator[tuple[int, int, str]]:
        count = 0
        while most is None or count < most:
            try:
                buffer = os.read(self.fd, _READ)
            except BlockingIOError:
                return
            position = 0
            while position < len(buffer):
                descriptor, mask, _, length = _EVENT.unpack_from(buffer, position)
                position += _EVENT.size
                name = os.fsdecode(buffer[position : position + length].rstrip(b"\0"))
                position += length
                count += 1
                yield descriptor, mask, name


def _is_linked(path: str) -> bool:
    """A hard link to a file that was complete before gives no other event."""
    try:
        return os.lstat(path).st_nlink > 1
    except OSError:
        return False


def _error(words: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{os.strerror(number)}: {words}")
