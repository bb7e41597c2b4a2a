"""Starts processes for the loader: forked from the warm interpreter where that is safe, else a fresh interpreter."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from node_sdk.runtime.launch import MARK_VARIABLE, Launch
from node_sdk.runtime.lines import Lines
from node_sdk.runtime.mark import become_node, become_process, look_ahead
from node_sdk.runtime.process import run_node
from node_sdk.runtime.query import run_query
from node_sdk.runtime.refusal import limited
from node_sdk.runtime.rehearsal import rehearse
from node_sdk.runtime.standby import Standby, stand_by
from node_sdk.wire.codec import encode, know_all

if TYPE_CHECKING:
    from node_sdk.pipeline import Pipeline

_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Starter:
    """Starts nodes of `pipeline`. `nobody` is how one of them is started, but for its incarnation. `leave` is called in
    a forked child: it closes what is the loader's."""

    def __init__(self, pipeline: Pipeline, nobody: Callable[[], Launch], leave: Callable[[], None]) -> None:
        self._pipeline = pipeline
        self._nobody = nobody
        self._leave = leave
        self.note = why_not_fork()
        self.forking = not self.note
        self._standby: Standby | None = None

    def start(self, launch: Launch) -> int:
        """Start the node of `launch` in a session of its own; its pid. Raises OSError where the system refuses."""
        if not self.forks(launch.node):
            return _fresh(launch)
        standby, self._standby = self._standby, None
        if standby is not None and standby.become(launch):
            return standby.pid
        return self._fork(lambda: self._be(launch, None))

    def forks(self, node: str) -> bool:
        """Whether this node is forked, and not a fresh interpreter."""
        return self.forking and self._pipeline.graph.by_name[node].start_method == "fork"

    def stand_by(self) -> None:
        """Have a process ready for the next start, where there is none and one can be had."""
        if self._standby is None and self.forking:
            with contextlib.suppress(OSError):  # no process to be had just now: the next start will say so
                self._standby = stand_by(self._fork, self._connect, self._rehearse, self._be)

    def alert(self) -> None:
        """A node has died: who stands by goes through a start again, while the daemon decides. Then all that it needs
        is in the processor's caches, and not what others did since."""
        if self._standby is not None:
            self._standby.alert()

    def stand_down(self) -> None:
        """No start is to be expected."""
        if self._standby is not None:
            self._standby.close()
            self._standby = None

    def query(self, launch: Launch) -> tuple[int, int]:
        """Start answering the query of `launch`; the pid, and a descriptor where the answer can be read."""
        reader, writer = os.pipe()
        try:
            if self.forking:
                pid = self._fork(lambda: self._answer(launch, writer))
            else:
                pid = _fresh(launch, writer)
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        return pid, reader

    def _connect(self) -> Lines:
        launch = self._nobody()
        lines = Lines(launch.link, launch.endpoint(self._pipeline.graph.store.name))
        lines.warm()
        return lines

    def _rehearse(self, lines: Lines, called: int) -> None:
        with contextlib.suppress(Exception):  # then it is a little slower, and nothing else
            rehearse(self._pipeline, self._nobody(), lines, called)

    def _be(self, launch: Launch, lines: Lines | None) -> NoReturn:
        become_node(launch.mark, launch.node)
        limited(launch, lines)
        run_node(self._pipeline, launch, lines)

    def _answer(self, launch: Launch, writer: int) -> NoReturn:
        become_node("", launch.node)
        run_query(self._pipeline, launch, writer)

    def _fork(self, be: Callable[[], None]) -> int:
        # Blocked until the child has its own handlers: a SIGTERM right after the fork must not meet the loader's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        loader = os.getpid()
        try:
            pid = os.fork()
            if pid == 0:
                self._become(be, loader)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)

    def _become(self, be: Callable[[], None], loader: int) -> None:
        try:
            become_process(loader)
            self._leave()
            self.stand_down()  # the loader's, if it has one, not this child's
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
            be()
        except BaseException:  # noqa: BLE001  (a child must never come back into the loader's loop)
            traceback.print_exc()
        finally:
            os._exit(1)


def prepare(pipeline: Pipeline) -> None:
    """Make this process good to fork from: found out what each child would find out again, little garbage, and nothing
    that a collection in a child would touch. Each page that a child writes to becomes memory of its own."""
    look_ahead()
    know_all()
    pipeline.look_ahead()
    gc.collect()
    gc.freeze()


def why_not_fork() -> str:
    """Why nodes cannot be forked from this process; '' where they can."""
    if sys.platform == "darwin":
        return "nodes get fresh interpreters: the system's libraries do not survive a fork on macOS"
    # Libraries that know of fork (OpenBLAS under numpy, say) put their threads away when one happens.
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    tasks = Path("/proc/self/task")
    count = len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()
    if count <= 1 and threading.active_count() <= 1:
        return ""
    names = sorted(each.name for each in threading.enumerate() if each is not threading.main_thread())
    called = f" ({', '.join(names)})" if names else ""
    return (
        f"nodes get fresh interpreters: loading the file left {count - 1} other threads{called}, which a fork loses; "
        "start them in setup() to have nodes forked"
    )


def _fresh(launch: Launch, answer_to: int | None = None) -> int:
    descriptors = [_file_of(encode(launch))]
    if answer_to is not None:
        descriptors.append(os.dup(answer_to))
    try:
        for each in descriptors:
            os.set_inheritable(each, True)
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        command = [sys.executable, *flags, "-m", "node_sdk.runtime.spawned", *map(str, descriptors)]
        environment = {**os.environ, MARK_VARIABLE: launch.mark if launch.query is None else ""}
        try:
            return os.posix_spawn(sys.executable, command, environment, setsid=True, setsigdef=_HANDLED, setsigmask=())
        except NotImplementedError:  # older macOS; the interpreter begins its session itself, a moment later
            return os.posix_spawn(sys.executable, command, environment, setsigdef=_HANDLED, setsigmask=())
    finally:
        for each in descriptors:
            os.close(each)


def _file_of(data: bytes) -> int:
    """A descriptor to read `data` from; a file and not a pipe, so that nobody waits for the reader."""
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.flush()
        stream.seek(0)
        return os.dup(stream.fileno())
