"""Writes docs/man/*.1 from what `anacostiactl --help` and `anacostiad --help` say: one page per command.

`make docs` writes them, the wheel puts them under share/man; `python docs/generate_man.py --check` (and a test) only
says whether they are up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from anacostia_daemon import __version__
from anacostia_daemon.__main__ import _parser
from anacostia_daemon.ctl.cli import cli
from anacostia_daemon.ctl.exits import MEANINGS

FOLDER = Path(__file__).with_name("man")


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    found = {"anacostiad.1": _daemon(_parser())}
    with cli.make_context("anacostiactl", [], resilient_parsing=True) as top:
        commands = {name: cli.get_command(top, name) for name in cli.list_commands(top)}
        found["anacostiactl.1"] = _top(top, {name: each for name, each in commands.items() if each is not None})
        for name, command in commands.items():
            assert command is not None
            found |= _of(name, click.Context(command, info_name=name, parent=top))
    return found


def _of(name: str, ctx: click.Context) -> dict[str, str]:
    """The page of a command, and those of the commands that it has in turn."""
    found = {f"anacostiactl-{name.replace(' ', '-')}.1": _command(name, ctx)}
    for part, below in getattr(ctx.command, "commands", {}).items():
        found |= _of(f"{name} {part}", click.Context(below, info_name=part, parent=ctx))
    return found


def _top(ctx: click.Context, commands: dict[str, click.Command]) -> str:
    lines = [*_head("anacostiactl", "start, watch and stop Anacostia pipelines"), *_usage(ctx, "anacostiactl")]
    lines += [*_description(cli.help or ""), *_options(ctx), ".SH COMMANDS"]
    for name, command in commands.items():
        lines += [".TP", f"\\fBanacostiactl\\-{name}\\fR(1)", _escaped(command.get_short_help_str(200))]
    lines += [*_exit_codes(), ".SH SEE ALSO", "\\fBanacostiad\\fR(1)"]
    return _page(lines)


def _command(name: str, ctx: click.Context) -> str:
    command = ctx.command
    page = f"anacostiactl-{name.replace(' ', '-')}"
    lines = [*_head(page, command.get_short_help_str(200).rstrip(".")), *_usage(ctx, f"anacostiactl {name}")]
    lines += [*_description(command.help or ""), *_options(ctx)]
    below = getattr(command, "commands", {})
    if below:
        lines.append(".SH COMMANDS")
    for part, each in below.items():
        lines += [".TP", f"\\fB{_escaped(page)}\\-{part}\\fR(1)", _escaped(each.get_short_help_str(200))]
    lines += _exit_codes()
    return _page([*lines, ".SH SEE ALSO", "\\fBanacostiactl\\fR(1)"])


def _daemon(parser: argparse.ArgumentParser) -> str:
    lines = [*_head("anacostiad", (parser.description or "").rstrip(".")), ".SH SYNOPSIS"]
    lines += ["\\fBanacostiad\\fR [\\fIOPTION\\fR]...", ".SH DESCRIPTION"]
    lines += ["Runs in the foreground until SIGTERM, which stops all nodes in order; a second one stops them by force."]
    lines += [".SH OPTIONS"]
    for action in parser._actions:
        metavar = f" \\fI{_escaped(str(action.metavar))}\\fR" if action.metavar else ""
        names = ", ".join(f"\\fB{_escaped(each)}\\fR" for each in action.option_strings)
        lines += [".TP", names + metavar, _escaped(action.help or "")]
    codes = (
        (0, "it ended as told"),
        (1, "it cannot start"),
        (70, "a pipeline was given up, where that ends the daemon"),
        (75, "another daemon holds the home"),
        (78, "the configuration cannot be used"),
    )
    lines += [*_exit_codes(codes), ".SH SEE ALSO", "\\fBanacostiactl\\fR(1)"]
    return _page(lines)


def _head(name: str, what: str) -> Iterator[str]:
    yield f'.TH "{name.upper()}" "1" "" "anacostia {__version__}" "Anacostia"'
    yield ".SH NAME"
    yield f"{_escaped(name)} \\- {_escaped(what)}"


def _usage(ctx: click.Context, name: str) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    pieces = " ".join(f"\\fI{_escaped(each)}\\fR" for each in ctx.command.collect_usage_pieces(ctx))
    yield f"\\fB{_escaped(name)}\\fR {pieces}"


def _description(text: str) -> Iterator[str]:
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(re.sub(r"\n +", "\n", text.strip()).split("\n\n")):
        if number:
            yield ".PP"
        as_it_is, rest = paragraph.startswith("\b"), paragraph.removeprefix("\b").strip("\n")
        if as_it_is:
            yield ".nf"
        yield from (_escaped(line) for line in rest.splitlines())
        if as_it_is:
            yield ".fi"


def _options(ctx: click.Context) -> Iterator[str]:
    options = [each for each in ctx.command.get_params(ctx) if isinstance(each, click.Option)]
    records = [record for each in options if (record := each.get_help_record(ctx)) is not None]
    if records:
        yield ".SH OPTIONS"
    for names, text in records:
        yield from (".TP", f"\\fB{_escaped(names)}\\fR", _escaped(text))


def _exit_codes(codes: Iterable[tuple[int, str]] = MEANINGS) -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, meaning in codes:
        yield from (".TP", f"\\fB{code}\\fR", _escaped(meaning))


def _escaped(text: str) -> str:
    """Safe as a line of troff: no escape, no request, and hyphens that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq").replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def stale() -> list[str]:
    """Pages that are not as they should be, or should not be."""
    wanted = pages()
    there = {each.name: each.read_text() for each in FOLDER.glob("*.1")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(stale())}; write them again with `make docs`" if stale() else 0)
    for name in stale():
        (FOLDER / name).unlink(missing_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
