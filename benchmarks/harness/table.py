"""A figure as text: for the terminal, and as the same columns in Markdown for docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.harness.figure import Figure, Goal

HEAD = ("", "n", "p50", "p99", "× limit", "better than best peer")


def cells(figure: Figure) -> list[tuple[str, ...]]:
    """One line of words per row of the figure: ours, then the limit, then the peers."""
    order = [*figure.ours, *([figure.limit] if figure.limit else []), *figure.peers, *figure.apart]
    return [_row(figure, each) for each in order]


def _row(figure: Figure, row: str) -> tuple[str, ...]:
    found = figure.summary(row)
    limit = "" if row in figure.apart else _times(figure.of_limit(row))
    peer = _times(figure.than_best_peer(row)) if row in figure.ours else ""
    return row, str(found.n), number(found.p50), number(found.p99), limit, peer


def terminal(figure: Figure) -> str:
    """The whole figure, to be read in a terminal."""
    table = [HEAD, *cells(figure)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    lines = [f"{figure.name}: {figure.title} [{figure.unit}]"]
    for line in table:
        words = (each.rjust(width) for each, width in zip(line[1:], widths[1:], strict=True))
        lines.append("  ".join([line[0].ljust(widths[0]), *words]).rstrip())
    parts = (
        f"{bar}: " + ", ".join(f"{part} {number(each)}" for part, each in parts.items())
        for bar, parts in figure.parts.items()
    )
    return "\n".join([*lines, *_below(figure), *parts]) + "\n"


def markdown(figure: Figure) -> str:
    """The whole figure, for a page; its picture is named by a link."""
    first, *others = HEAD
    lines = [
        f"### {figure.name}",
        "",
        f"{figure.title}; {figure.unit}, {figure.better} is better.",
        "",
        f"| {first} | {' | '.join(others)} |",
        f"|---|{'---:|' * len(others)}",
        *(f"| {' | '.join(line)} |" for line in cells(figure)),
        "",
        *(f"- {line}" for line in _below(figure)),
        "",
        f"![{figure.name}](figures/{figure.name}.svg)",
    ]
    if figure.parts:
        lines += ["", f"![where the time of {figure.name} goes](figures/{figure.name}-parts.svg)"]
    return "\n".join(lines) + "\n"


def _below(figure: Figure) -> Iterator[str]:
    yield from map(_goal, figure.judged)
    yield from figure.notes
    yield from (f"{peer} did not take part: {why}" for peer, why in figure.missing.items())


def _goal(goal: Goal) -> str:
    left = "" if goal.met or not goal.unmet else f" Left: {goal.unmet}"
    return f"{'met' if goal.met else 'NOT met'}: {goal.words}: {number(goal.measured)}.{left}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{number(ratio)} ×"


def number(value: float) -> str:
    """Three digits that count; whole numbers from a thousand on."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def page(figures: Sequence[Figure]) -> str:
    """All figures, one after the other."""
    return "\n".join(markdown(each) for each in figures)
