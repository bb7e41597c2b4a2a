"""What most rogues share: an action that behaves badly in its first attempts of a run, and then well."""

from __future__ import annotations

from node_sdk import BaseActionNode, BaseNode, RestartPolicy


class BadTurn(BaseActionNode):
    """Calls `misbehave()` in each attempt up to number `times`; later attempts succeed."""

    restart = RestartPolicy(backoff_initial=0, max_restarts=None)

    def __init__(self, name: str, predecessors: list[BaseNode], times: int) -> None:
        super().__init__(name, predecessors)
        self.times = times

    def execute(self, *args: object, **kwargs: object) -> bool:
        if self.attempt <= self.times:
            self.misbehave()
        return True

    def misbehave(self) -> None:
        """What the rogue does in its bad turn; nothing, where it misbehaves elsewhere, as in a hook or in setup()."""
