"""Waits in setup() for something that never comes."""

import threading

from bad_turn import BadTurn

from node_sdk import RestartPolicy


class Rogue(BadTurn):
    start_timeout = 0.5
    restart = RestartPolicy(backoff_initial=0, max_restarts=1)

    def setup(self) -> None:
        threading.Event().wait()

    def misbehave(self) -> None:
        pass
