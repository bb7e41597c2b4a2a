"""What a check has found: how bad, what it means, what to do. Data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`part` is what was looked at, in a word; `advice` is '' where nothing is to be done."""

    part: str
    level: Level
    finding: str
    advice: str = ""


def ok(part: str, finding: str) -> Finding:
    return Finding(part, "ok", finding)


def warning(part: str, finding: str, advice: str) -> Finding:
    return Finding(part, "warning", finding, advice)


def fault(part: str, finding: str, advice: str) -> Finding:
    return Finding(part, "fault", finding, advice)
