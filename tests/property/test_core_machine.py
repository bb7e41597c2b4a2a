"""The laws of supervision hold in a world where anything may go wrong; once faults stop, all becomes as wanted.

The world is a fake: processes are entries of a dict, the clock is a number, messages wait until they are delivered.
What is tested is real: `step` and `next_events`, fed as the shell feeds them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anacostia_daemon.core.actions import Action, ClearFamily, Kill, Note, Spawn, Tell, Terminate
from anacostia_daemon.core.events import (
    Beat,
    Deadline,
    Desired,
    Event,
    Exited,
    FamilyGone,
    Found,
    LastWords,
    OfIncarnation,
    Renew,
    Respec,
    Restart,
    SetDesired,
    Shutdown,
    Spawned,
    SpawnFailed,
)
from anacostia_daemon.core.node import NodeState, new_node, step
from anacostia_daemon.core.plan import next_events
from node_sdk.graph import GraphSpec, Kind, NodeSpec
from node_sdk.policy import RestartPolicy

NAMES = ("store", "data", "train")
LIMIT, WINDOW = 2, 40.0


def a_spec(name: str, kind: Kind, before: tuple[str, ...], policy: RestartPolicy) -> NodeSpec:
    return NodeSpec(name=name, kind=kind, type="T", base_type="B", predecessors=before, restart=policy)


GRAPH = GraphSpec(
    name="world",
    nodes=(
        a_spec("store", "metadata_store", (), RestartPolicy(max_restarts=None)),
        a_spec("data", "resource", ("store",), RestartPolicy(max_restarts=LIMIT, window=WINDOW)),
        a_spec("train", "action", ("data",), RestartPolicy(max_restarts=LIMIT, window=WINDOW, when="on-failure")),
    ),
)

names = st.sampled_from(NAMES)


@dataclass
class Process:
    """A process of the fake world; `children` are what it leaves behind when it dies."""

    incarnation: int
    alive: bool = True
    ready: bool = False
    paused: bool = False
    stubborn: bool = False  # ignores SIGTERM, and beats no more
    children: int = 0
    end: Exited | None = None


@dataclass
class World:
    """One node's part of it: what runs, and what is under way to the daemon or from it."""

    processes: dict[int, Process] = field(default_factory=dict)
    messages: list[Event] = field(default_factory=list)
    spawns: list[Spawn] = field(default_factory=list)
    clearing: list[int] = field(default_factory=list)
    cleared: set[int] = field(default_factory=set)  # incarnations of which the daemon has heard that nothing is left
    heard: list[Event] = field(default_factory=list)  # what was delivered; the last of it may come again
    given: int = 0  # the last incarnation number that was given
    restarted: list[float] = field(default_factory=list)  # moments of restarts since the last fresh budget

    @property
    def present(self) -> Process | None:
        return next((each for each in self.processes.values() if each.alive), None)

    def die(self, process: Process, exit_code: int | None, signal: int | None) -> None:
        if process.alive:
            process.alive = False
            process.end = Exited(process.incarnation, exit_code, signal)
            self.messages.append(process.end)


class Supervision(RuleBasedStateMachine):
    """The shell in small, around the real core."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.states: dict[str, NodeState] = {spec.name: new_node(spec) for spec in GRAPH.nodes}
        self.worlds = {name: World() for name in NAMES}

    # ---- the shell

    def feed(self, name: str, event: Event) -> None:
        before, world = self.states[name], self.worlds[name]
        if isinstance(event, OfIncarnation) and not isinstance(event, Found):
            world.heard = [*world.heard[-5:], event]
        after, actions = step(before, event, self.now)
        self.states[name] = after
        self.check_notes(before, after, actions)
        if isinstance(event, FamilyGone) and before.phase == "killing" and after.phase != "killing":
            world.cleared.add(event.incarnation)
        if after.budget.times == ():
            world.restarted.clear()
        if after.restarts > before.restarts:
            world.restarted.append(self.now)
        for action in actions:
            self.perform(name, action)

    def check_notes(self, before: NodeState, after: NodeState, actions: tuple[Action, ...]) -> None:
        """Each change of a phase, and of what is wanted, leaves one line with its reason (law 11)."""
        notes = [each for each in actions if isinstance(each, Note)]
        wishes = [(each.from_, each.to) for each in notes if each.event == "desired"]
        phases = [(each.from_, each.to) for each in notes if each.event != "desired"]
        assert wishes == ([] if before.desired == after.desired else [(before.desired, after.desired)])
        assert phases == ([] if before.phase == after.phase else [(before.phase, after.phase)])
        assert all(each.reason for each in notes)

    def perform(self, name: str, action: Action) -> None:
        world = self.worlds[name]
        if isinstance(action, Spawn):
            assert action.incarnation > world.given, "a number is given twice"
            assert set(range(1, world.given + 1)) <= world.cleared, "an earlier family may still be there (law 7)"
            assert not self.states[name].must_go
            world.given = action.incarnation
            world.cleared |= set(range(1, action.incarnation))  # numbers that were skipped
            world.spawns.append(action)
        elif isinstance(action, Terminate | Kill):
            process = world.processes.get(action.incarnation)
            knows_pid = self.states[name].pid is not None
            if process is not None and knows_pid and not (process.stubborn and isinstance(action, Terminate)):
                code, number = (0, None) if isinstance(action, Terminate) else (None, 9)
                world.die(process, code, number)
        elif isinstance(action, ClearFamily):
            world.clearing.append(action.incarnation)
        elif isinstance(action, Tell):
            assert world.present is not None or world.messages
            if world.present is not None:
                world.present.paused = action.paused

    def plan(self) -> None:
        for _ in range(100):
            events = next_events(GRAPH, self.states)
            if not events:
                return
            for name, event in events:
                self.feed(name, event)
        raise AssertionError("the plan does not come to an end")

    def among(self, name: str, applies: Callable[[World], object]) -> World | None:
        """The world of `name`, or of the next node to which a rule applies: an empty step would test nothing."""
        first = NAMES.index(name)
        for each in NAMES[first:] + NAMES[:first]:
            if applies(self.worlds[each]):
                return self.worlds[each]
        return None

    def overdue(self, name: str) -> bool:
        deadline = self.states[name].deadline
        return deadline is not None and deadline <= self.now

    @initialize(running=st.booleans())
    def begin(self, running: bool) -> None:
        if running:
            self.somebody_asks("all", "up")
            self.settle(
                lambda: all(self.is_as_wanted(name) for name in NAMES) and self.states["train"].phase == "ready"
            )

    @rule(times=st.integers(1, 3))
    def all_goes_well_for_a_while(self, times: int) -> None:
        for _ in range(times):
            for name in NAMES:
                self.behave(name)
            self.plan()

    # ---- what people do

    @rule(
        who=st.sampled_from((*NAMES, "all")), what=st.sampled_from(("up", "up", "down", "paused", "restart", "renew"))
    )
    def somebody_asks(self, who: str, what: Desired | Literal["restart", "renew"]) -> None:
        for name in NAMES if who == "all" else (who,):
            if what == "restart":
                self.feed(name, Restart("asked"))
            elif what == "renew":
                self.feed(name, Respec(replace(self.states[name].spec, stop_timeout=3.0)))
                self.feed(name, Renew("loaded again"))
            else:
                self.feed(name, SetDesired(what, "asked"))
        self.plan()

    # ---- what the system does

    @precondition(lambda self: any(world.spawns for world in self.worlds.values()))
    @rule(name=names, fate=st.sampled_from(("lives", "lives", "fails", "is lost")))
    def the_loader_spawns(self, name: str, fate: str) -> None:
        world = self.among(name, lambda each: each.spawns)
        if world is None:
            return
        spawn = world.spawns.pop(0)
        if fate != "fails":
            assert world.present is None, "two processes of one node (law 7)"
            assert not any(each.children for each in world.processes.values()), "an earlier family lives"
            world.processes[spawn.incarnation] = Process(spawn.incarnation, paused=spawn.paused, children=1)
        if fate == "lives":
            world.messages.append(Spawned(spawn.incarnation, 1000 + spawn.incarnation, self.now))
        else:
            world.messages.append(SpawnFailed(spawn.incarnation, fate))

    @rule(name=names, ready=st.booleans())
    def a_process_beats(self, name: str, ready: bool) -> None:
        world = self.among(name, lambda each: each.present and not each.present.stubborn)
        if world is not None and (process := world.present) is not None:
            process.ready = process.ready or ready
            world.messages.append(Beat(process.incarnation, process.ready, "at work"))

    @rule(name=names, how=st.sampled_from(("ends", "crashes", "is killed", "says why", "is fenced")))
    def a_process_dies(self, name: str, how: str) -> None:
        world = self.among(name, lambda each: each.present)
        if world is None or (process := world.present) is None:
            return
        if how == "says why":
            world.messages.append(LastWords(process.incarnation, "setup", "setup() raised ValueError: no"))
        elif how == "is fenced":
            number = process.incarnation
            world.messages.append(LastWords(number, "fenced", "a newer one is at work", number + 2))
        code = {"ends": 0, "is killed": None}.get(how, 1)
        world.die(process, code, 9 if code is None else None)

    @rule(name=names)
    def a_process_hangs(self, name: str) -> None:
        world = self.among(name, lambda each: each.present)
        if world is not None and world.present is not None:
            world.present.stubborn = True

    @rule(name=names)
    def a_family_is_cleared(self, name: str) -> None:
        world = self.among(name, lambda each: each.clearing)
        if world is not None:
            number = world.clearing.pop(0)
            process = world.processes.get(number)
            if process is not None:
                process.children = 0
                world.die(process, None, 9)
            world.messages.append(FamilyGone(number))

    @precondition(lambda self: any(world.messages for world in self.worlds.values()))
    @rule(name=names, pick=st.integers(0, 3), again=st.booleans())
    def a_message_arrives(self, name: str, pick: int, again: bool) -> None:
        """Out of order, for there are several sockets; sometimes twice. Only the loader's own keep theirs."""
        world = self.among(name, lambda each: each.messages)
        if world is None:
            return
        index = min(pick, len(world.messages) - 1)
        if isinstance(world.messages[index], Exited | SpawnFailed | Spawned):
            index = next(i for i, each in enumerate(world.messages) if isinstance(each, Exited | SpawnFailed | Spawned))
        message = world.messages[index] if again else world.messages.pop(index)
        self.feed(next(each for each in NAMES if self.worlds[each] is world), message)
        self.plan()

    @rule(name=names, back=st.integers(1, 6))
    def an_old_message_comes_again(self, name: str, back: int) -> None:
        heard = self.worlds[name].heard
        if heard:
            self.feed(name, heard[-min(back, len(heard))])
            self.plan()

    @rule(name=names)
    def the_loader_says_again_who_lives(self, name: str) -> None:
        """A connection that was lost and made again begins with a list of the children."""
        process, state = self.worlds[name].present, self.states[name]
        if process is not None and process.incarnation == state.incarnation and not state.at_rest:
            self.feed(name, Found(process.incarnation, 1000 + process.incarnation, 0.0, process.ready))
            self.plan()

    @rule(name=names, times=st.integers(2, 4), code=st.sampled_from((0, 1)))
    def a_node_crashes_again_and_again(self, name: str, times: int, code: int) -> None:
        for _ in range(times):
            self.behave(name)
            if (process := self.worlds[name].present) is not None:
                self.worlds[name].die(process, code, None)
            self.behave(name)
            self.behave(name)
            self.plan()
            if self.states[name].phase == "backoff":
                self.time_passes((self.states[name].deadline or self.now) - self.now)

    @rule(seconds=st.sampled_from((0.1, 1.0, 1.0, 9.0, 31.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for name in NAMES:
            if self.overdue(name):
                self.feed(name, Deadline())
        self.plan()

    # ---- the daemon itself

    @rule(how=st.sampled_from(("killed", "killed", "rebooted", "shut down")))
    def the_daemon_ends_and_comes_back(self, how: str) -> None:
        """What was under way is lost; the journal, and the loader's knowledge of its children, are not."""
        if how == "shut down":
            self.shut_down()
        for name in NAMES:
            self.bring_back(name, how == "rebooted")
        self.plan()
        for name in NAMES:
            self.reconcile(name, how == "rebooted")
        self.plan()

    def shut_down(self) -> None:
        for name in NAMES:
            self.feed(name, Shutdown("the daemon ends"))
        self.plan()
        self.settle(lambda: all(state.at_rest for state in self.states.values()))
        assert all(world.present is None for world in self.worlds.values())

    def bring_back(self, name: str, rebooted: bool) -> None:
        state, world = self.states[name], self.worlds[name]
        if rebooted:
            for process in world.processes.values():
                process.alive, process.children = False, 0
        world.messages.clear()
        world.spawns.clear()
        world.clearing.clear()
        world.restarted.clear()
        self.states[name] = new_node(
            state.spec,
            state.incarnation,
            desired=state.desired,
            orphan=state.phase in ("starting", "ready", "stopping", "killing"),
            done=state.done,
            crashed=state.crashed,
            restarts=state.restarts,
            last_end=state.last_end,
        )

    def reconcile(self, name: str, rebooted: bool) -> None:
        state = self.states[name]
        if not state.orphan:
            return
        process = self.worlds[name].processes.get(state.incarnation)
        if process is not None and process.alive:
            self.feed(name, Found(state.incarnation, 1000 + state.incarnation, 0.0, process.ready))
        elif process is not None and process.end is not None and not rebooted:
            self.feed(name, dataclasses.replace(process.end, how="ended while no daemon watched"))
        else:
            how = "the machine was restarted" if rebooted else "was never started"
            self.feed(name, Exited(state.incarnation, None, None, how, fault=not rebooted))

    # ---- what always holds

    @invariant()
    def every_phase_that_waits_has_a_deadline(self) -> None:
        for state in self.states.values():
            assert (state.deadline is None) == (state.phase in ("down", "failed"))

    @invariant()
    def every_restart_is_within_its_budget(self) -> None:
        for name in ("data", "train"):
            moments = self.worlds[name].restarted
            assert sum(self.now - each < WINDOW for each in moments) <= LIMIT

    @invariant()
    def a_node_at_rest_has_no_process(self) -> None:
        for name, state in self.states.items():
            if state.at_rest:
                assert self.worlds[name].present is None

    # ---- when faults stop

    def settle(self, arrived: Callable[[], bool]) -> None:
        """Everybody does what is expected of them until nothing is left to do."""
        for _ in range(400):
            if arrived():
                return
            for name in NAMES:
                self.behave(name)
            self.plan()
            deadlines = [each.deadline for each in self.states.values() if each.deadline is not None]
            if deadlines:  # in small steps, so that who beats is heard in between
                self.time_passes(min(5.0, max(0.0, min(deadlines) - self.now)))
        raise AssertionError(
            f"not as wanted: {[(each.name, each.phase, each.reason) for each in self.states.values()]}"
        )

    def behave(self, name: str) -> None:
        world = self.worlds[name]
        for _ in range(len(world.spawns)):
            self.the_loader_spawns(name, "lives")
        for _ in range(len(world.clearing)):
            self.a_family_is_cleared(name)
        process = world.present
        if process is not None and not process.stubborn:
            process.ready = True
            world.messages.append(Beat(process.incarnation, True, "idle"))
        while world.messages:
            self.feed(name, world.messages.pop(0))

    def is_as_wanted(self, name: str) -> bool:
        state, process = self.states[name], self.worlds[name].present
        if state.phase == "failed":
            return process is None
        if state.desired == "down" or state.done:
            return state.phase == "down" and process is None
        if state.phase == "down":  # for a reason that is said
            return state.reason.startswith("waiting for ") and any(
                word in state.reason for word in ("failed", "not to run", "to be ready")
            )
        return state.phase == "ready" and process is not None and process.paused == (state.desired == "paused")

    def teardown(self) -> None:
        for name in NAMES:
            process = self.worlds[name].present
            if process is not None and self.states[name].phase == "ready" and process.stubborn:
                process.stubborn = False
        self.settle(lambda: all(self.is_as_wanted(name) for name in NAMES) and self.is_quiet())

    def is_quiet(self) -> bool:
        """Nothing is under way, and who waits, waits for a node that will not come by itself."""
        stuck = {name for name, state in self.states.items() if state.phase in ("down", "failed")}
        waiting = {name for name in stuck if self.states[name].wants_start}
        return all(
            self.states["store"].name in stuck or any(each in stuck for each in self.states[name].spec.predecessors)
            for name in waiting
        ) and not any(world.spawns or world.messages or world.clearing for world in self.worlds.values())


TestSupervision = Supervision.TestCase
TestSupervision.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
