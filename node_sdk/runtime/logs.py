"""Where a node's words go: each record is one line in one write, so that processes never cut each other's lines.

A node's stdout and stderr go to its log file. Loggers that the user gave to nodes keep their levels and their files,
but every process appends to those files whole records, with the node's name and pid in front. What would print
to the console goes to the node's log instead. Nothing passes through the daemon (law 6).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from node_sdk.own_files import make_folder, open_own
from node_sdk.policy import DEFAULT_LOG_POLICY, LogLevel, LogPolicy
from node_sdk.rotation import Rotation

RUNTIME = "anacostia"  # parent of our own loggers


class NodeFormatter(logging.Formatter):
    """`2026-11-23T11:41:57.123Z INFO  train[1234] run=17 message`; further lines of a message are indented."""

    def __init__(self, node: str, run_id: Callable[[], int | None] = lambda: None) -> None:
        super().__init__()
        self._node = node
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        """One record; its first line begins with the time."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        run_id = self._run_id()
        run = "" if run_id is None else f" run={run_id}"
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        return (
            f"{seconds}.{int(record.msecs):03d}Z {record.levelname:<5} {self._node}[{os.getpid()}]{run} "
            f"{indented(message)}"
        )


class LineHandler(logging.Handler):
    """Writes each record to a descriptor that appends, in one write."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record. A full disk costs the line, never the node."""
        try:
            line = self.format(record) + "\n"
        except Exception:  # noqa: BLE001  (a message with wrong arguments is the caller's slip, not a crash)
            self.handleError(record)
            return
        with contextlib.suppress(OSError):
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))


class AppendHandler(LineHandler):
    """Takes the place of a FileHandler: same file, same format, whole records of many processes."""

    def __init__(self, replaced: logging.FileHandler, node: str) -> None:
        self._path = replaced.baseFilename
        self._node = node
        super().__init__(_append(Path(self._path)))
        self.setLevel(replaced.level)
        self.setFormatter(replaced.formatter)
        for each in replaced.filters:
            self.addFilter(each)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, to a new file where the old one was moved away (logrotate does)."""
        with contextlib.suppress(OSError):
            self._follow()
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """As the user's formatter has it, node and pid in front."""
        return f"{self._node}[{os.getpid()}] {indented(super().format(record))}"

    def _follow(self) -> None:
        here = os.fstat(self._descriptor)
        try:
            there = Path(self._path).stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev):
            fresh = _append(Path(self._path))
            os.dup2(fresh, self._descriptor, inheritable=False)
            os.close(fresh)


def indented(message: str) -> str:
    """`message` with its further lines set in, so that a line that begins with a time begins a record."""
    return message.replace("\n", "\n    ") if "\n" in message else message


def redirect(path: Path, policy: LogPolicy = DEFAULT_LOG_POLICY) -> Rotation:
    """Send stdout and stderr of this process, at the level of descriptors, to the end of the file at `path`."""
    rotation = Rotation(path, policy)
    write_to(rotation)
    return rotation


def write_to(rotation: Rotation) -> None:
    """As `redirect`, to the log that `rotation` keeps within its bounds."""
    make_folder(rotation.path.parent)
    rotation.begin()
    descriptor = open_own(rotation.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    send_output_to(descriptor)
    os.close(descriptor)


def send_output_to(descriptor: int) -> None:
    """Make `descriptor` the stdout and stderr of this process."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Whole lines at once, and no print() ever fails for what it prints.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def take_over(
    loggers: Iterable[logging.Logger], node: str, run_id: Callable[[], int | None], level: LogLevel | None = None
) -> None:
    """Route the root logger, our own and the user's `loggers` to this node's log (descriptor 2), each record once.

    With `level`, what is below it is not written, and what libraries say from there on is.
    """
    ours = LineHandler(2)
    ours.setFormatter(NodeFormatter(node, run_id))
    root = logging.getLogger()
    if level is not None:
        ours.setLevel(level)
        root.setLevel(level)
    root.addHandler(ours)
    logging.getLogger(RUNTIME).setLevel(logging.DEBUG)
    replaced: dict[logging.Handler, logging.Handler | None] = {}
    for logger in {id(each): each for each in (root, *_with_ancestors(loggers))}.values():
        for handler in logger.handlers[:]:
            _replace(logger, handler, node, replaced)
    for logger in loggers:
        if not any(ours in each.handlers for each in _chain(logger)):
            logger.addHandler(ours)


@contextlib.contextmanager
def files_kept() -> Iterator[None]:
    """Inside, a FileHandler with mode "w" appends: the user's file is run once more, in an interpreter of its own,
    and must not empty what the first one and its nodes have written."""
    opened = logging.FileHandler._open

    def append(handler: Any) -> Any:
        handler.mode = handler.mode.replace("w", "a").replace("x", "a")
        return opened(handler)

    logging.FileHandler._open = append  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        logging.FileHandler._open = opened  # type: ignore[method-assign]


def _append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)


def _chain(logger: logging.Logger) -> Iterator[logging.Logger]:
    """The loggers whose handlers get the records of `logger`."""
    while True:
        yield logger
        if not logger.propagate or logger.parent is None:
            return
        logger = logger.parent


def _with_ancestors(loggers: Iterable[logging.Logger]) -> Iterator[logging.Logger]:
    for logger in loggers:
        yield from _chain(logger)


def _replace(
    logger: logging.Logger, handler: logging.Handler, node: str, replaced: dict[logging.Handler, logging.Handler | None]
) -> None:
    if handler not in replaced:
        replaced[handler] = handler
        if isinstance(handler, logging.FileHandler):
            with contextlib.suppress(OSError):  # not writable any more: left as it is, it says so itself
                replaced[handler] = AppendHandler(handler, node)
        elif isinstance(handler, logging.StreamHandler) and _is_console(handler.stream):
            replaced[handler] = None
    instead = replaced[handler]
    if instead is handler:
        return
    logger.removeHandler(handler)
    if instead is not None:
        logger.addHandler(instead)


def _is_console(stream: object) -> bool:
    try:
        return cast(io.TextIOBase, stream).fileno() in (1, 2)
    except (OSError, ValueError, AttributeError):
        return False
