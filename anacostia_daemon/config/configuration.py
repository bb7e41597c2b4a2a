"""The configuration that holds: which file it is of, each setting with its source, and the pipelines that are listed.

`load` gives a whole and valid one, or raises ConfigError and nothing has changed.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from anacostia_daemon.config.lines import line_of
from anacostia_daemon.config.listed import Listed, listed
from anacostia_daemon.config.problems import ConfigError, Problem
from anacostia_daemon.config.settings import DEFAULT, FILE, Setting, read
from anacostia_daemon.config.table import Table
from anacostia_daemon.config.tables import TABLES
from anacostia_daemon.config.together import unfit

NAME = "anacostia.toml"
VARIABLE = "ANACOSTIA_CONFIG"
SYSTEM_FILE = Path("/etc/anacostia") / NAME
SYSTEM_HOMES = Path("/var/lib")  # where the homes of system services are
MOST = 1 << 20  # bytes; a configuration fits, a mistake does not

HIDDEN = "***"


@dataclass(frozen=True)
class Config:
    """`file` is None where there is none, and only defaults and the environment count."""

    file: Path | None
    settings: tuple[Setting, ...]
    tables: frozenset[str] = frozenset()  # that stand in the file, be they empty

    def has(self, name: str) -> bool:
        """Whether the file has a table `name`, or the environment sets a key of it."""
        return name in self.tables or any(each.path[0] == name and each.source != DEFAULT for each in self.settings)

    def table(self, name: str) -> dict[str, Any]:
        """What holds in the plain table `name`: each key that has a value, and its value."""
        return self._under(name)

    @cached_property
    def pipelines(self) -> dict[str, Listed]:
        """The pipelines that are listed, by name."""
        folder = Path("/") if self.file is None else self.file.parent
        names = dict.fromkeys(each.path[1] for each in self.settings if each.path[0] == "pipelines")
        return {name: listed(name, self._under("pipelines", name), self._nodes(name), folder) for name in names}

    def named(self, name: str) -> dict[str, dict[str, Any]]:
        """What holds in the tables [NAME.…], by what the user calls each."""
        names = dict.fromkeys(each.path[1] for each in self.settings if each.path[0] == name)
        return {each: self._under(name, each) for each in names}

    def _nodes(self, pipeline: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        above = ("pipelines", pipeline, "nodes")
        for each in self.settings:
            if each.path[:3] == above:
                values = found.setdefault(each.path[3], {})
                for name in each.path[4:-1]:
                    values = values.setdefault(name, {})
                values[each.path[-1]] = list(each.value) if isinstance(each.value, tuple) else each.value
        return found

    def _under(self, *path: str) -> dict[str, Any]:
        return {each.path[-1]: each.value for each in self.settings if each.path[:-1] == path}


def find(home: Path, environ: Mapping[str, str] = os.environ, system: Path = SYSTEM_FILE) -> Path | None:
    """The file that counts for a daemon with this home: the one named by the environment; the one in the home; that
    of the system, for a home where those of system services are. None where there is none of these."""
    named = environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    if (home / NAME).exists():
        return home / NAME
    return system if home.is_relative_to(SYSTEM_HOMES) and system.exists() else None


def load(file: Path | None, environ: Mapping[str, str] = os.environ, tables: tuple[Table, ...] = TABLES) -> Config:
    """The configuration of `file` and the environment, whole. Raises ConfigError with all that is wrong."""
    return from_text("" if file is None else _text(file), file, environ, tables)


def from_text(text: str, file: Path | None, environ: Mapping[str, str], tables: tuple[Table, ...] = TABLES) -> Config:
    """As `load`, with the `text` of the file."""
    try:
        tree = tomllib.loads(text)
    except ValueError as error:  # also numbers that are longer than Python reads
        raise ConfigError(file, [Problem("", f"it is not TOML: {error}")]) from None
    except RecursionError:
        raise ConfigError(file, [Problem("", "it is nested too deep")]) from None
    found = list(read(tables, tree, environ))
    found += unfit([each for each in found if isinstance(each, Setting)])
    problems = [_with_line(each, text) for each in found if isinstance(each, Problem)]
    if problems:
        raise ConfigError(file, sorted(problems, key=lambda each: each.line or 0))
    return Config(file, tuple(each for each in found if isinstance(each, Setting)), frozenset(tree))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, [Problem("", getattr(error, "strerror", None) or "it is no UTF-8 text")]) from error
    if len(data) > MOST:
        raise ConfigError(file, [Problem("", f"it has more than {MOST} bytes")])
    return text


def _with_line(problem: Problem, text: str) -> Problem:
    return dataclasses.replace(problem, line=line_of(text, problem.path)) if problem.path else problem


def changed(before: Config, after: Config) -> list[Setting]:
    """The settings of plain tables that are not as they were; of one that is gone, what it was."""
    old = {each.path: each for each in _plain(before)}
    new = {each.path: each for each in _plain(after)}
    gone = [each for path, each in old.items() if path not in new]
    return [each for path, each in new.items() if path not in old or old[path].value != each.value] + gone


def _plain(config: Config) -> Iterable[Setting]:
    return (each for each in config.settings if each.path[0] != "pipelines")


def shows_secrets(config: Config) -> bool:
    """Whether the file holds secrets, and others than its owner may read it."""
    secret = any(each.key.secret and each.value and each.source == FILE for each in config.settings)
    return secret and config.file is not None and bool(config.file.stat().st_mode & 0o044)


def shown(config: Config) -> list[dict[str, Any]]:
    """Each setting as plain data for people and programs: key, value, source. Of secrets the names, not the values."""
    return [
        {"key": each.name, "value": _shown(each), "source": str(config.file) if each.source == FILE else each.source}
        for each in config.settings
    ]


def _shown(setting: Setting) -> Any:
    value = setting.value
    if setting.key.secret:
        return dict.fromkeys(value, HIDDEN) if isinstance(value, dict) else HIDDEN
    return list(value) if isinstance(value, tuple) else value
