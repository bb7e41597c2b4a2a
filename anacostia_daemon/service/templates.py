"""The units and plists, the same in `systemd/` of the source and in the installed package, and the few words in them
that differ from machine to machine. Each file is valid as it stands; what is replaced is a whole word of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).with_name("units")
PYTHON = "/opt/anacostia/bin/python"  # the interpreter that the files name
ACCOUNT = "anacostia"  # the account that the files name
MAC_LOG = "/usr/local/var/log/anacostia/anacostiad.log"
_NOT_IN_A_UNIT = " \t\"'\\%$;\n`&|<>()*?[]#!~{}"  # systemd, or the shell of ExecStop=, gives these a meaning


def text(name: str, words: Mapping[str, str] | None = None) -> str:
    """The file `name` of `systemd/`, each key of `words` replaced by its value."""
    found = (FOLDER / name).read_text(encoding="utf-8")
    for old, new in (words or {}).items():
        found = found.replace(old, new)
    return found


def unit(name: str, python: str, account: str | None = None) -> str:
    """A systemd unit that runs `python`, as `account` where it is not a user's own. Root keeps what root can: nobody
    chooses that account without a need for it."""
    words = {PYTHON: python}
    if account is not None:
        words[f"User={ACCOUNT}\n"] = f"User={account}\n"
    if account == "root":
        words["CapabilityBoundingSet=\n"] = "CapabilityBoundingSet=~\n"
    return text(name, words)


def plist(name: str, python: str, account: str | None = None, log: str = MAC_LOG) -> str:
    """A launchd job, likewise."""
    words = {f"<string>{PYTHON}<": f"<string>{_xml(python)}<", f"<string>{MAC_LOG}<": f"<string>{_xml(log)}<"}
    if account is not None:
        words[f"<string>{ACCOUNT}</string>\n"] = f"<string>{_xml(account)}</string>\n"
    return text(name, words)


def fits_a_unit(path: str) -> bool:
    """Whether a path can stand in a unit as it is."""
    return path.startswith("/") and not set(path) & set(_NOT_IN_A_UNIT)


def _xml(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
