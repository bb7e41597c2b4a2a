"""A line of the journal as a sentence: when, who, what happened to it, why. Pure."""

from __future__ import annotations

from typing import Any

from anacostia_daemon.ctl.text import local, shown

_SEEING = "; seeing that nothing of it is left"  # true, and no news to a person
_NO_NEWS = ("", "set up")  # reasons that the sentence says already


def sentence(entry: dict[str, Any], with_pipeline: bool = True) -> str:
    """'14:03:09 digits/train (process 3) is asked to stop: stopped by a user'."""
    return f"{local(entry['at'])} {_who(entry, with_pipeline)} {what(entry)}"


def serious(entry: dict[str, Any]) -> bool:
    """Whether a person should look at it: something ended that should not have."""
    return entry.get("to") in ("failed", "backoff") or (
        entry.get("to") == "killing" and entry.get("from") != "stopping"
    )


def _who(entry: dict[str, Any], with_pipeline: bool) -> str:
    pipeline, node = entry.get("pipeline"), entry.get("node")
    number = f" (process {entry['incarnation']})" if node and entry.get("incarnation") else ""
    if node and with_pipeline:
        return f"{shown(pipeline)}/{shown(node)}{number}"
    return f"{shown(node or pipeline or 'daemon')}{number}"


def what(entry: dict[str, Any]) -> str:
    """What happened, and why: 'is asked to stop: stopped by a user'."""
    event, after = entry.get("event"), entry.get("to")
    reason = (entry.get("reason") or "").removesuffix(_SEEING)
    if event == "desired":
        return _because(f"is wanted {shown(after)} from now on", reason)
    match after:
        case "starting":
            # Why it is started again is said as "started again … after: …".
            return f"is {shown(reason)}" if reason.startswith("started again") else _because("is started", reason)
        case "ready":
            return _because("is ready", reason)
        case "stopping":
            return _because("is asked to stop", reason)
        case "killing":
            return _because(_ending(entry), reason)
        case "backoff":
            waits, _, cause = reason.partition(" after: ")
            return f"{shown(waits)} before it is started again: {shown(cause)}" if cause else _because("waits", reason)
        case "failed":
            return _because("has failed, and stays down until a person restarts it", reason)
        case "down":
            return _because("is down", reason)
    return _because(str(shown(event)).replace("-", " "), reason)


def _ending(entry: dict[str, Any]) -> str:
    if entry.get("event") == "deadline":
        return "is killed"
    return "has ended as asked" if entry.get("from") == "stopping" else "has ended"


def _because(what: str, reason: str) -> str:
    return what if reason in _NO_NEWS else f"{what}: {shown(reason)}"
