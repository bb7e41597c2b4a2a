"""What stays of a figure: JSON under benchmarks/results, a picture under docs/figures, its part of docs/performance.md.

The page is written from the JSON files alone, so that one figure can be measured anew without the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.figure import Figure, Goal, Summary
from benchmarks.harness.table import page

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PICTURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def as_json(figure: Figure, machine: dict[str, Any]) -> dict[str, Any]:
    """The figure, its rows as summaries, rounded to a millionth of its unit."""
    return {
        "name": figure.name,
        "title": figure.title,
        "unit": figure.unit,
        "better": figure.better,
        "ours": list(figure.ours),
        "limit": figure.limit,
        "apart": list(figure.apart),
        "rows": {row: _row(figure, row) for row in figure.rows},
        "goals": [vars(goal) for goal in figure.judged],
        "notes": list(figure.notes),
        "missing": dict(figure.missing),
        "parts": {bar: dict(parts) for bar, parts in figure.parts.items()},
        "machine": machine,
    }


def _row(figure: Figure, row: str) -> dict[str, Any]:
    found = figure.summary(row)
    return {"n": found.n, "p50": round(found.p50, 6), "p99": round(found.p99, 6)}


def write(figure: Figure, machine: dict[str, Any], folder: Path = RESULTS) -> Path:
    """NAME.json of the figure."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{figure.name}.json"
    path.write_text(json.dumps(as_json(figure, machine), indent=2, ensure_ascii=False) + "\n")
    return path


@dataclass(frozen=True)
class Recorded(Figure):
    """A figure as it was written down: summaries in the place of samples."""

    summaries: Mapping[str, Summary] = field(default_factory=dict)

    def summary(self, row: str) -> Summary:
        return self.summaries[row]


def read(path: Path) -> Recorded:
    """The figure of a JSON file."""
    kept = json.loads(path.read_text())
    return Recorded(
        name=kept["name"],
        title=kept["title"],
        unit=kept["unit"],
        rows=dict.fromkeys(kept["rows"], ()),
        ours=tuple(kept["ours"]),
        limit=kept["limit"],
        apart=tuple(kept["apart"]),
        better=kept["better"],
        goals=[Goal(**goal) for goal in kept["goals"]],
        notes=kept["notes"],
        missing=kept["missing"],
        parts=kept["parts"],
        summaries={row: Summary(**found) for row, found in kept["rows"].items()},
    )


def write_page(order: list[str], path: Path = PAGE, folder: Path = RESULTS) -> None:
    """Replace what is between the two marker lines by the figures of `folder`; the text around it stays.

    Figures come in the order of `order`, the names of modules: that of a figure is the longest that begins its name.
    """
    text = path.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"cannot write the figures into {path}: it has no lines {BEGIN} and {END}")
    files = sorted(folder.glob("*.json"), key=lambda each: (_place(each.stem, order), len(each.stem), each.stem))
    path.write_text(f"{before}{BEGIN}\n\n{_measured_on(files)}{page([read(each) for each in files])}\n{END}{after}")


def _place(name: str, order: list[str]) -> int:
    return next((place for place, module in enumerate(order) if name.split("-")[0] == module), len(order))


def _measured_on(files: list[Path]) -> str:
    """One line per machine and day, with the figures that were measured there."""
    by_machine: dict[str, list[str]] = {}
    for each in files:
        found = json.loads(each.read_text())
        words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found["machine"].items())
        by_machine.setdefault(words, []).append(found["name"])
    return "".join(f"Measured on: {words} ({', '.join(names)}).\n\n" for words, names in by_machine.items())
