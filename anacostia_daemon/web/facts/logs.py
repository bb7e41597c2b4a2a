"""The logs of nodes, read where they lie: pages back from the end or on from a place, searched and filtered. Bounded in
bytes whatever the log holds: long lines are cut, and what is no text is shown as what it is."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from anacostia_daemon.ctl.logline import LEVELS, Line, Wanted, rank, taken_apart
from anacostia_daemon.paths import Home
from anacostia_daemon.web.facts.errors import CannotShow
from node_sdk.logspace import old_files, start_of_data
from node_sdk.own_files import open_own

Fact = dict[str, Any]

MOST_LINES = 1_000
MOST_NODES = 200  # whose logs are read for one run
MOST_BYTES = 8 * 1024 * 1024  # read for one page
LONGEST_LINE = 4_000  # characters that are shown of a line
_BLOCK = 256 * 1024


def page(
    path: Path,
    *,
    before: str | None = None,
    after: str | None = None,
    limit: int = 200,
    level: str | None = None,
    search: str | None = None,
    run_id: int | None = None,
) -> Fact:
    """Lines of the log at `path`, in the order of time: {"lines", "before", "after", "complete"}.

    `before` and `after` are cursors of earlier answers; with neither, the end of the log. `complete` is False where the
    page ends because enough was read, and not because there is no more.
    """
    if level is not None and level not in LEVELS:
        raise CannotShow("invalid", f"cannot filter by level {level!r}: it is one of {', '.join(LEVELS)}")
    fits = _Fits(Wanted(level=level, run_id=run_id), (search or "").casefold())
    limit = max(1, min(limit, MOST_LINES))
    files = _files(path)
    if after is not None:
        return _onward(files, _place(after), limit, fits)
    return _backward(files, None if before is None else _place(before), limit, fits)


def of_run(home: Home, pipeline: str, nodes: Iterable[str], run_id: int, **wanted: Any) -> dict[str, Fact]:
    """A `page` of each of these nodes (MOST_NODES at most), with the lines of exactly this run."""
    first = itertools.islice(nodes, MOST_NODES)
    return {node: page(home.log_file(pipeline, node), run_id=run_id, **wanted) for node in first}


class _Fits:
    """Whether a line is wanted."""

    def __init__(self, wanted: Wanted, search: str) -> None:
        self._wanted, self._search = wanted, search

    def __call__(self, line: Line) -> bool:
        return self._wanted(line) and self._search in line.text.decode(errors="replace").casefold()


Place = tuple[int, int]  # which file, by its inode; which byte of it


def _files(path: Path) -> list[Path]:
    """The log and what was in it before, oldest first."""
    return [each for _, each in reversed(old_files(path))] + [path]


def _place(cursor: str) -> Place:
    inode, _, offset = cursor.partition("-")
    if not (inode.isdecimal() and offset.isdecimal() and inode.isascii() and offset.isascii()):
        raise CannotShow("invalid", f"cannot read the log from {cursor[:80]!r}: that is no place in it")
    return int(inode), int(offset)


def _backward(files: list[Path], place: Place | None, limit: int, fits: _Fits) -> Fact:
    lines: list[Fact] = []
    budget, seen = MOST_BYTES, place is None
    first = last = None
    for path in reversed(files):
        opened = _open(path)
        if opened is None:
            continue
        with opened:
            inode = os.fstat(opened.fileno()).st_ino
            if not seen and place is not None and inode != place[0]:
                continue
            begin = start_of_data(opened.fileno())
            end = opened.seek(0, os.SEEK_END) if seen or place is None else min(place[1], opened.seek(0, os.SEEK_END))
            seen = True
            last = last or (inode, end)
            while end > begin and len(lines) < limit and budget > 0:
                start = max(begin, end - _BLOCK)
                block, start = _whole_lines(opened, start, end, begin)
                budget -= end - start
                found = [each for each in _shown(block, start, inode) if fits(each[0])]
                kept = found[len(found) - min(len(found), limit - len(lines)) :]
                lines = [shown for _, shown in kept] + lines
                cut = len(kept) < len(found)
                end = int(kept[0][1]["id"].partition("-")[2]) if cut else start
                first = (inode, end)
                if cut:
                    break
        if len(lines) >= limit or budget <= 0:
            more = first is not None and (first[1] > begin or path != files[0])
            return _answer(lines, first if more else None, last, not more)
    return _answer(lines, None, last, True)


def _onward(files: list[Path], place: Place, limit: int, fits: _Fits) -> Fact:
    lines: list[Fact] = []
    budget = MOST_BYTES
    known = [each for each in files if _inode(each) == place[0]]
    at = place
    for path in files[files.index(known[0]) :] if known else files[-1:]:
        opened = _open(path)
        if opened is None:
            continue
        with opened:
            inode = os.fstat(opened.fileno()).st_ino
            size = opened.seek(0, os.SEEK_END)
            start = at[1] if inode == at[0] and at[1] <= size else start_of_data(opened.fileno())
            while start < size and len(lines) < limit and budget > 0:
                opened.seek(start)
                block = opened.read(min(_BLOCK, size - start))
                whole = block.rfind(b"\n") + 1
                if whole == 0 and len(block) < _BLOCK:
                    break  # a line that is not ended yet
                block = block[: whole or len(block)]
                budget -= len(block)
                for line, shown in _shown(block, start, inode):
                    if len(lines) >= limit:
                        break
                    start = int(shown["end"])
                    if fits(line):
                        lines.append(shown)
            at = (inode, start)
        if len(lines) >= limit or budget <= 0:
            return _answer(lines, None, at, False)
    return _answer(lines, None, at, True)


def _whole_lines(opened: BinaryIO, start: int, end: int, begin: int) -> tuple[bytes, int]:
    """The bytes up to `end` from the first whole line after `start` on; from `start` where there is none."""
    opened.seek(start)
    block = opened.read(end - start)
    if start == begin:
        return block, start
    first = block.find(b"\n", 0, len(block) - 1) + 1
    return block[first:], start + first


def _shown(block: bytes, start: int, inode: int) -> Iterator[tuple[Line, Fact]]:
    """Each line of `block`, which stands at byte `start`."""
    texts = block.removesuffix(b"\n").split(b"\n") if block else []
    at = start
    for text, line in zip(texts, taken_apart(texts, Line("", b"")), strict=True):
        message = line.text if line.message is None else line.message
        cut = message[: 4 * LONGEST_LINE].decode(errors="backslashreplace")
        yield (
            line,
            {
                "id": f"{inode}-{at}",
                "end": at + len(text) + 1,
                "at": line.at or None,
                "level": line.level,
                "rank": None if line.level is None else rank(line.level),
                "run_id": line.run_id,
                "pid": line.pid,
                "text": _printable(cut[:LONGEST_LINE]),
                "cut": max(0, len(message) - LONGEST_LINE) if len(cut) > LONGEST_LINE else 0,
            },
        )
        at += len(text) + 1


def _printable(text: str) -> str:
    """Without what would move a cursor or change a colour: as escapes."""
    return "".join(
        each if each.isprintable() or each == "\t" else each.encode("unicode_escape").decode() for each in text
    )


def _answer(lines: list[Fact], before: Place | None, after: Place | None, complete: bool) -> Fact:
    return {
        "lines": [{key: value for key, value in each.items() if key != "end"} for each in lines],
        "before": None if before is None else f"{before[0]}-{before[1]}",
        "after": None if after is None else f"{after[0]}-{after[1]}",
        "complete": complete,
    }


def _open(path: Path) -> BinaryIO | None:
    try:
        return os.fdopen(open_own(path, os.O_RDONLY), "rb")
    except OSError:
        return None


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
