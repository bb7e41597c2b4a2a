"""The sender of traces of one daemon, which starts it:  python -m anacostia_daemon.companions.traces HOME"""

from __future__ import annotations

import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_daemon.companions.tether import Tether, leave, now, say
from anacostia_daemon.control.client import Client, ControlFailure
from anacostia_daemon.paths import Home

if TYPE_CHECKING:
    from anacostia_daemon.companions.traces.watch import Watch

WHO = "traces"
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds until what could not be sent is tried again: twice as long each time


def main(path: str) -> int:
    """Export runs until the daemon is gone."""
    tether, home = Tether(), Home(path)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from anacostia_daemon.companions.traces.due import Memory
        from anacostia_daemon.companions.traces.last_words import LastWords
        from anacostia_daemon.companions.traces.watch import Watch
    except ModuleNotFoundError as error:
        say(WHO, f"cannot send traces: {error.name} is not installed; pip install 'anacostia-daemon[otel]'")
        return 2
    settings = tether.settings
    words = LastWords(settings["endpoint"])
    words.install()
    try:
        headers = _headers(settings.get("headers_file"))
    except (OSError, ValueError) as error:
        say(WHO, f"cannot send traces: {settings['headers_file']}: {getattr(error, 'strerror', None) or error}")
        return 1
    exporter = OTLPSpanExporter(settings["endpoint"], headers=headers, timeout=settings["timeout"])
    watch = Watch(
        Client(home),
        Memory(home.path / "traces.json", now()),
        exporter,
        settings["pipelines"],
        words,
        partial(say, WHO),
    )
    woken = threading.Event()
    threading.Thread(target=_export, args=(watch, woken), daemon=True).start()
    while tether.wait():
        woken.set()
    leave()
    return 0


def _export(watch: Watch, woken: threading.Event) -> None:
    wait = FIRST_WAIT
    while True:
        woken.clear()
        try:
            done = watch.look()
        except ControlFailure as error:
            say(WHO, str(error))
            done = False
        woken.wait(None if done else wait)
        wait = FIRST_WAIT if done else min(LONGEST_WAIT, 2 * wait)


def _headers(file: str | None) -> dict[str, str]:
    lines = Path(file).read_text().splitlines() if file is not None else []
    found = {}
    for line in filter(str.strip, lines):
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a line is no `Name: value`")
        found[name.strip().lower()] = value.strip()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
