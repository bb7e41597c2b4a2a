"""What a value of the configuration may be: one class for each kind, which says in words what is allowed, and reads.

A kind knows nothing of keys or files. `read` gives the value as the daemon uses it, or raises Wrong.
"""

from __future__ import annotations

import difflib
import grp
import ipaddress
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from node_sdk.policy import RLIMITS, UNLIMITED

_UNITS = {"B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_MOST = 2**63  # of any number: what the system and the journal can hold
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Wrong(Exception):
    """The value cannot be used; the message says why, where `allowed` alone does not."""


class Kind(Protocol):
    """What all kinds have."""

    @property
    def allowed(self) -> str:
        """What is allowed, as it goes on after 'is to be'."""
        ...

    def read(self, value: Any) -> Any:
        """The value, as it is used."""
        ...


@dataclass(frozen=True)
class Text:
    """Some text; a path, a name."""

    allowed: str = "text"
    empty: bool = False  # may be

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not (value or self.empty) or "\0" in value:
            raise Wrong
        return value


@dataclass(frozen=True)
class Absolute:
    """A path that means the same wherever it is read."""

    allowed: str = "an absolute path"

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
            raise Wrong
        return value


@dataclass(frozen=True)
class Flag:
    allowed: str = "true or false"

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Wrong
        return value


@dataclass(frozen=True)
class Number:
    """A number, or where `whole` a whole one, from `least` to `most`; `above`: not `least` itself."""

    least: float
    most: float = float("inf")
    above: bool = False
    whole: bool = False

    @property
    def allowed(self) -> str:
        what = "a whole number" if self.whole else "a number"
        if self.most == float("inf"):
            return f"{what} above {self.least:g}" if self.above else f"{what} from {self.least:g}"
        between = f"above {self.least:g}, at most" if self.above else f"from {self.least:g} to"
        return f"{what} {between} {self.most:g}"

    def read(self, value: Any) -> float:
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise Wrong
        if not self.least <= value <= self.most or (self.above and value == self.least) or value >= _MOST:
            raise Wrong
        return value if self.whole else float(value)


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "one of " + ", ".join(f'"{each}"' for each in self.words)

    def read(self, value: Any) -> str:
        if value not in self.words:
            raise Wrong
        return str(value)


@dataclass(frozen=True)
class OrUnlimited:
    """What `kind` is, or "unlimited", which is read as `means`."""

    kind: Kind
    means: Any

    @property
    def allowed(self) -> str:
        return f'{self.kind.allowed}, or "unlimited"'

    def read(self, value: Any) -> Any:
        return self.means if value == "unlimited" else self.kind.read(value)


@dataclass(frozen=True)
class ListOf:
    """A list of `kind`; not empty where `some`."""

    kind: Kind
    some: bool = False

    @property
    def allowed(self) -> str:
        return f"a list{' that is not empty' if self.some else ''}, each of it {self.kind.allowed}"

    def read(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or (self.some and not value):
            raise Wrong
        return tuple(self.kind.read(each) for each in value)


@dataclass(frozen=True)
class Variables:
    """A table of environment variables."""

    allowed: str = 'a table of variables with text, like { EPOCHS = "3" }'

    def read(self, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise Wrong
        for name, each in value.items():
            if not _VARIABLE.fullmatch(name):
                raise Wrong(f"{name!r} cannot be the name of a variable")
            if not isinstance(each, str) or "\0" in each:  # the value may be a secret: it is not shown
                raise Wrong(f"the value of {name} is to be text")
        return dict(value)


@dataclass(frozen=True)
class Size:
    """Bytes."""

    allowed: str = 'a number of bytes above 0, or text like "512 MiB" or "2 GB"'
    least: int = 1

    def read(self, value: Any) -> int:
        if isinstance(value, str):
            found = _SIZE.fullmatch(value.strip())
            if found is None or found[2].upper() not in _UNITS:
                raise Wrong
            value = min(float(found[1]) * _UNITS[found[2].upper()], float(_MOST))
            value = int(value)
        if type(value) is not int or not self.least <= value < _MOST:
            raise Wrong
        return value


@dataclass(frozen=True)
class Ip:
    """Where to listen."""

    allowed: str = 'an IP address of this machine, like "127.0.0.1" or "::1"'

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong  # numbers are addresses for ipaddress, too
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise Wrong from None


@dataclass(frozen=True)
class Url:
    """A web address; it may hold a secret, so it is never shown."""

    allowed: str = 'an address like "https://host/path"'

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/]+[^\s]*", value):
            raise Wrong
        return value


@dataclass(frozen=True)
class Octal:
    """A umask. As text only: 027 is no number in TOML, and 27 would be another one."""

    allowed: str = 'text of octal digits, like "027"'

    def read(self, value: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch("0?[0-7]{3}", value):
            raise Wrong
        return int(value, 8)


@dataclass(frozen=True)
class Rlimits:
    """Limits of setrlimit(2)."""

    allowed: str = 'a table of limits with whole numbers from 0 or "unlimited", like { nofile = 4096, core = 0 }'

    def read(self, value: Any) -> dict[str, int]:
        if not isinstance(value, Mapping):
            raise Wrong
        return {name: self._one(name, each) for name, each in value.items()}

    def _one(self, name: str, value: Any) -> int:
        if name not in RLIMITS:
            raise Wrong(f"there is no limit {name!r}{near(name, RLIMITS)}; there are {', '.join(RLIMITS)}")
        if value == "unlimited":
            return UNLIMITED
        if type(value) is not int or not 0 <= value < _MOST:
            raise Wrong(f'{name} is to be a whole number from 0, or "unlimited"')
        return value


@dataclass(frozen=True)
class User:
    """A user of this machine, by name or number."""

    allowed: str = "the name of a user of this machine"

    def read(self, value: Any) -> str:
        return _known(value, pwd.getpwnam, "user")


@dataclass(frozen=True)
class Group:
    """A group of this machine, by name or number."""

    allowed: str = "the name of a group of this machine"

    def read(self, value: Any) -> str:
        return _known(value, grp.getgrnam, "group")


def _known(value: Any, look_up: Any, what: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise Wrong
    try:
        look_up(value)
    except KeyError:
        raise Wrong(f"this machine has no {what} {value!r}") from None
    return value


def near(name: str, known: Any) -> str:
    """` (did you mean 'train'?)`, or nothing."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {found[0]!r}?)" if found else ""
