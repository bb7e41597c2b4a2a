"""Entry point of `anacostiactl`: runs the command and turns whatever ends it into one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.cli import cli
from node_sdk.errors import AnacostiaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `anacostiactl`; returns its exit code."""
    _fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # never fail for a character
    try:
        code = cli.main(None if arguments is None else list(arguments), "anacostiactl", standalone_mode=False)
        sys.stdout.flush()
    except exits.CommandFailed as failure:
        return _say(str(failure), failure.code, failure.hint)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return exits.USAGE
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return _say(error.format_message(), error.exit_code)
    except AnacostiaError as error:
        return _say(str(error), exits.FAILED)
    except (click.Abort, KeyboardInterrupt):
        return exits.INTERRUPTED
    except BrokenPipeError:
        return exits.broken_pipe()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # click ends like this
            return exits.broken_pipe()
        raise
    except OSError as error:
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF):
            exits.drop_output()
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"cannot go on: {place}{error.strerror or error}", exits.FAILED)
    return code if isinstance(code, int) else exits.OK


def _fill_closed_streams() -> None:
    """`anacostiactl status >&-` asks for the exit code alone. Without this the next socket would become descriptor 1,
    and what we or a child of ours print would go there."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # in this order each gets its own number back, the lowest that is free
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))


def _say(message: str, code: int, hint: str = "") -> int:
    from anacostia_daemon.ctl.text import printable

    lines = [f"anacostiactl: {message}", *([hint] if hint else [])]
    text = "\n".join(printable(line, tabs=True) for line in "\n".join(lines).splitlines())
    with contextlib.suppress(BrokenPipeError):
        click.echo(text, err=True)
    return code


def _usage(error: click.UsageError) -> int:
    said = error.format_message().rstrip(".")
    if not said[1:2].isupper():  # ARGS and --env stay what they are
        said = said[:1].lower() + said[1:]
    command = error.ctx.command_path if error.ctx is not None else "anacostiactl"
    return _say(f"cannot understand this: {said}", exits.USAGE, f"see `{command} --help`")


if __name__ == "__main__":
    sys.exit(main())
