"""What a guard is: a text in a file, and the tests that must fail once another stands in its place. Only data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """`name` says in words what it does, `keeps` which law or promise would be broken without it.

    In `file` (from the root of the tree) `take`, which stands there exactly once, becomes `put`; then the tests
    `caught_by` (node ids of pytest) must fail.
    """

    name: str
    keeps: str
    file: str
    take: str
    put: str
    caught_by: tuple[str, ...]

    def occurrences(self, root: Path) -> int:
        """How often the text stands in its file under `root`; 0 where there is no such file."""
        path = root / self.file
        return path.read_text().count(self.take) if path.is_file() else 0

    def take_away(self, root: Path) -> None:
        """Put the other text in its place under `root`."""
        path = root / self.file
        path.write_text(path.read_text().replace(self.take, self.put))


Row = tuple[str, str, str, str]  # name, take, put, node id of the test that catches it


def guards_in(file: str, keeps: str, *rows: Row) -> tuple[Guard, ...]:
    """Guards of one file that keep the same promise."""
    return tuple(
        Guard(name=name, keeps=keeps, file=file, take=take, put=put, caught_by=(test,))
        for name, take, put, test in rows
    )
