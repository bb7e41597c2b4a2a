"""The short way of `status`, the command that people and scripts type most: no click, and nothing else that its answer
does not need.

Whatever is more than a plain `status` with its plain answer (another command, an option, a mistake, no daemon, nothing
to show) is None here and goes the whole way, so that everything is said in one place. Nothing is printed before all is
there. `tests/unit/test_ctl_quick.py` types many command lines both ways.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    Asked: TypeAlias = tuple[str, str, bool]

COMPLETING = "_ANACOSTIACTL_COMPLETE"  # in the environment while a shell asks what a word may become
JSON = "--json"


def attempt(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> int | None:
    """Do what the command line says and return the exit code; None where nothing was done."""
    asked = understood(words)
    if asked is None or COMPLETING in environ or not _prints_anything():
        return None
    explicit, pipeline, as_json = asked
    home = home_of(explicit, environ)
    if not home:
        return None
    from anacostia_daemon.control.glance import glance

    status = glance(home, "status", {"pipeline": pipeline} if pipeline else {})
    if not isinstance(status, dict) or status["daemon"]["home"] != home or not status["pipelines"]:
        return None
    from anacostia_daemon.ctl.overview import exit_code, lines

    sys.stdout.write("\n".join(lines(status, as_json)) + "\n")
    return exit_code(status, pipeline or None)


def understood(words: Sequence[str]) -> Asked | None:
    """(home, pipeline, whether as JSON) of a plain `status`; an empty text where none is named."""
    home, rest = "", list(words)
    if rest[:1] == ["--home"] and len(rest) > 1:
        home, rest = rest[1], rest[2:]
        if not home or home.startswith("-"):
            return None
    if rest[:1] != ["status"]:
        return None
    names = [word for word in rest[1:] if word != JSON]
    if len(names) > 1 or any(not name or name.startswith("-") or "/" in name for name in names):
        return None
    return home, "".join(names), JSON in rest


def home_of(explicit: str, environ: Mapping[str, str]) -> str:
    """The real path of the home that is meant, as anacostia_daemon.paths finds it; '' where that takes more thought."""
    chosen = explicit or environ.get("ANACOSTIA_HOME") or environ.get("STATE_DIRECTORY", "").split(":")[0]
    if not chosen:
        own = environ.get("HOME", "")
        state = environ.get("XDG_STATE_HOME") or f"{own}/.local/state"
        if not (own.startswith("/") and state.startswith("/")) or sys.platform != "linux":
            return ""
        chosen = f"{state}/anacostia"
    return os.path.realpath(os.path.expanduser(chosen))  # noqa: PTH111  (pathlib takes 4 ms)


def _prints_anything() -> bool:
    """Whether stdout takes every character as it is. click knows what to do where it does not."""
    return sys.stdout.encoding.lower() in ("utf-8", "utf8")
