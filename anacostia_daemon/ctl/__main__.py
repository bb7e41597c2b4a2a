"""Entry point of `anacostiactl`: runs the command and turns whatever ends it into one line and an exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.cli import cli
from node_sdk.errors import AnacostiaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `anacostiactl`; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # never fail for a character
    try:
        code = cli.main(None if arguments is None else list(arguments), "anacostiactl", standalone_mode=False)
        sys.stdout.flush()
    except exits.CommandFailed as failure:
        return _say(str(failure), failure.code, failure.hint)
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
        place = f" {error.filename}" if error.filename else ""
        return _say(f"cannot go on:{place}: {error.strerror or error}", exits.FAILED)
    return code if isinstance(code, int) else exits.OK


def _say(message: str, code: int, hint: str = "") -> int:
    from anacostia_daemon.ctl.text import printable

    lines = [f"anacostiactl: {message}", *([hint] if hint else [])]
    text = "\n".join(printable(line, tabs=True) for line in "\n".join(lines).splitlines())
    with contextlib.suppress(BrokenPipeError):
        click.echo(text, err=True)
    return code


def _usage(error: click.UsageError) -> int:
    said = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx is not None else "anacostiactl"
    return _say(f"cannot understand this: {said[:1].lower()}{said[1:]}", exits.USAGE, f"see `{command} --help`")


if __name__ == "__main__":
    sys.exit(main())
