"""Reads a file of `NAME=value` lines, as a shell would read assignments, but for one thing: nothing is ever expanded.
Percent signs, quotes, dollars and newlines inside of quotes come out as they went in.
"""

from __future__ import annotations

import re
from pathlib import Path

from node_sdk.errors import AnacostiaError

_SKIP = re.compile(r"(?:\s|#[^\n]*)*")
_SINGLE, _DOUBLE = r"'[^']*'", r'"(?:\\.|[^"\\])*"'
_VALUE = rf"(?:{_SINGLE}|{_DOUBLE}|\\.|[^\s'\"\\])*"
_ASSIGNMENT = re.compile(rf"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=({_VALUE})[ \t]*(?=[\n\r]|[ \t]#|\Z)", re.DOTALL)
_PART = re.compile(rf"({_SINGLE})|({_DOUBLE})|\\(.)|([^'\"\\]+)", re.DOTALL)
_ESCAPED = re.compile(r'\\([$`"\\\n])')


class BadEnvironmentFile(AnacostiaError):
    """The file cannot be read, or a line of it is no assignment."""


def read_environment_file(path: Path) -> dict[str, str]:
    """The variables that the file at `path` sets; the last of a name wins. Raises BadEnvironmentFile."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise BadEnvironmentFile(f"cannot read the environment file {path}: {why}") from error
    try:
        return parse(text)
    except ValueError as error:
        raise BadEnvironmentFile(f"cannot read the environment file {path}: {error}") from None


def parse(text: str) -> dict[str, str]:
    """The variables in `text`; ValueError, which shows no value, for what is no assignment."""
    found: dict[str, str] = {}
    at = 0
    while (at := _SKIP.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        assignment = _ASSIGNMENT.match(text, at)
        if assignment is None or "\0" in assignment[2]:
            line = text.count("\n", 0, at) + 1
            raise ValueError(f'line {line} is no NAME=value; put a value with spaces into quotes: NAME="a b"')
        found[assignment[1]] = "".join(_unquoted(part) for part in _PART.finditer(assignment[2]))
        at = assignment.end()
    return found


def _unquoted(part: re.Match[str]) -> str:
    single, double, escaped, bare = part.groups()
    if double is not None:
        return _ESCAPED.sub(lambda found: "" if found[1] == "\n" else found[1], double[1:-1])
    if single is not None:
        return str(single[1:-1])
    return str(bare if escaped is None else escaped)
