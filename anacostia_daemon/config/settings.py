"""From what a file and an environment say to settings: each value checked, and with where it comes from. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anacostia_daemon.config.kinds import Absolute, Text, Wrong, near
from anacostia_daemon.config.problems import Problem
from anacostia_daemon.config.table import Key, Table

DEFAULT, FILE = "default", "file"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")

Place = tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """One key that holds: where it stands, what it is, and who says so (`default`, `file`, or a variable's name)."""

    path: Place
    key: Key
    value: Any
    source: str

    @property
    def name(self) -> str:
        return written(self.path)


def read(tables: tuple[Table, ...], tree: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Setting | Problem]:
    """Everything that `tree` and `environ` say, and the defaults where they say nothing."""
    known = {table.name: table for table in tables}
    for name in tree:
        if name not in known:
            yield _at((name,), f"there is no such table{near(name, known)}", table=True)
    for table in tables:
        yield from _table(table, (table.name,), tree.get(table.name, {}), environ)
    yield from _unknown_variables(tables, environ)


def _table(table: Table, path: Place, content: Any, environ: Mapping[str, str]) -> Iterator[Setting | Problem]:
    if not isinstance(content, Mapping):
        yield _at(path, f"is to be a table: [{'.'.join(path)}]")
    elif not table.named:
        yield from _keys(table, path, content, environ)
    else:
        for name, each in content.items():
            if not _NAME.fullmatch(name):
                yield _at((*path, name), "a name has letters, digits, '_', '-' and '.' only", table=True)
            elif not isinstance(each, Mapping):
                yield _at((*path, name), f"is to be a table: [{'.'.join(path)}.{table.named}]")
            else:
                yield from _keys(table, (*path, name), each, {})


def _keys(
    table: Table, path: Place, content: Mapping[str, Any], environ: Mapping[str, str]
) -> Iterator[Setting | Problem]:
    known = {**table.key_by_name, **table.table_by_name}
    for name in content:
        if name not in known:
            yield _at((*path, name), f"there is no such key{near(name, known)}")
    for key in table.keys:
        yield from _key(key, (*path, key.name), content, environ)
    for each in table.tables:
        yield from _table(each, (*path, each.name), content.get(each.name, {}), environ)


def _key(key: Key, path: Place, content: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Setting | Problem]:
    given = variable(path)
    if given in environ:
        yield _read(key, path, _from_text(key, environ[given]), given)
    elif key.name in content:
        yield _read(key, path, content[key.name], FILE)
    elif key.required:
        yield _at(path[:-1], f"has no {key.name}, which is to be {key.kind.allowed}", table=True)
    elif key.default is not None:
        yield Setting(path, key, key.default, DEFAULT)


def _read(key: Key, path: Place, value: Any, source: str) -> Setting | Problem:
    try:
        return Setting(path, key, key.kind.read(value), source)
    except Wrong as error:
        unit = f", in {key.unit}" if key.unit and key.unit not in key.kind.allowed else ""
        shown = "" if key.secret else f", not {_short(value)}"
        what = str(error) or f"is to be {key.kind.allowed}{unit}{shown}"
        return _at(path, what) if source == FILE else Problem(source, what)


def _at(path: Place, what: str, table: bool = False) -> Problem:
    return Problem(written(path, table), what, path)


def variable(path: Place) -> str:
    """The variable of the environment that counts over a key."""
    return "_".join(("ANACOSTIA", *path)).upper()


def _from_text(key: Key, text: str) -> Any:
    """Text stays text; all else is written as in the file, and what cannot be read so is text as well ("2 GiB")."""
    if isinstance(key.kind, (Absolute, Text)):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _unknown_variables(tables: tuple[Table, ...], environ: Mapping[str, str]) -> Iterator[Problem]:
    """A variable that begins like those of a table, and is none: somebody's slip."""
    plain = [table for table in tables if not table.named]
    known = {variable((table.name, key.name)) for table in plain for key in table.keys}
    for name in sorted(set(environ) - known):
        if any(name.startswith(variable((table.name, ""))) for table in plain):
            yield Problem(name, f"no key is set by this variable{near(name, known)}")


def written(path: Place, table: bool = False) -> str:
    """A path as it would stand in the file."""
    text = ".".join(each if re.fullmatch(r"[A-Za-z0-9_-]+", each) else f'"{each}"' for each in path)
    return f"[{text}]" if table else text


def _short(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
