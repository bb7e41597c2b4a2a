"""Cannot be set up: what it needs is not there."""

from bad_turn import BadTurn

from node_sdk import RestartPolicy


class Rogue(BadTurn):
    restart = RestartPolicy(backoff_initial=0, max_restarts=1)

    def setup(self) -> None:
        raise FileNotFoundError("there is no model at /nowhere/model.bin")

    def misbehave(self) -> None:
        pass
