"""A line of the journal as a sentence: when, who, what it became, why. Pure."""

from __future__ import annotations

from typing import Any

from anacostia_daemon.ctl.text import local, shown


def sentence(entry: dict[str, Any], with_pipeline: bool = True) -> str:
    """'14:03:09 digits/train #3: ready -> stopping, stopped by a user'."""
    return f"{local(entry['at'])} {_who(entry, with_pipeline)}: {_what(entry)}"


def _who(entry: dict[str, Any], with_pipeline: bool) -> str:
    pipeline, node = entry.get("pipeline"), entry.get("node")
    number = f" #{entry['incarnation']}" if node and entry.get("incarnation") else ""
    if node and with_pipeline:
        return f"{shown(pipeline)}/{shown(node)}{number}"
    return f"{shown(node or pipeline or 'daemon')}{number}"


def _what(entry: dict[str, Any]) -> str:
    before, after, reason = entry.get("from"), entry.get("to"), entry.get("reason")
    because = f", {shown(reason)}" if reason else ""
    if entry.get("event") == "desired":
        return f"wanted {shown(after)} instead of {shown(before)}{because}" if before else f"wanted {after}{because}"
    if before and after and before != after:
        return f"{shown(before)} -> {shown(after)}{because}"
    return f"{shown(entry.get('event'))}{because}"
