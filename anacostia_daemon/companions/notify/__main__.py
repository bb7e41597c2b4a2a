"""The notifier of one daemon, which starts it:  python -m anacostia_daemon.companions.notify HOME"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from anacostia_daemon.companions.notify.channels import CannotSend, channels
from anacostia_daemon.companions.notify.limit import Limit
from anacostia_daemon.companions.notify.progress import Progress
from anacostia_daemon.companions.notify.rule import Rule
from anacostia_daemon.companions.notify.sender import Sender
from anacostia_daemon.companions.notify.watch import Watch
from anacostia_daemon.companions.tether import Tether, leave, now, say
from anacostia_daemon.control.client import Client, ControlFailure
from anacostia_daemon.paths import Home

WHO = "notify"
AGAIN = 1.0  # seconds until a daemon that did not answer is asked again


def main(path: str) -> int:
    """Notify until the daemon is gone."""
    tether, home = Tether(), Home(path)
    progress = Progress(home.path / "notify.json", now())
    watch = Watch(Client(home), progress, list(_rules(tether.settings["rules"], progress)))
    trouble = ""
    while True:
        before, trouble = trouble, _look(watch)
        if trouble and trouble != before:
            say(WHO, trouble)
        if not tether.wait(AGAIN if trouble else None):
            leave()


def _look(watch: Watch) -> str:
    try:
        watch.look()
    except ControlFailure as error:
        return str(error)
    return ""


def _rules(rules: Mapping[str, Mapping[str, Any]], progress: Progress) -> Iterator[tuple[Rule, list[Sender]]]:
    for name, settings in rules.items():
        speak = partial(say, f"{WHO} [{name}]")
        try:
            ways = channels(settings)
        except CannotSend as error:
            speak(f"this rule tells nobody: {error}")
            continue
        senders = [
            Sender(
                way,
                Limit(settings["at_most"], settings["within"]),
                settings["attempts"],
                settings["retry_delay"],
                speak,
                progress.done,
            )
            for way in ways
        ]
        for each in senders:
            each.start()
        yield Rule(name, settings), senders


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
