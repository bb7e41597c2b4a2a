"""The daemon: puts the parts together, and does at the end of each turn of the loop what a turn needs.

The order of a turn is a promise: plan, write down, act, and only then answer those who wait. Recovery is the start
path (law 2): what the journal holds is taken up in the same way after a stop, a crash and a reboot.
"""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass, field, replace

from anacostia_daemon import __version__
from anacostia_daemon.config.configuration import Config, find, load
from anacostia_daemon.control.messages import ControlRequest
from anacostia_daemon.control.server import ControlServer, Conversation
from anacostia_daemon.core.events import Desired
from anacostia_daemon.core.node import NodeState, new_node
from anacostia_daemon.journal.journal import Entry, Journal, JournalError, PipelineRow
from anacostia_daemon.paths import Home
from anacostia_daemon.process.memory import OutOfMemory
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.service.aftermath import STOPPING
from anacostia_daemon.service.notify import Notifier
from anacostia_daemon.supervisor import record
from anacostia_daemon.supervisor.announcing import Announcer
from anacostia_daemon.supervisor.commands.asking import CommandFailed
from anacostia_daemon.supervisor.commands.table import READING, asked_about, perform
from anacostia_daemon.supervisor.companion import Companions
from anacostia_daemon.supervisor.cpu import CpuShares
from anacostia_daemon.supervisor.enrolment import Enrolment, check_names
from anacostia_daemon.supervisor.following import UNKNOWN
from anacostia_daemon.supervisor.home_lock import HomeLock
from anacostia_daemon.supervisor.keeper import Departure, LoaderKeeper
from anacostia_daemon.supervisor.kept_environment import forget_others, keep
from anacostia_daemon.supervisor.link import Link
from anacostia_daemon.supervisor.listing import Listing, differences
from anacostia_daemon.supervisor.log import report, rotate
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.memory_watch import MemoryWatch
from anacostia_daemon.supervisor.moments import Moments
from anacostia_daemon.supervisor.pipeline import Pipeline, Surroundings
from anacostia_daemon.supervisor.posix_signals import PosixSignals
from anacostia_daemon.supervisor.questions import Questions
from anacostia_daemon.supervisor.reconfiguring import Reloaded, reload_configuration
from anacostia_daemon.supervisor.reloading import Reload
from anacostia_daemon.supervisor.revival import revive
from anacostia_daemon.supervisor.settings import Settings
from anacostia_daemon.supervisor.waiters import Waiters
from anacostia_daemon.supervisor.writing import CannotWrite, Writing
from node_sdk.changes import Changes, changes
from node_sdk.errors import AnacostiaError
from node_sdk.osprocess import allowed, be_subreaper
from node_sdk.wire.link import NodeMessage
from node_sdk.wire.loader import Loaded


@dataclass
class Member:
    """A registered pipeline."""

    pipeline: Pipeline
    questions: Questions
    created: float
    removing: bool = False
    reload: Reload | None = None  # under way

    @property
    def idle(self) -> bool:
        """Whether nothing of it runs, not even its loader."""
        return self.asleep and self.pipeline.loaders.gone

    @property
    def asleep(self) -> bool:
        """Whether nothing of it runs but, perhaps, a loader that is on its way out."""
        return self.pipeline.settled and self.pipeline.at_rest and self.pipeline.keeper.phase == "none"


@dataclass
class _Leaving:
    reason: str
    conversations: list[Conversation] = field(default_factory=list)


class Daemon:
    """Holds its home from construction to the end of `run`. Raises AnacostiaError where it cannot start. `closed`: it
    lets no group in, whatever the configuration says."""

    def __init__(self, home: Home, config: Config | None = None, *, closed: bool = False) -> None:
        self.home = home
        self.config = load(find(home.path)) if config is None else config
        self.settings = Settings()
        self.settings.follow(self.config)
        home.prepare()
        self._lock = HomeLock(home)
        rotate(home.log, self.settings.log_policy)
        self.started_at = time.time()
        self.journal = Journal(home.journal, keep=self.settings.journal_lines)
        self.loop = loop = Loop()
        self._writing = Writing(loop, self.journal, home.journal, self._touch)
        self.moments = Moments(loop.now)
        self.members: dict[str, Member] = {}
        self.enrolments: set[Enrolment] = set()
        self.departures: list[Departure] = []  # of loaders that nobody knew
        self.waiters = Waiters()
        self.cpu = CpuShares()
        self._leaving: _Leaving | None = None
        self._given_up = ""
        be_subreaper()
        self._reaper = Reaper()
        group = None if closed else self.config.table("daemon").get("control_group")
        self._control = ControlServer(loop, home.control_socket, self._handle, group)
        self._link = Link(loop, home.link_socket, self._node_says, self._may_run)
        self.memory = MemoryWatch(loop, self.settings, lambda: (member.pipeline for member in self.members.values()))
        self.around = Surroundings(loop, home, self._link, self._reaper, OutOfMemory(), self.settings)
        self._announcer = Announcer(loop, Notifier(), self.members)
        self.listing = Listing(self, self.config)
        self.companions = Companions(loop, home, self._reaper)
        self._writing.wrote = lambda: self.companions.wake("notify", "traces", "web")
        loop.after_turn(self._end_turn)

    @property
    def journal_trouble(self) -> str:
        """Why the journal cannot be written; empty where it can."""
        return self._writing.look()

    @property
    def leaving(self) -> bool:
        """Whether it is shutting down."""
        return self._leaving is not None

    def run(self, and_end: str = "") -> str:
        """Supervise until told to end; with `and_end`, a reason, only to end what an earlier daemon has left.

        Returns the pipeline that was given up and why, where that was the end.
        """
        signals = PosixSignals(
            self.loop,
            {
                signal.SIGTERM: lambda: self._told_to_end("SIGTERM"),
                signal.SIGINT: lambda: self._told_to_end("SIGINT"),
                signal.SIGHUP: lambda: self._announcer.reload(self.reload_configuration),
                signal.SIGCHLD: self._reaper.reap,
            },
        )
        report(f"anacostiad {__version__} holds {self.home.path}; sockets in {self.home.socket_dir}", "notice")
        try:
            revive(self)
            if and_end:
                self.shut_down(and_end)
            else:
                self.companions.start(self.config)
                for line in self.listing.begin():
                    report(f"configuration: {line}", "notice")
            self._end_turn()
            self.loop.run()
        finally:
            signals.close()
            self._close()
        return self._given_up

    # ---- pipelines

    def register(self, loaded: Loaded, keeper: LoaderKeeper, reason: str) -> Member:
        """Write down a pipeline that was loaded, wanted up, and start it. One of the same name is replaced.

        Raises CannotWrite, and nothing has changed.
        """
        graph, name = loaded.graph, loaded.graph.name
        before = self.members.get(name)
        registered = self.journal.pipeline(name)
        created = registered.created if registered is not None else time.time()
        kept = keep(self.home, name, keeper.recipe.env)
        with self._writing.turn():
            nodes: dict[str, tuple[NodeState, Desired]] = {
                spec.name: (new_node(spec, self.journal.last_incarnation(name, spec.name)), "up")
                for spec in graph.nodes
            }
            self.journal.save_pipeline(record.pipeline_row(keeper.recipe, graph, "up", created, kept))
            for gone in set(self.journal.nodes(name)) - set(nodes):
                self.journal.remove_node(name, gone)
        forget_others(self.home, name, kept)
        if before is not None:
            before.questions.close()
            before.pipeline.close()
        pipeline = Pipeline(self.around, graph, keeper, "up", nodes)
        member = self.enlist(pipeline, created)
        pipeline.hearing.loader_up(keeper, loaded)
        pipeline.want_all("up", reason)
        return member

    def follow(self, member: Member, loaded: Loaded, keeper: LoaderKeeper) -> Changes:
        """Write down what the file of a registered pipeline says now, and have the pipeline follow it.

        Returns what that touches. Raises AnacostiaError, OSError, and nothing has changed.
        """
        pipeline, graph, recipe = member.pipeline, loaded.graph, keeper.recipe
        if recipe.spoilt:
            raise AnacostiaError(recipe.spoilt)
        found = changes(pipeline.graph, graph)
        another = differences(recipe, pipeline.keeper.recipe, nodes=False)
        if another:
            found = found.with_all(graph, another)
        kept = keep(self.home, graph.name, recipe.env)
        with self._writing.turn():
            last = {spec.name: self.journal.last_incarnation(graph.name, spec.name) for spec in graph.nodes}
            self.journal.save_pipeline(record.pipeline_row(recipe, graph, pipeline.desired, member.created, kept))
            if another:  # shapes do not tell; a daemon that dies now must still know that all are to make way
                self.journal.set_shapes(graph.name, UNKNOWN)
        forget_others(self.home, graph.name, kept)
        pipeline.following.follow(graph, keeper, last, found)
        return found

    def _adopt(self, member: Member, loaded: Loaded, keeper: LoaderKeeper) -> bool:
        """As `follow`, of what a new loader has read while nothing of the pipeline runs."""
        try:
            check_names(self.home, loaded.graph)
            self.follow(member, loaded, keeper)
        except (AnacostiaError, OSError) as error:
            report(f"{member.pipeline.name}: cannot follow its file: {error}", "error")
            return False
        return True

    def enlist(self, pipeline: Pipeline, created: float) -> Member:
        """Take a pipeline among those that are supervised."""
        member = Member(pipeline, Questions(pipeline), created)
        self.members[pipeline.name] = member
        pipeline.hearing.run_failed = lambda: self.companions.wake("notify")
        pipeline.hearing.run_ended = lambda: self.companions.wake("traces")
        pipeline.hearing.moved = lambda: self.companions.wake("web")
        pipeline.following.adopt = lambda keeper, loaded: self._adopt(member, loaded, keeper)
        return member

    def reload_configuration(self) -> Reloaded:
        """Follow the configuration as it is now; one that cannot be used changes nothing. See reconfiguring.py."""
        try:
            self._control.open_again()
        except (AnacostiaError, OSError) as error:
            report(str(error), "error")
        return reload_configuration(self)

    def hide_values(self, row: PipelineRow) -> PipelineRow:
        """Take the values of variables out of a row that an older daemon wrote. Raises CannotWrite, OSError."""
        values = {name: value for name, value in row.env.items() if value is not None}
        if not values:
            return row
        row = replace(row, env=dict.fromkeys(row.env), env_kept=keep(self.home, row.name, values))
        with self._writing.turn():
            self.journal.save_pipeline(row)
        return row

    def set_desired(self, pipeline: str, desired: Desired) -> None:
        """What is wanted of a pipeline that the journal has and no member is. Raises CannotWrite."""
        with self._writing.turn():
            self.journal.set_pipeline_desired(pipeline, desired)

    def note(self, pipeline: str, event: str, reason: str) -> None:
        """A line in the journal about a pipeline that has no nodes yet. One that cannot be written is in the log."""
        with contextlib.suppress(CannotWrite), self._writing.turn():
            self.journal.write(Entry(at=time.time(), pipeline=pipeline, event=event, reason=reason))

    # ---- the end of the daemon

    def shut_down(self, reason: str, conversation: Conversation | None = None) -> None:
        """Stop all nodes, successors first, then the loaders, then end. What is wanted stays written."""
        if self._leaving is None:
            report(f"shutting down: {reason}", "notice")
            self._leaving = _Leaving(reason)
            self._lock.write(STOPPING)
            self._announcer.stopping(reason)
            for enrolment in list(self.enrolments):
                enrolment.cancel()
            for member in self.members.values():
                if member.reload is not None:
                    member.reload.cancel("the daemon is shutting down")
                member.pipeline.shut_down(reason)
        if conversation is not None:
            self._leaving.conversations.append(conversation)

    def leave(self) -> None:
        """End at once; nodes and loaders live on for the next daemon."""
        report("ending; the nodes live on", "notice")
        self.loop.stop()

    def _told_to_end(self, signal_name: str) -> None:
        if self._leaving is None:
            self.shut_down(f"the daemon got {signal_name}")
            return
        report(f"{signal_name} again: killing what is still there", "warning")
        for member in self.members.values():
            member.pipeline.hurry()

    # ---- a turn

    def _end_turn(self) -> None:
        pipelines = [member.pipeline for member in self.members.values() if member.pipeline.changed]
        for pipeline in pipelines:
            pipeline.plan()
        written = self._write(pipelines)
        for pipeline in pipelines:
            pipeline.act(written)
            if pipeline.given_up and self.settings.exit_on_failure and self._leaving is None:
                self._given_up = pipeline.given_up
                self.shut_down(f"given up: {pipeline.given_up}")
        self._forget_removed()
        self._announcer.look(bool(pipelines))
        if pipelines:
            self.memory.arm()
        self.listing.look()
        self.waiters.look()
        if self._writing.trouble:
            self.waiters.tell(f"{self._writing.trouble}; it is tried again and again")
        if self._leaving is not None:
            self._leave_when_empty(self._leaving)
        if any(member.pipeline.changed for member in self.members.values()):
            self.loop.call_soon(lambda: None)  # acting had consequences: another turn

    def _write(self, pipelines: list[Pipeline]) -> bool:
        """Whether all is on disk. Where it is not (disk full), nothing new is started, and it is tried again."""
        if not pipelines:
            return True
        try:
            with self._writing.turn():
                for pipeline in pipelines:
                    record.write(self.journal, pipeline, self.moments)
        except CannotWrite:
            return False
        for pipeline in pipelines:
            pipeline.written()
        return True

    def _touch(self) -> None:
        for member in self.members.values():
            member.pipeline.changed = True

    def _forget_removed(self) -> None:
        for name, member in list(self.members.items()):
            if member.removing and member.pipeline.settled and member.pipeline.at_rest:
                try:
                    with self._writing.turn():
                        self.journal.remove_pipeline(name)
                except CannotWrite:
                    continue  # it stays a member, whole, until that is written
                self.home.forget_history(name)
                member.questions.close()
                member.pipeline.loaders.quit()
                member.pipeline.close()
                forget_others(self.home, name, None)
                del self.members[name]
                report(f"{name}: removed")

    def _leave_when_empty(self, leaving: _Leaving) -> None:
        pipelines = [member.pipeline for member in self.members.values()]
        if all(each.settled and each.at_rest and each.loaders.gone for each in pipelines):
            for conversation in leaving.conversations:
                conversation.result(None)
            self.loop.stop()

    # ---- what arrives

    def _handle(self, request: ControlRequest, conversation: Conversation) -> None:
        if not allowed(conversation.uid) and request.command not in READING:
            report(
                f"user {conversation.uid} asks: {request.command} {' '.join(asked_about(request))}".rstrip(), "notice"
            )
            # Who speaks for others is the daemon's own: here the kernel says who it is.
            request = replace(request, args={**request.args, "by": f"user {conversation.uid}"})
        try:
            perform(self, request, conversation)
        except CommandFailed as error:
            conversation.error(error.code, str(error), error.hint)
        except JournalError as error:
            conversation.error("failed", f"cannot read the journal {self.home.journal}: {error}")

    def _node_says(self, message: NodeMessage) -> None:
        member = self.members.get(message.pipeline)
        if member is not None:
            member.pipeline.hearing.node_says(message)

    def _may_run(self, pipeline: str, node: str, incarnation: int) -> bool:
        member = self.members.get(pipeline)
        found = None if member is None else member.pipeline.nodes.get(node)
        return found is not None and found.state.incarnation == incarnation and not found.state.at_rest

    def _close(self) -> None:
        self._announcer.close()
        self.companions.close()
        for member in self.members.values():
            member.questions.close()
            member.pipeline.close()
        self._control.close()
        self._link.close()
        self.journal.close()
        self.loop.close()
        self._reaper.reap()
        self.home.tidy()
        self._lock.release()
