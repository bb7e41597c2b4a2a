"""The whole way of a command line: click finds the command, and whatever ends it becomes one line and an exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.cli import cli
from anacostia_daemon.ctl.text import printable
from node_sdk.errors import AnacostiaError


def run(words: Sequence[str]) -> int:
    """Do it; the exit code. What goes wrong with the output itself is the caller's to catch."""
    try:
        code = cli.main(list(words), "anacostiactl", standalone_mode=False)
    except exits.CommandFailed as failure:
        return say(str(failure), failure.code, failure.hint)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return exits.USAGE
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return say(error.format_message(), error.exit_code)
    except AnacostiaError as error:
        return say(str(error), exits.FAILED)
    except click.Abort:
        return exits.INTERRUPTED
    return code if isinstance(code, int) else exits.OK


def say(message: str, code: int, hint: str = "") -> int:
    """Say on stderr what is the matter; `code`."""
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
    return say(f"cannot understand this: {said}", exits.USAGE, f"see `{command} --help`")
