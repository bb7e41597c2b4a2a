"""One pipeline under supervision: feeds what happens to its nodes into the core, keeps the states, performs actions.

A turn has three parts, called by the daemon in this order for all pipelines: `plan` (whose turn it is), `write`
(the new states and why, into the journal), `act`. So a fact is on disk before anything outside can follow from it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from anacostia_daemon.core import actions
from anacostia_daemon.core.events import (
    Beat,
    Deadline,
    Desired,
    Event,
    Exited,
    FamilyGone,
    Restart,
    SetDesired,
    Shutdown,
    SpawnFailed,
)
from anacostia_daemon.core.node import InvalidTransition, NodeState, step
from anacostia_daemon.core.plan import given_up, next_events
from anacostia_daemon.paths import Home
from anacostia_daemon.process.descent import below
from anacostia_daemon.process.marks import Mark
from anacostia_daemon.process.memory import OutOfMemory
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.service.journald import Level
from anacostia_daemon.supervisor.cancelling import Cancelling
from anacostia_daemon.supervisor.following import Following
from anacostia_daemon.supervisor.hearing import Ear, Hearing
from anacostia_daemon.supervisor.keeper import LoaderKeeper
from anacostia_daemon.supervisor.link import Link
from anacostia_daemon.supervisor.loaders import Loaders
from anacostia_daemon.supervisor.log import report
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.settings import Settings
from anacostia_daemon.supervisor.watched import Watched
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.wire import link as said
from node_sdk.wire import loader as wire

_LINES_KEPT = 1000  # lines that wait for a journal that cannot be written
_ROUNDS = 1000  # of plan and step in one turn; far more than any graph needs


@dataclass(frozen=True)
class Surroundings:
    """What all pipelines of a daemon share."""

    loop: Loop
    home: Home
    link: Link
    reaper: Reaper
    memory: OutOfMemory
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Line:
    """One line for the journal; without a node it is about the whole pipeline."""

    node: str | None
    incarnation: int
    note: actions.Note


class Pipeline:
    """`desired` is what the journal says of the whole; a node is up when both it and its pipeline are wanted up."""

    def __init__(
        self,
        around: Surroundings,
        graph: GraphSpec,
        keeper: LoaderKeeper,
        desired: Desired,
        nodes: dict[str, tuple[NodeState, Desired]],
    ) -> None:
        self.around, self.graph, self.desired = around, graph, desired
        self.nodes = {name: self._watched(name, *node) for name, node in nodes.items()}
        self.written_desired: Desired = desired
        self.settled = True  # False while it is being looked which of its processes live on
        self.idle_loader: Callable[[], bool] = lambda: True
        self.lines: list[Line] = []
        self._unreported: list[Line] = []  # in the journal, and not yet in the log
        self.given_up = ""  # because of which essential node
        self.changed = True  # something of it is to be written
        self.touched = set(nodes)  # of which nodes: to look at all of them would make many nodes slow
        self._actions: list[tuple[str, actions.Action]] = []
        self._afterwards: list[Callable[[], None]] = []
        self._hurried = False
        self.parting: list[str] = []  # nodes that are gone and, with this turn, forgotten
        self.following = Following(self)
        self.hearing = Hearing(self)
        self.cancelling = Cancelling(self)
        self.loaders = Loaders(keeper, lambda each: Ear(self.hearing, each))

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def keeper(self) -> LoaderKeeper:
        """Of the loader that starts nodes."""
        return self.loaders.current

    @property
    def states(self) -> dict[str, NodeState]:
        return {name: node.state for name, node in self.nodes.items()}

    @property
    def removed(self) -> list[NodeSpec]:
        """The nodes that the graph has no more and that are not gone yet."""
        return [node.state.spec for name, node in self.nodes.items() if name not in self.graph.by_name]

    @property
    def at_rest(self) -> bool:
        """Whether none of its nodes has a process."""
        return all(node.state.at_rest for node in self.nodes.values())

    # ---- what people want

    def want(self, name: str, desired: Desired, reason: str) -> None:
        """One node is wanted so, from now on."""
        self._set_wanted(name, desired)
        self.feed(name, SetDesired(self.desired_of(name), reason))

    def want_all(self, desired: Desired, reason: str) -> None:
        """The whole pipeline is wanted so. Up means every node of it, also those stopped one by one."""
        self.desired, self.given_up = desired, ""
        for name, node in self.nodes.items():
            if desired == "up" and node.wanted == "down":
                self._set_wanted(name, "up")
            self.feed(name, SetDesired(self.desired_of(name), reason))

    def resume(self, names: list[str], reason: str) -> None:
        """What was paused among `names` works again."""
        for name in names:
            if self.nodes[name].wanted == "paused":
                self._set_wanted(name, "up")
            self.feed(name, SetDesired(self.desired_of(name), reason))

    def restart(self, names: list[str], reason: str) -> None:
        """Stop and start these nodes; what was wanted down is wanted up by it."""
        for name in names:
            if name not in self.graph.by_name:
                continue  # on its way out
            if self.nodes[name].wanted == "down":
                self._set_wanted(name, "up")
            if self.desired == "down":
                continue  # the caller has said that the pipeline is wanted up, or nothing starts
            self.feed(name, Restart(reason))

    def shut_down(self, reason: str) -> None:
        """The daemon ends: nodes go down in reverse order; what is wanted stays written."""
        for name in self.nodes:
            self.feed(name, Shutdown(reason))

    def hurry(self) -> None:
        """No more patience: what is to stop is killed."""
        self._hurried = True
        for node in self.nodes.values():
            if node.state.phase == "stopping" and node.handle is not None:
                node.handle.send_group(signal.SIGKILL)

    def _set_wanted(self, name: str, desired: Desired) -> None:
        self.nodes[name].wanted = desired
        self.touched.add(name)

    def desired_of(self, name: str) -> Desired:
        """What is wanted of a node, all told."""
        if name not in self.graph.by_name:
            return "down"
        return effective(self.desired, self.nodes[name].wanted)

    def add(self, state: NodeState) -> None:
        """A node that the graph has now."""
        self.nodes[state.name] = self._watched(state.name, state, "up")
        self.touched.add(state.name)

    def note(self, event: str, reason: str) -> None:
        """A line of the journal about the whole pipeline."""
        self.lines.append(Line(None, 0, actions.Note(event, "", "", reason)))
        self.changed = True

    # ---- a turn

    def feed(self, name: str, event: Event) -> None:
        """Give one event to the core."""
        node = self.nodes[name]
        try:
            node.state, wanted = step(node.state, event, self.around.loop.now())
        except InvalidTransition as error:
            report(f"{self.name}/{name}: {error}", "error")
            return
        self._actions += [(name, each) for each in wanted if not isinstance(each, actions.Note)]
        if any(isinstance(each, actions.Spawn) for each in wanted):
            node.shape = self.following.shapes.get(name, "")  # written in this turn, before there is a process
        self.lines += [Line(name, node.state.incarnation, each) for each in wanted if isinstance(each, actions.Note)]
        node.arm()
        self.touched.add(name)
        self.changed = self.changed or not isinstance(event, Beat) or bool(wanted)

    def plan(self) -> None:
        """Feed the core whose turn it is, until nobody's."""
        if not self.settled or not self.changed:
            return
        self._skip_clearing()
        self._give_up()
        for _ in range(_ROUNDS):
            self.following.renew()
            events = next_events(self.graph, self.states)
            if not events:
                return
            for name, event in events:
                self.feed(name, event)
        report(f"{self.name}: the plan does not come to an end; {events}", "error")

    def _skip_clearing(self) -> None:
        """A node that died alone, as nearly all do, has no family to clear: its restart waits for no further turn.

        What a child of the living loader leaves behind is below the loader, so that only those need be looked at. Where
        no loader has said that it started the process (it may have died in between), it may be anywhere.
        """
        clearings = [(name, each) for name, each in self._actions if isinstance(each, actions.ClearFamily)]
        if not clearings:
            return  # nearly always, and what follows looks at all nodes
        dead = {name for name, _ in clearings}
        others = {node.state.pid for name, node in self.nodes.items() if name not in dead and node.state.pid}
        for name, each in clearings:
            node = self.nodes[name]
            parent = self.loaders.parent(node.loader)
            among = None if parent is None or parent.pid is None else below(parent.pid, others)
            current = node.state.incarnation == each.incarnation and node.state.pid is not None
            if among is None or not current:
                continue
            if node.left_nobody(self.mark(name, each.incarnation), among):
                self._actions.remove((name, each))
                self._family_gone(name, each.incarnation)

    def _give_up(self) -> None:
        """Without a node that is essential, the others stop; that node keeps its phase, for people to see why."""
        why = given_up(self.graph, self.states) if self.desired != "down" else ""
        if not why:
            return
        self.given_up = f"{self.name}: {why}"
        if self.around.settings.exit_on_failure:
            return  # the daemon ends, and whoever starts it again wants the pipeline up
        report(f"{self.name}: stopping the pipeline: {why}", "error")
        self.desired = "down"
        for name, node in self.nodes.items():
            if node.state.phase != "failed":
                self.feed(name, SetDesired("down", why))

    def written(self) -> None:
        """What changed in this turn is in the journal. The log is told once it has been acted upon: nodes wait."""
        self._unreported, self.lines = self.lines, []
        self.touched.clear()
        self.loaders.noted()
        self.written_desired = self.desired

    def afterwards(self, callback: Callable[[], None]) -> None:
        """Call `callback` in this turn, once what has happened is written down."""
        self._afterwards.append(callback)

    def act(self, written: bool) -> None:
        """Perform what the core asked for; where that could not be written down, all but starting processes."""
        self.changed = False
        wanted, self._actions = self._actions, []
        if not written:
            self._actions = [each for each in wanted if isinstance(each[1], actions.Spawn)]
            wanted = [each for each in wanted if not isinstance(each[1], actions.Spawn)]
            del self.lines[:-_LINES_KEPT]
        for name, action in wanted:
            self._perform(name, self.nodes[name], action)
        self._report()
        if written:
            afterwards, self._afterwards = self._afterwards, []
            for each in afterwards:
                each()
            self._part()
        if self.idle_loader():
            self.loaders.dismiss(self._is_needed)
        if self.keeper.phase != "none" and self.settled and self._needs_no_loader():
            self.keeper.quit()

    def _report(self) -> None:
        unreported, self._unreported = self._unreported, []
        for line in unreported:
            report(f"{self.name}{_in_words(line)}", level_of(line.note))

    def _part(self) -> None:
        """Forget the nodes that the journal no longer has."""
        for name in self.parting:
            self.nodes.pop(name).close()
        self.parting = []

    def _is_needed(self, keeper: LoaderKeeper) -> bool:
        """Whether a node lives that this loader has started, or has been asked to start."""
        return any(
            not node.state.at_rest and (node.loader == keeper.pid or (node.asked and node.asker is keeper))
            for node in self.nodes.values()
        )

    def _needs_no_loader(self) -> bool:
        """Nobody runs, nobody is to: the next start loads the file anew, so that changes in it count."""
        return self.idle_loader() and all(
            node.state.at_rest and (node.state.must_go or node.state.phase == "failed" or node.state.done)
            for node in self.nodes.values()
        )

    def _perform(self, name: str, node: Watched, action: actions.Action) -> None:
        match action:
            case actions.Spawn(incarnation, _, _) if self.following.obstacle(name):
                self.feed(name, SpawnFailed(incarnation, self.following.obstacle(name)))
            case actions.Spawn(incarnation, paused, crashed):
                node.asked, node.asker = incarnation, self.keeper
                self.keeper.send(wire.Spawn(node=name, incarnation=incarnation, paused=paused, crashed=crashed))
            case actions.Terminate(incarnation):
                self._signal(name, node, incarnation, signal.SIGKILL if self._hurried else signal.SIGTERM)
            case actions.Kill(incarnation):
                self._signal(name, node, incarnation, signal.SIGKILL)
            case actions.ClearFamily(incarnation):
                node.clear(self.mark(name, incarnation), lambda: self._family_gone(name, incarnation))
            case actions.Tell(paused):
                self.around.link.tell((self.name, name, node.state.incarnation), said.SetPaused(paused))

    def mark(self, name: str, incarnation: int) -> Mark:
        return Mark(self.around.home.hash, self.name, name, incarnation)

    def _signal(self, name: str, node: Watched, incarnation: int, number: signal.Signals) -> None:
        if node.handle is not None:
            node.handle.send_group(number)
        elif self._forgo(name, incarnation) or any(each.withdraw(name, incarnation) for each in self.loaders):
            node.asked = 0
            self.feed(name, Exited(incarnation, None, None, "was not started yet", fault=False))
        elif node.asked == incarnation and number == signal.SIGKILL:
            (node.asker or self.keeper).kill(f"it did not say whether it started {name}")

    def _forgo(self, name: str, incarnation: int) -> bool:
        """Whether its start still waited for the journal (`act`), and waits no longer: else nobody would end it."""
        before = len(self._actions)
        self._actions = [
            (other, each)
            for other, each in self._actions
            if not (other == name and isinstance(each, actions.Spawn) and each.incarnation == incarnation)
        ]
        return len(self._actions) < before

    def _family_gone(self, name: str, incarnation: int) -> None:
        self.around.link.forget((self.name, name, incarnation))
        self.around.home.pulse(self.name, name).unlink(missing_ok=True)
        self.nodes[name].gone(incarnation)
        self.feed(name, FamilyGone(incarnation))

    def close(self) -> None:
        """Let go of everything; processes live on."""
        self.loaders.let_go()
        for node in self.nodes.values():
            node.close()

    def _watched(self, name: str, state: NodeState, wanted: Desired) -> Watched:
        return Watched(self.around.loop, state, wanted, lambda: self._overdue(name))

    def _overdue(self, name: str) -> None:
        self.around.link.drain()  # a beat may be among what waits there
        self.hearing.feel_pulses()
        self.feed(name, Deadline())


def _in_words(line: Line) -> str:
    note = line.note
    if line.node is None:
        return f" {note.event}: {note.reason}"
    return f"/{line.node}[{line.incarnation}] {note.event}: {note.from_} to {note.to}: {note.reason}"


def level_of(note: actions.Note) -> Level:
    """How grave it is that a node changes so: given up, or ended though nobody had told it to."""
    if note.to == "failed":
        return "error"
    unasked = note.from_ in ("starting", "ready") and note.to == "killing"
    return "warning" if unasked or note.to == "backoff" else "info"


def effective(whole: Desired, part: Desired) -> Desired:
    """What is wanted of a node in a pipeline of which `whole` is wanted."""
    if "down" in (whole, part):
        return "down"
    return "paused" if "paused" in (whole, part) else "up"
