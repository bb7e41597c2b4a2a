"""`start FILE --watch`: follows the source files of a pipeline that runs, and has it reloaded when they have changed.

It sleeps until something happens in their folders, and then until they are quiet: editors write in several steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.commands.reload import outcome
from anacostia_daemon.ctl.exits import CommandFailed
from anacostia_daemon.ctl.reach import Reach
from anacostia_daemon.ctl.watch import Watch

QUIET = 0.2  # seconds without a change until a reload begins

Seen = dict[Path, tuple[int, int, int]]


def follow(reach: Reach, pipeline: str, *, look_first: bool) -> None:
    """Until Ctrl-C, or until the pipeline or its daemon is gone. `look_first`: it may run from older files."""
    watch = Watch()
    try:
        folders = _folders(reach, pipeline)
        watch.add(folders)
        seen: Seen = {} if look_first else _look(folders)
        # Said only now: from here on no edit is missed.
        click.echo(f"watching the files of pipeline '{pipeline}'; Ctrl-C ends that, the pipeline runs on")
        while True:
            watch.add(folders)
            now = _look(folders)
            if now == seen:
                watch.wait()
                continue
            seen = _when_quiet(watch, folders, now)
            _reload(reach, pipeline)
            folders |= _folders(reach, pipeline)
    except KeyboardInterrupt:
        click.echo(f"watching no more; pipeline '{pipeline}' runs on, `anacostiactl stop {pipeline}` ends it")
    finally:
        watch.close()


def running_from(reach: Reach, file: str) -> str | None:
    """The registered pipeline that `file` builds; None where there is none beyond doubt."""
    found = [each for each in reach.ask("status")["pipelines"] if each["file"] == file and each["nodes"]]
    return str(found[0]["name"]) if len(found) == 1 else None


def _reload(reach: Reach, pipeline: str) -> None:
    try:
        click.echo(outcome(reach.wish("reload", {"pipeline": pipeline, "wait": True}, f"reloading '{pipeline}'")))
    except CommandFailed as failure:
        if failure.code != exits.FAILED:
            raise  # it is gone, and there is nothing left to watch
        failure.show()


def _folders(reach: Reach, pipeline: str) -> set[Path]:
    """Where the files lie that its loader has read, and the one that builds it."""
    [found] = reach.ask("status", {"pipeline": pipeline})["pipelines"]
    sources: list[Any] = [found["file"], *found["loader"].get("sources", ())]
    return {Path(each).parent for each in sources}


def _look(folders: set[Path]) -> Seen:
    """The state of every Python file there, also of those that are not imported yet."""
    found: Seen = {}
    for path in (path for folder in folders for path in folder.glob("*.py")):
        try:
            state = path.stat()
        except OSError:
            continue  # it is being replaced
        found[path] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found


def _when_quiet(watch: Watch, folders: set[Path], seen: Seen) -> Seen:
    """What is there once nothing has changed for a moment."""
    while True:
        watch.wait(timeout=QUIET)
        now = _look(folders)
        if now == seen:
            return now
        seen = now
