"""What is wrong with a configuration: where, what, and the way out; all of it at once, not one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from node_sdk.errors import AnacostiaError


@dataclass(frozen=True)
class Problem:
    """`where` is a key or table as it is written, or the name of a variable. What stands in the file has a `path`,
    and a `line` once it is looked up."""

    where: str
    what: str
    path: tuple[str, ...] = ()
    line: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line is not None else ""
        return f"{place}{self.where}: {self.what}" if self.where else f"{place}{self.what}"


class ConfigError(AnacostiaError):
    """The configuration cannot be used; nothing of it is."""

    def __init__(self, file: Path | None, problems: Sequence[Problem]) -> None:
        self.file, self.problems = file, tuple(problems)
        what = "the configuration" if file is None else f"the configuration {file}"
        said = [str(each) for each in problems]
        text = said[0] if len(said) == 1 else f"{len(said)} things are wrong in it:" + "".join(f"\n  {s}" for s in said)
        super().__init__(f"cannot use {what}: {text}")
