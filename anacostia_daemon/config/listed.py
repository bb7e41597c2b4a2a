"""A pipeline as the configuration lists it: paths made whole, nothing looked at. `obstacles` looks at the machine."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anacostia_daemon.config.environment_file import BadEnvironmentFile, read_environment_file


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Paths are absolute. `nodes`: what counts over the code, by node."""

    name: str
    file: str
    object: str | None
    args: tuple[str, ...]
    interpreter: str
    working_directory: str
    environment: Mapping[str, str]
    environment_file: str | None
    autostart: bool
    user: str | None
    group: str | None
    nodes: Mapping[str, Mapping[str, Any]]

    @property
    def program(self) -> str:
        """The Python that runs it, as the disk is now: an environment may be made after it was listed."""
        folder = Path(self.interpreter)  # not resolved: the link in a virtual environment is what makes it one
        return str(folder / "bin" / "python" if folder.is_dir() else folder)


def listed(name: str, values: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]], folder: Path) -> Listed:
    """The pipeline `name` with these `values`, of a configuration in `folder`."""

    def whole(path: str) -> str:
        return os.path.normpath(folder / Path(path).expanduser())

    file = whole(values["file"])
    environment_file = values.get("environment_file")
    directory = values.get("working_directory")
    return Listed(
        name=name,
        file=file,
        object=values.get("object"),
        args=values["args"],
        interpreter=_interpreter(values.get("interpreter"), whole),
        working_directory=str(Path(file).parent) if directory is None else whole(directory),
        environment=values["environment"],
        environment_file=None if environment_file is None else whole(environment_file),
        autostart=values["autostart"],
        user=values.get("user"),
        group=values.get("group"),
        nodes=nodes,
    )


def _interpreter(given: str | None, whole: Callable[[str], str]) -> str:
    if given is None:
        return sys.executable
    if "/" not in given and shutil.which(given) is not None:
        return str(shutil.which(given))
    return whole(given)


def obstacles(pipeline: Listed) -> Iterator[str]:
    """Why it could not be started on this machine now, in words; nothing where it could."""
    if not Path(pipeline.file).is_file():
        yield f"its file {pipeline.file} is not there"
    elif not os.access(pipeline.file, os.R_OK):
        yield f"its file {pipeline.file} cannot be read by this user"
    if shutil.which(pipeline.program) is None:
        yield f"its interpreter {pipeline.program} is no program that can be executed"
    if not Path(pipeline.working_directory).is_dir():
        yield f"its working directory {pipeline.working_directory} is not there"
    elif not os.access(pipeline.working_directory, os.X_OK):
        yield f"its working directory {pipeline.working_directory} cannot be entered by this user"
    if pipeline.environment_file is not None:
        try:
            read_environment_file(Path(pipeline.environment_file))
        except BadEnvironmentFile as error:
            yield str(error)
    yield from of_another(pipeline)


def of_another(pipeline: Listed) -> Iterator[str]:
    """Nodes share sockets, logs and signals with their daemon: they are of one user, or none is safe from the other."""
    user, group = pipeline.user, pipeline.group
    if user is not None and pwd.getpwnam(user).pw_uid != os.geteuid():
        yield (
            f"it is to run as user {user}, and nodes run as the user of their daemon ({_name_of(os.geteuid())}); "
            f"start a daemon as {user} (systemd: User={user}) and list the pipeline there"
        )
    elif group is not None and grp.getgrnam(group).gr_gid != os.getegid():
        yield (
            f"it is to run as group {group}, and nodes run as the group of their daemon; "
            f"start the daemon with that group (systemd: Group={group})"
        )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
