"""Pictures of figures, as SVG that is the same for the same values: no date, no random names.

matplotlib is imported here, and only when something is drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.figure import Figure
from benchmarks.harness.table import number

_OURS, _LIMIT, _PEER, _TAIL = "#1b6ca8", "#8a8a8a", "#d08c3f", "#333333"


def draw(figure: Figure, folder: Path) -> list[Path]:
    """NAME.svg, a bar of the median per row with a mark at p99; NAME-parts.svg where the figure has parts."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [_save(_bars(figure), folder / f"{figure.name}.svg")]
    if figure.parts:
        drawn.append(_save(_stacks(figure), folder / f"{figure.name}-parts.svg"))
    return drawn


def _bars(figure: Figure) -> Any:
    names = [*figure.ours, *([figure.limit] if figure.limit else []), *figure.peers, *figure.apart]
    found = [figure.summary(each) for each in names]
    picture, axes = _axes(len(names))
    colours = [_OURS if each in figure.ours else _LIMIT if each == figure.limit else _PEER for each in names]
    axes.barh(names, [each.p50 for each in found], color=colours)
    axes.scatter([each.p99 for each in found], names, marker="|", s=140, color=_TAIL, zorder=3)
    for name, each in zip(names, found, strict=True):
        axes.annotate(
            number(each.p50), (max(each.p50, each.p99), name), (6, 0), textcoords="offset points", va="center"
        )
    values = [value for each in found for value in (each.p50, each.p99)]
    if min(values) > 0 and max(values) / min(values) > 20:
        axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_title(figure.title, fontsize=10, loc="left")
    axes.set_xlabel(f"{figure.unit}; bar: p50, mark: p99; {figure.better} is better")
    return picture


def _stacks(figure: Figure) -> Any:
    picture, axes = _axes(len(figure.parts) + 2)
    colours = _picked()
    order = list(dict.fromkeys(part for bar in figure.parts.values() for part in bar))
    starts = dict.fromkeys(figure.parts, 0.0)
    for index, part in enumerate(order):
        widths = [bar.get(part, 0.0) for bar in figure.parts.values()]
        axes.barh(list(figure.parts), widths, left=list(starts.values()), color=colours[index % 10], label=part)
        starts = {bar: start + width for (bar, start), width in zip(starts.items(), widths, strict=True)}
    axes.set_title(f"{figure.name}: where the time goes", fontsize=10, loc="left")
    axes.set_xlabel(figure.unit)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.35), ncols=2, fontsize=8, frameon=False)
    return picture


def _axes(bars: int) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "anacostia", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    picture, axes = pyplot.subplots(figsize=(8, 1.1 + 0.34 * bars))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    return picture, axes


def _picked() -> list[Any]:
    from matplotlib import colormaps

    return list(colormaps["tab10"].colors)


def _save(picture: Any, path: Path) -> Path:
    from matplotlib import pyplot

    picture.savefig(path, metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    pyplot.close(picture)
    return path
