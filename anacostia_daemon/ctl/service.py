"""Performs the steps of the service's installation, or prints them, and says what was done."""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import subprocess
import sys
from pathlib import Path

import click

from anacostia_daemon.ctl.exits import FAILED, USAGE, CommandFailed
from anacostia_daemon.service import readable, state, steps, templates

_PACKAGE = Path(__file__).parents[1]
_LINGERING = Path("/var/lib/systemd/linger")  # a file for each user, see loginctl(1)
_COMMAND_WITHIN = 200.0  # seconds; `enable --now` and `disable --now` wait for the daemon


def install(*, of_user: bool, account: str | None, hardened: bool, now: bool, dry_run: bool) -> None:
    """CommandFailed where it cannot be done; nothing is written then."""
    place = _place(of_user)
    if of_user and (account is not None or hardened):
        raise CommandFailed("cannot use --as or --hardened with --user: a service of yours runs as you", USAGE)
    if account is None and not of_user and place.platform == "launchd":
        raise CommandFailed("cannot choose an account: name whom the service runs as with --as USER", USAGE)
    account, python = account or templates.ACCOUNT, _interpreter()
    if not dry_run:
        _check(place, "install", python, account, hardened)
    wanted = steps.install(place, python, account, hardened=hardened, now=now)
    _do(wanted, dry_run)
    if dry_run:
        return
    if not now:
        click.echo(f"start it with: {shlex.join(steps.start(place))}")
    if not of_user and place.platform == "systemd":
        click.echo(f"its home: {steps.SYSTEM_HOME} (anacostiactl --home {steps.SYSTEM_HOME} status)")


def uninstall(*, of_user: bool, dry_run: bool) -> None:
    """Stop and remove it."""
    place = _place(of_user)
    if not dry_run:
        _check_rights(place, "uninstall")
        if not place.unit.exists():
            raise CommandFailed(f"cannot uninstall the service: it is not installed (there is no {place.unit})")
    _do(steps.uninstall(place), dry_run)


def show(*, of_user: bool) -> bool:
    """Whether it runs."""
    place = _place(of_user)
    if not place.unit.exists():
        other = " --user" if of_user else ""
        click.echo(f"not installed: there is no {place.unit}; `anacostiactl service install{other}` makes one")
        return False
    click.echo(f"unit: {place.unit}{'' if _is_current(place) else ' (not as this version would write it)'}")
    if place.platform == "launchd":
        done = _run(("launchctl", "print", f"{place.domain}/{steps.LABEL}"))
        click.echo("loaded" if done.returncode == 0 else "not loaded")
        return done.returncode == 0
    done = _run(place.systemctl("show", steps.UNIT, "-p", ",".join(state.PROPERTIES)))
    if done.returncode != 0:
        raise CommandFailed(f"cannot ask systemd about {steps.UNIT}: {_said(done)}")
    found = state.parsed(done.stdout)
    for line in state.sentences(found):
        click.echo(line)
    return state.running(found)


# ---- before


def _place(of_user: bool) -> steps.Place:
    home = Path.home()
    return steps.Place(
        platform="launchd" if sys.platform == "darwin" else "systemd",
        of_user=of_user,
        home=home,
        config=Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config"),
        uid=os.getuid(),
        lingers=_lingers(),
    )


def _lingers() -> bool:
    try:
        return (_LINGERING / pwd.getpwuid(os.getuid()).pw_name).exists()
    except KeyError:  # a user without a name, as in many containers
        return False


def _interpreter() -> str:
    if not templates.fits_a_unit(sys.executable):
        raise CommandFailed(
            f"cannot name {sys.executable!r} in a unit: blanks, quotes, %, $ and ; have a meaning there; "
            "install anacostia-daemon in a directory without them, say /opt/anacostia"
        )
    return sys.executable


def _check(place: steps.Place, doing: str, python: str, account: str, hardened: bool) -> None:
    _check_rights(place, doing)
    if place.of_user:
        return
    known = readable.account_named(account)
    if known is None and account != templates.ACCOUNT:
        raise CommandFailed(f"cannot install the service: there is no user '{account}'; make it, or leave out --as")
    blocked = readable.blocked_at([Path(python), _PACKAGE], known)
    if blocked is not None:
        raise CommandFailed(
            f"cannot install the service: user '{account}' cannot run {python}, because it may not enter {blocked}",
            FAILED,
            "install anacostia-daemon where every user can read it, say in a virtual environment in /opt/anacostia",
        )
    if hardened and Path(python).is_relative_to("/home"):
        raise CommandFailed(f"cannot install the service hardened: it does not see /home, where {python} is")


def _check_rights(place: steps.Place, doing: str) -> None:
    if not place.of_user and os.geteuid() != 0:
        raise CommandFailed(
            f"cannot {doing} the service of the machine: only root can; use sudo, or --user for a service of your own"
        )
    if place.platform == "systemd" and not Path("/run/systemd/system").is_dir():
        raise CommandFailed(f"cannot {doing} the service: this machine is not run by systemd; --dry-run shows the unit")


def _is_current(place: steps.Place) -> bool:
    """But for the interpreter and the account, which were chosen when it was installed."""
    chosen = ("User=", "CapabilityBoundingSet=")

    def lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith(chosen) and "-m anacostia_daemon" not in line]

    if place.platform == "launchd":
        return True
    scope = "user" if place.of_user else "system"
    return all(
        path.exists() and lines(path.read_text(encoding="utf-8")) == lines(templates.text(f"{scope}/{path.name}"))
        for path in (place.unit, place.nodes_unit)
    )


# ---- doing


def _do(wanted: list[steps.Step], dry_run: bool) -> None:
    for step in wanted:
        match step:
            case steps.Write(path, content) if dry_run:
                click.echo(f"# would write {path}:\n{content}")
            case steps.Remove(path) if dry_run:
                click.echo(f"# would remove {path}")
            case steps.Run(command) if dry_run:
                click.echo(f"# would run: {shlex.join(command)}")
            case steps.Write(path, content):
                _write(path, content)
            case steps.Remove(path):
                _remove(path)
            case steps.Run(command, else_do):
                _perform(command, else_do)


def _write(path: Path, content: str) -> None:
    """Whole or not at all: systemd may read it at any moment."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") == content:
        click.echo(f"unchanged: {path}")
        return
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_text(content, encoding="utf-8")
    unfinished.chmod(0o644)
    unfinished.replace(path)
    click.echo(f"wrote {path}")


def _remove(path: Path) -> None:
    if path.exists():
        path.unlink()
        click.echo(f"removed {path}")
    if path.parent.name == f"{steps.UNIT}.d":
        with contextlib.suppress(OSError):  # drop-ins of the administrator stay
            path.parent.rmdir()


def _perform(command: tuple[str, ...], else_do: str) -> None:
    done = _run(command)
    if done.returncode == 0:
        click.echo(f"ran {shlex.join(command)}")
    elif else_do:
        click.echo(f"could not run {shlex.join(command)} ({_said(done)}): {else_do}", err=True)
    else:
        hint = "`anacostiactl service status` says why" if command[0] == "systemctl" else ""
        message = f"cannot go on: `{shlex.join(command)}` ended with {done.returncode}: {_said(done)}"
        raise CommandFailed(message, FAILED, hint)


def _run(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_WITHIN, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"there is no {command[0]} on this machine")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"not done after {_COMMAND_WITHIN:g} s")


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
