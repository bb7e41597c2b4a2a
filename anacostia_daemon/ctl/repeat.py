"""Shows something again and again until Ctrl-C: on a terminal in place, elsewhere one below the other."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from anacostia_daemon.ctl import exits, screen
from anacostia_daemon.ctl.reach import Reach

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _CLEAR_LINE, _CLEAR_REST = "\x1b[H", "\x1b[K", "\x1b[J"


def repeat(
    reach: Reach,
    interval: float,
    draw: Callable[[], list[str]],
    rounds: int | None = None,
    press: Callable[[str], bool] = lambda key: key != "q",
) -> int:
    """`press` is told each key; it says whether to go on. A daemon that is away is waited for, where it was there once.

    The exit code.
    """
    lines: list[str] = []
    try:
        with _screen() as keys:
            while True:
                began = time.monotonic()
                lines = _drawn(reach, draw, waits=bool(lines))
                _paint(lines)
                rounds = None if rounds is None else rounds - 1
                if rounds == 0 or not _wait(keys, began + interval - time.monotonic(), press):
                    break
    except KeyboardInterrupt:
        pass  # the way to end it
    if screen.is_terminal():  # what was seen last stays to be read
        for line in lines:
            click.echo(line)
    return exits.OK


def _drawn(reach: Reach, draw: Callable[[], list[str]], waits: bool) -> list[str]:
    try:
        return draw()
    except exits.CommandFailed as failure:
        if not waits or failure.code not in (exits.UNREACHABLE, exits.FAILED):
            raise
        reach.client.close()
        return [f"{failure}; trying again"]


def _wait(keys: int | None, seconds: float, press: Callable[[str], bool]) -> bool:
    if keys is None:
        time.sleep(max(0.0, seconds))
        return True
    if not select.select([keys], [], [], max(0.0, seconds))[0]:
        return True
    typed = os.read(keys, 64).decode(errors="replace")
    return bool(typed) and all(press(each) for each in typed)


def _paint(lines: list[str]) -> None:
    if not screen.is_terminal():
        for line in lines:
            click.echo(line)
        sys.stdout.flush()
        return
    height = max(2, screen.height())
    if len(lines) >= height:
        lines = [*lines[: height - 2], f"… {len(lines) - height + 2} more lines"]
    sys.stdout.write(_HOME + "".join(f"{line}{_CLEAR_LINE}\r\n" for line in lines) + _CLEAR_REST)
    sys.stdout.flush()


@contextmanager
def _screen() -> Iterator[int | None]:
    """The descriptor that keys come from; None where there are none."""
    if not screen.is_terminal():
        yield None
        return
    keys = sys.stdin.fileno() if sys.stdin.isatty() else None
    with _single_keys(keys):
        sys.stdout.write(_ENTER)
        try:
            yield keys
        finally:
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()


@contextmanager
def _single_keys(keys: int | None) -> Iterator[None]:
    """A key counts without Return, and is not shown. Ctrl-C stays what it is."""
    if keys is None:
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(keys)
    tty.setcbreak(keys)
    try:
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
