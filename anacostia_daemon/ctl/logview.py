"""The logs of one node, one pipeline or all: which files they are, and their lines merged by time on stdout."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anacostia_daemon.ctl import screen
from anacostia_daemon.ctl.exits import UNKNOWN, CommandFailed
from anacostia_daemon.ctl.logfile import LogFile
from anacostia_daemon.ctl.logline import Line, Wanted
from anacostia_daemon.ctl.text import did_you_mean, printable
from anacostia_daemon.ctl.watch import Watch

if TYPE_CHECKING:
    from anacostia_daemon.paths import Home

_SUFFIX = ".log"
Source = tuple[str, str]  # pipeline, node


class LogView:
    """`target` is PIPELINE[/NODE], or None for all; CommandFailed where there are no such logs.

    `short`: lines are labelled with the node alone.
    """

    def __init__(
        self,
        home: Home,
        target: str | None,
        as_json: bool = False,
        short: bool = False,
        wanted: Wanted | None = None,
    ) -> None:
        self._home, self._as_json, self._short, self._wanted = home, as_json, short, wanted
        self._pipeline, _, self._node = (target or "").partition("/")
        self._files: dict[Source, LogFile] = {}
        self._hues: dict[Source, str] = {}
        self._width = 0
        self._find()
        if target and not self._files:
            raise self._unknown(target)
        self._named = not (self._node and target)

    def show_last(self, count: int, following: bool = False) -> None:
        """The last `count` lines of all files together."""
        found = [(line, source) for source, file in self._files.items() for line in file.last(count, following)]
        found.sort(key=_time)
        self._show(found[len(found) - min(count, len(found)) :])

    def skip(self) -> None:
        """Leave out what is there already."""
        for file in self._files.values():
            file.last(0, following=True)

    def show_more(self) -> None:
        """What was written since the last call, also in files that are new."""
        self._find()
        found = [(line, source) for source, file in self._files.items() for line in file.more()]
        found.sort(key=_time)
        self._show(found)

    def follow(self) -> None:
        """Show what is written, for ever."""
        watch = Watch()
        try:
            while True:
                watch.add(self.directories())
                self.show_more()
                watch.wait()
        finally:
            watch.close()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()

    def directories(self) -> list[Path]:
        """Where a change may mean a new line: the folders with the logs, and those in which such folders appear."""
        data = self._home.data_dir
        pipelines = [self._pipeline] if self._pipeline else _names(data)
        inside = [folder for each in pipelines for folder in (data / each, data / each / "logs")]
        # The home's own folder sees every write of the daemon's journal, so it counts only until there is a better one.
        return [data if data.is_dir() else self._home.path, *inside]

    def _find(self) -> None:
        data = self._home.data_dir
        for pipeline in [self._pipeline] if self._pipeline else _names(data):
            folder = data / pipeline / "logs"
            for name in _names(folder):
                node = name.removesuffix(_SUFFIX)
                if name.endswith(_SUFFIX) and self._node in ("", node) and (pipeline, node) not in self._files:
                    self._files[pipeline, node] = LogFile(folder / name, self._wanted)
                    # Each has its colour, and keeps it when another one appears.
                    self._hues[pipeline, node] = screen.HUES[len(self._hues) % len(screen.HUES)]
                    self._width = max(self._width, len(self._label((pipeline, node))))

    def _label(self, source: Source) -> str:
        return source[1] if self._pipeline or self._short else f"{source[0]}/{source[1]}"

    def _show(self, lines: Iterable[tuple[Line, Source]]) -> None:
        harmless = screen.is_terminal()
        for line, source in lines:
            text = line.text.decode("utf-8", "backslashreplace").rstrip("\r")
            if self._as_json:
                click.echo(json.dumps(_value(line, source, text), ensure_ascii=False))
                continue
            text = screen.styled(printable(text, tabs=True), _colour(line)) if harmless else text
            if self._named:
                text = f"{screen.styled(f'{self._label(source):<{self._width}} |', self._hues[source])} {text}"
            click.echo(text, color=harmless or None)

    def _unknown(self, target: str) -> CommandFailed:
        data = self._home.data_dir
        if not (data / self._pipeline).is_dir():
            guess = did_you_mean(self._pipeline, _names(data))
            return CommandFailed(f"cannot show logs of '{target}': no such pipeline under {data}{guess}", UNKNOWN)
        nodes = [each.removesuffix(_SUFFIX) for each in _names(data / self._pipeline / "logs")]
        what = f"node '{self._node}' of pipeline '{self._pipeline}'" if self._node else f"pipeline '{self._pipeline}'"
        if not self._node:
            return CommandFailed(f"cannot show logs of {what}: it has written nothing", UNKNOWN)
        guess, others = did_you_mean(self._node, nodes), f"there are logs of: {', '.join(nodes)}" if nodes else ""
        why = "no such node, or it has written nothing yet"
        return CommandFailed(f"cannot show logs of {what}: {why}{guess}", UNKNOWN, others)


def _value(line: Line, source: Source, text: str) -> dict[str, Any]:
    """The line as documented; what is None is not known of what was printed without logging."""
    message = text if line.message is None else line.message.decode("utf-8", "backslashreplace").rstrip("\r")
    return {
        "at": line.at,
        "pipeline": source[0],
        "node": source[1],
        "level": line.level,
        "pid": line.pid,
        "run_id": line.run_id,
        "message": message,
        "line": text,
    }


def _colour(line: Line) -> str:
    return {"WARNING": screen.YELLOW, "ERROR": screen.RED, "CRITICAL": screen.RED, "DEBUG": screen.DIM}.get(
        line.level or "", ""
    )


def _time(found: tuple[Line, Source]) -> str:
    return found[0].at


def _names(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
