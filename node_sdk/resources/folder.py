"""What is in a folder, and what of it counts. Reads names and kinds of files only, a bounded number at a time."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache


class Folder:
    """The folder `root` (absolute) without what `ignore` names: patterns of the names of files and folders.

    `unreadable` is told of each folder below that we may not look into.
    """

    def __init__(self, root: str, ignore: tuple[str, ...], unreadable: Callable[[str, OSError], None]) -> None:
        self.root = root
        self._inside = root.rstrip(os.sep) + os.sep
        self._ignored = _any_of(ignore).match
        self._unreadable = unreadable

    def relative(self, path: str) -> str:
        """`path` (absolute, or relative to the working directory) relative to the folder."""
        if path.startswith(self._inside):  # faster than os.path, for a hundred thousand files
            return path[len(self._inside) :]
        return os.path.relpath(path, self.root)

    def hides(self, path: str) -> bool:
        """Whether a name on the way from the folder to `path` is ignored."""
        return any(self._ignored(part) for part in self.relative(path).split(os.sep))  # noqa: PTH206 - Path is slow

    def walk(self, top: str) -> Iterator[tuple[str, os.stat_result]]:
        """Each file that counts in `top` and below. What comes or goes meanwhile may be among them or not."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if self._ignored(entry.name):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        elif (status := _file(entry)) is not None:
                            yield entry.path, status
            except PermissionError as error:
                self._unreadable(folder, error)
            except OSError:
                continue  # gone again

    def has(self, path: str) -> bool:
        """Whether `walk` would find this file, or would but for its name."""
        try:
            there = stat.S_ISREG(os.lstat(path).st_mode)
        except OSError:
            return False
        return there and not self._is_elsewhere(os.path.dirname(self.relative(path)))  # noqa: PTH120

    def _is_elsewhere(self, relative: str) -> bool:
        """Whether a symbolic link stands in for one of the folders on the way."""
        while relative:
            if os.path.islink(self._inside + relative):  # noqa: PTH114 - as above
                return True
            relative = os.path.dirname(relative)  # noqa: PTH120
        return False


def _file(entry: os.DirEntry[str]) -> os.stat_result | None:
    """The status of a regular file; None where it is none, or gone."""
    try:
        return entry.stat(follow_symlinks=False) if entry.is_file(follow_symlinks=False) else None
    except FileNotFoundError:
        return None


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)")
