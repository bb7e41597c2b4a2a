"""The configuration that counts for the home: whether a daemon can use it, and whether what it lists could start."""

from __future__ import annotations

from collections.abc import Iterator

from anacostia_daemon.config.configuration import find, load
from anacostia_daemon.config.listed import obstacles
from anacostia_daemon.config.problems import ConfigError
from anacostia_daemon.doctor.finding import Finding, fault, ok, warning
from anacostia_daemon.paths import Home


def check(home: Home) -> Iterator[Finding]:
    """As the environment of this command has it: that of the daemon may name another file."""
    try:
        config = load(find(home.path))
    except ConfigError as error:
        words = "; ".join(str(error).splitlines())
        yield fault("configuration", words, "mend it; until then no daemon starts with it (exit code 78)")
        return
    if config.file is None:
        yield ok("configuration", "there is none; the defaults hold")
        return
    waiting = [(name, why) for name, listed in config.pipelines.items() for why in obstacles(listed)]
    for name, why in waiting:
        yield warning("configuration", f"pipeline '{name}' cannot start: {why}", f"it is listed so in {config.file}")
    if not waiting:
        yield ok("configuration", f"{config.file} can be used")
