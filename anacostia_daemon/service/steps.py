"""What installing and removing the service consists of: files and commands, in order. Pure, but for reading templates.

Nothing is done here: `anacostiactl service` performs the steps, or prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anacostia_daemon.service import templates

UNIT = "anacostiad.service"
NODES_UNIT = "anacostiad-nodes.service"  # of systemd: ends nodes where a stop finds no daemon
LABEL = "org.anacostia.anacostiad"
SYSTEM_HOME = Path("/var/lib/anacostia")
_MAC_HOME = Path("/usr/local/var/anacostia")
_ETC = Path("/etc")
SYSTEM_UNIT = _ETC / "systemd/system" / UNIT

Platform = Literal["systemd", "launchd"]


@dataclass(frozen=True)
class Write:
    """A file with this content."""

    path: Path
    content: str


@dataclass(frozen=True)
class Remove:
    """No such file, and no such directory where it was the last in one of ours."""

    path: Path


@dataclass(frozen=True)
class Run:
    """A command; where it is not needed for the rest, `else_do` says what to do by hand when it fails."""

    command: tuple[str, ...]
    else_do: str = ""


Step = Write | Remove | Run


@dataclass(frozen=True, kw_only=True)
class Place:
    """For whom the service is, and where that one's files are. `of_user`: a user's own, not the machine's."""

    platform: Platform
    of_user: bool
    home: Path  # of the person who installs: matters for `of_user` only
    config: Path  # $XDG_CONFIG_HOME of that person
    uid: int
    lingers: bool = False  # whether that person's services run without a session already

    @property
    def unit(self) -> Path:
        """The unit or plist."""
        if self.platform == "launchd":
            library = self.home / "Library/LaunchAgents" if self.of_user else Path("/Library/LaunchDaemons")
            return library / f"{LABEL}.plist"
        return self.config / "systemd/user" / UNIT if self.of_user else SYSTEM_UNIT

    @property
    def nodes_unit(self) -> Path:
        """Of systemd, beside the unit."""
        return self.unit.with_name(NODES_UNIT)

    @property
    def hardening(self) -> Path:
        return self.unit.with_name(f"{UNIT}.d") / "hardened.conf"

    @property
    def domain(self) -> str:
        """Of launchd."""
        return f"gui/{self.uid}" if self.of_user else "system"

    def systemctl(self, *words: str) -> tuple[str, ...]:
        return ("systemctl", *(("--user",) if self.of_user else ()), *words)


_OLD = "it is not installed, as in earlier versions"
_SYSUSERS, _TMPFILES = _ETC / "sysusers.d/anacostia.conf", _ETC / "tmpfiles.d/anacostia.conf"


def install(place: Place, python: str, account: str, *, hardened: bool, now: bool) -> list[Step]:
    """`account`: who the machine's service runs as. `hardened`: with the drop-in (systemd). `now`: start it, too."""
    if place.platform == "launchd":
        return _install_launchd(place, python, account, now)
    name = "user" if place.of_user else "system"
    steps: list[Step] = []
    if not place.of_user and account == templates.ACCOUNT:
        steps += [Write(_SYSUSERS, templates.text("sysusers.conf")), Run(("systemd-sysusers", str(_SYSUSERS)))]
        steps += [Write(_TMPFILES, templates.text("tmpfiles.conf"))]
        steps += [Run(("systemd-tmpfiles", "--create", str(_TMPFILES)))]
    steps.append(Write(place.unit, templates.unit(f"{name}/{UNIT}", python, None if place.of_user else account)))
    steps.append(Write(place.nodes_unit, templates.unit(f"{name}/{NODES_UNIT}", python)))
    if hardened:
        steps.append(Write(place.hardening, templates.text("system/hardened.conf")))
    steps += [Run(place.systemctl("daemon-reload")), Run(place.systemctl("enable", *(["--now"] if now else []), UNIT))]
    if place.of_user and not place.lingers:
        lingers = "a service of yours ends with your session; as root: loginctl enable-linger " + str(place.uid)
        steps.append(Run(("loginctl", "enable-linger"), else_do=lingers))
    return steps


def uninstall(place: Place) -> list[Step]:
    """Stop it, with its nodes, and take its files away. Its home, its logs and its account stay."""
    if place.platform == "launchd":
        return [
            Run(("launchctl", "bootout", f"{place.domain}/{LABEL}"), else_do="it was not loaded"),
            Remove(place.unit),
        ]
    # The second waits for the end of what the first has found without a daemon.
    steps: list[Step] = [Run(place.systemctl("disable", "--now", UNIT)), Run(place.systemctl("stop", NODES_UNIT), _OLD)]
    steps += [Remove(place.unit), Remove(place.nodes_unit)]
    if not place.of_user:
        steps += [Remove(place.hardening), Remove(_SYSUSERS), Remove(_TMPFILES)]
    return [*steps, Run(place.systemctl("daemon-reload"))]


def start(place: Place) -> tuple[str, ...]:
    """The command that starts what is installed."""
    if place.platform == "launchd":
        return ("launchctl", "bootstrap", place.domain, str(place.unit))
    return place.systemctl("start", UNIT)


def _install_launchd(place: Place, python: str, account: str, now: bool) -> list[Step]:
    kind = "agent" if place.of_user else "daemon"
    log = str(place.home / "Library/Logs/anacostiad.log") if place.of_user else templates.MAC_LOG
    content = templates.plist(f"launchd/{LABEL}.{kind}.plist", python, None if place.of_user else account, log)
    steps: list[Step] = [Write(place.unit, content)]
    if not place.of_user:  # launchd makes no directories
        folders = (str(_MAC_HOME), str(Path(templates.MAC_LOG).parent))
        steps.insert(0, Run(("install", "-d", "-o", account, "-m", "700", *folders)))
    return [*steps, Run(start(place))] if now else steps
