"""The one sentence that `systemctl status` shows of the daemon. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_ORDER = ("ready", "starting", "stopping", "killing", "backoff", "failed", "down")
_WORDS = {"killing": "being killed", "backoff": "waiting to be restarted"}
_NAMED = 3  # nodes in trouble that are named


def sentence(nodes: Iterable[tuple[str, str, str]], pipelines: int, leaving: str = "") -> str:
    """`3 pipelines, 21 nodes ready, 1 failed (digits/train)`. `nodes`: pipeline, name and phase of each."""
    known = list(nodes)
    parts = [f"{pipelines} pipeline{'' if pipelines == 1 else 's'}" if pipelines else "no pipelines"]
    counts = Counter(phase for _, _, phase in known)
    for number, phase in enumerate(each for each in _ORDER if counts[each]):
        noun = ("" if number else " node" if counts[phase] == 1 else " nodes") + " "
        parts.append(f"{counts[phase]}{noun}{_WORDS.get(phase, phase)}{_named(known, phase)}")
    text = ", ".join(parts)
    return f"shutting down ({leaving}): {text}" if leaving else text


def _named(nodes: list[tuple[str, str, str]], phase: str) -> str:
    if phase not in ("failed", "backoff"):
        return ""
    names = [f"{pipeline}/{name}" for pipeline, name, found in nodes if found == phase]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f" ({', '.join(names[:_NAMED])}{more})"
