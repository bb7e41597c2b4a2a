"""The loaders of one pipeline: the current one starts its nodes; earlier ones, from before a reload, live for as long
as a node lives that they started, because they alone learn how it ends (law 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anacostia_daemon.supervisor.keeper import LoaderKeeper, LoaderOwner


class Loaders:
    """Their keepers. `ear` makes the owner of each."""

    def __init__(self, current: LoaderKeeper, ear: Callable[[LoaderKeeper], LoaderOwner]) -> None:
        self._ear = ear
        self._earlier: list[LoaderKeeper] = []
        self.current = current
        self._written: object = None  # what the journal has of them, and …
        self._writing: object = None  # … what this turn writes
        self._own(current)

    def __iter__(self) -> Iterator[LoaderKeeper]:
        return iter((self.current, *self._earlier))

    @property
    def gone(self) -> bool:
        """Whether there is no loader at all, not even one that is on its way out."""
        return all(each.gone for each in self)

    def differ(self, rows: object) -> bool:
        """Whether `rows`, which are to be in the journal, are not known to be there."""
        self._writing = rows
        return rows != self._written

    def noted(self) -> None:
        """What this turn has written is in the journal."""
        self._written = self._writing

    def parent(self, pid: int | None) -> LoaderKeeper | None:
        """The keeper of the loader that has this pid, where it can be spoken to."""
        return next((each for each in self if each.phase == "up" and each.pid == pid), None)

    def replace(self, keeper: LoaderKeeper) -> None:
        """From now on this one starts the nodes, also those that the one before has not been asked to start yet."""
        before, self.current = self.current, keeper
        self._own(keeper)
        keeper.take_over(before)
        if before.phase == "loading":
            before.quit()
        self.keep(before)

    def keep(self, keeper: LoaderKeeper) -> None:
        """An earlier one lives on."""
        self._own(keeper)
        if not keeper.gone:
            self._earlier.append(keeper)

    def dismiss(self, needed: Callable[[LoaderKeeper], bool]) -> None:
        """End the earlier ones that are not needed any more."""
        for each in self._earlier:
            if each.phase == "up" and not needed(each):
                each.quit()
        self._earlier = [each for each in self._earlier if not each.gone]

    def quit(self) -> None:
        """Have all of them end."""
        for each in self:
            each.quit()

    def let_go(self) -> None:
        """Close the connections; the loaders live on for the next daemon."""
        for each in self:
            each.let_go()

    def _own(self, keeper: LoaderKeeper) -> None:
        keeper.owner = self._ear(keeper)
        # Whoever lives holds its socket: the next one needs another.
        keeper.beside = lambda: any(each is not keeper and not each.gone for each in self)
