"""`start`: a file, or what is registered already. The only command that starts a daemon where none runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from anacostia_daemon.ctl.exits import FAILED, UNKNOWN, CommandFailed
from anacostia_daemon.ctl.options import file_or_target_argument, wait_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="start")
@file_or_target_argument()
@click.argument("arguments", metavar="[-- ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--python", metavar="PATH", help="Interpreter for the pipeline (default: the one of anacostiactl).")
@click.option("--name", metavar="NAME", help="What to call the pipeline, instead of its own name.")
@click.option("--env", "settings", metavar="K=V", multiple=True, help="Set this in its environment; repeatable.")
@click.option("--env-file", metavar="PATH", help="A file of K=V lines with more of these, read at each load.")
@wait_option
@click.option("--watch", is_flag=True, help="Stay, and reload the pipeline whenever its Python files change.")
@pass_reach
def command(
    reach: Reach,
    target: str,
    arguments: tuple[str, ...],
    python: str | None,
    name: str | None,
    settings: tuple[str, ...],
    env_file: str | None,
    wait: bool,
    watch: bool,
) -> None:
    """Start a pipeline from a file, or what was stopped.

    FILE is a Python file that builds a Pipeline, run as `python FILE ARGS` would; :NAME chooses one of several.
    Where no daemon runs for this home, one is started in the background first.
    """
    file = as_file(target)
    if file is None and (arguments or python or name or settings or env_file or watch):
        raise click.UsageError(
            "ARGS, --python, --name, --env, --env-file and --watch go with a FILE; a registered pipeline keeps its own"
        )
    args: dict[str, Any] = {"target": target}
    if file is not None:
        args = _file_arguments(*file, arguments, python, name, settings)
        if env_file is not None:
            args["env_file"] = str(Path(env_file).expanduser().absolute())
    _ensure_daemon(reach)
    if watch and file is not None:
        _start_and_watch(reach, target, file[0], args)
        return
    _say_started(_start(reach, target, args, wait), target, file, wait)


def _start(reach: Reach, target: str, args: dict[str, Any], wait: bool) -> dict[str, Any]:
    try:
        started: dict[str, Any] = reach.wish("start", {**args, "wait": wait}, f"starting '{target}'")
        return started
    except CommandFailed as failure:
        if failure.code == UNKNOWN and Path(target).is_dir():
            why = "it is a directory, and no pipeline of that name is registered"
            raise CommandFailed(f"cannot start {target}: {why}", UNKNOWN, "name the Python file in it") from None
        raise


def _start_and_watch(reach: Reach, target: str, file: str, args: dict[str, Any]) -> None:
    """A pipeline that is registered but does not get ready is watched as well: the next edit may mend it."""
    from anacostia_daemon.ctl.developing import follow, running_from

    try:
        started = _start(reach, target, args, wait=True)
    except CommandFailed as failure:
        name = running_from(reach, file) if failure.code == FAILED else None
        if name is None:
            raise
        failure.show()
        follow(reach, name, look_first=False)
    else:
        _say_started(started, target, (file, None), wait=True)
        follow(reach, started["pipeline"], look_first=bool(started.get("already")))


def _say_started(started: dict[str, Any], target: str, file: tuple[str, str | None] | None, wait: bool) -> None:
    nodes = len(started["nodes"])
    many = f"{nodes} node" if nodes == 1 else f"{nodes} nodes"
    what = f"pipeline '{started['pipeline']}'"
    if file is None and "/" in target:
        click.echo(f"started node '{target.partition('/')[2]}' of {what}" if wait else f"starting '{target}'")
    elif started.get("already"):
        click.echo(f"{what} runs already: {many} ready" if wait else f"{what} runs already: {many}")
    else:
        click.echo(f"started {what}: {many} ready" if wait else f"starting {what}: {many}")


def as_file(target: str) -> tuple[str, str | None] | None:
    """Path and object name where `target` is FILE[:NAME]; None where it is PIPELINE[/NODE]."""
    head, colon, tail = target.rpartition(":")
    if colon and (head.endswith(".py") or Path(head).is_file()) and not Path(target).is_file():
        if not tail:
            raise click.UsageError(f"nothing after ':' in '{target}'")
        return _checked(head), tail
    if target.endswith(".py") or target.startswith((".", "/", "~")) or Path(target).is_file():
        return _checked(target), None
    return None


def _checked(path: str) -> str:
    file = Path(path).expanduser()
    if file.is_dir():
        raise CommandFailed(f"cannot start {path}: it is a directory; name the Python file in it")
    if not file.exists():
        raise CommandFailed(f"cannot start {path}: there is no such file")
    if not os.access(file, os.R_OK):
        raise CommandFailed(f"cannot start {path}: you may not read it")
    return str(file.absolute())


def _file_arguments(
    file: str,
    chosen: str | None,
    arguments: tuple[str, ...],
    python: str | None,
    name: str | None,
    settings: tuple[str, ...],
) -> dict[str, Any]:
    args: dict[str, Any] = {
        "file": file,
        "argv": list(arguments),
        "cwd": str(Path.cwd()),
        "python": _interpreter(python),
        "env": dict(_setting(each) for each in settings),
    }
    if chosen is not None:
        args["object"] = chosen
    if name is not None:
        args["name"] = name
    return args


def _interpreter(python: str | None) -> str:
    if python is None:
        return sys.executable
    from shutil import which

    found = which(str(Path(python).expanduser()) if "/" in python else python)
    if found is None:
        raise CommandFailed(f"cannot use --python {python}: it is no program that can be executed")
    return str(Path(found).absolute())  # not resolved: the link in a virtual environment is what makes it one


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals or "\0" in text:
        raise click.UsageError(f"--env wants K=V, not '{text}'")
    return key, value


def _ensure_daemon(reach: Reach) -> None:
    from anacostia_daemon.ctl.launch import ensure_daemon

    pid = ensure_daemon(reach.home)
    if pid is not None:
        click.echo(f"started a daemon for {reach.home.path} (pid {pid}, log {reach.home.log})", err=True)
