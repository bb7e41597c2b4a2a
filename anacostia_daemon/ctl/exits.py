"""How a command ends: the exit codes, and the exception that ends one with words."""

from __future__ import annotations

import os
import sys

OK = 0
FAILED = 1
USAGE = 2
NOT_RUNNING = 3
UNKNOWN = 4
UNREACHABLE = 69  # EX_UNAVAILABLE
INTERRUPTED = 130
BROKEN_PIPE = 141

MEANINGS = (
    (OK, "done; `status`: everything is as desired"),
    (FAILED, "it could not be done; the message says why"),
    (USAGE, "the command line is wrong"),
    (NOT_RUNNING, "what is needed is not running; `status`: a node is not as desired, or PIPELINE is stopped"),
    (UNKNOWN, "no such pipeline, node or run"),
    (UNREACHABLE, "the daemon cannot be reached: none runs, or it is another user's"),
    (INTERRUPTED, "Ctrl-C; what was asked for goes on in the daemon"),
)


class CommandFailed(Exception):
    """Ends the command with `message` on stderr, `hint` below it, and exit code `code`."""

    def __init__(self, message: str, code: int = FAILED, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint

    def show(self) -> None:
        """Say it on stderr, where the command goes on."""
        import click

        from anacostia_daemon.ctl.text import printable

        for line in f"{self}\n{self.hint}".rstrip().splitlines():
            click.echo(printable(line, tabs=True), err=True)


def broken_pipe() -> int:
    """Whoever read has read enough."""
    drop_output()
    return BROKEN_PIPE


def drop_output() -> None:
    """What is still buffered cannot be written, and must not complain about it when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
