"""Keeps a loader for one pipeline: starts one when something is to be sent to it, connects to one that lives on from
an earlier daemon, and says when it is lost. What the messages mean is its owner's business.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from anacostia_daemon.config.environment_file import read_environment_file
from anacostia_daemon.paths import Home
from anacostia_daemon.process.handle import ProcessHandle
from anacostia_daemon.process.reaper import Reaper
from anacostia_daemon.supervisor.loader_link import CannotReachLoader, LoaderLink, connect_loader, start_loader
from anacostia_daemon.supervisor.loop import Handle, Loop
from anacostia_daemon.supervisor.settings import Settings
from node_sdk.errors import AnacostiaError
from node_sdk.wire.loader import FromLoader, Load, Loaded, LoadFailed, Quit, Spawn, ToLoader

CONNECT_TIMEOUT = 10.0  # seconds; a loader that lives only has to say hello
QUIT_TIMEOUT = 10.0
_TAIL = 2000  # bytes of a loader's log that an error shows


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to load, and with what. `env` counts over `env_file`, and that over the daemon's own environment."""

    file: str
    name: str | None = None  # which pipeline of the file
    argv: tuple[str, ...] = ()
    cwd: str
    python: str
    env: Mapping[str, str] = field(default_factory=dict)
    env_file: str | None = None  # of NAME=value lines; read each time
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what the configuration says of them
    pipeline: str | None = None  # what to call it
    spoilt: str = ""  # why it cannot be used any more

    def environment(self) -> dict[str, str]:
        """Its variables, as they are now. Raises AnacostiaError."""
        if self.spoilt:
            raise AnacostiaError(self.spoilt)
        from_file = {} if self.env_file is None else read_environment_file(Path(self.env_file))
        return {**from_file, **self.env}


class LoaderOwner(Protocol):
    """Who is told."""

    def loader_up(self, loaded: Loaded) -> None: ...
    def loader_says(self, message: FromLoader) -> None: ...
    def loader_lost(self, message: str, detail: str) -> None: ...


class LoaderKeeper:
    """At most one loader, in phase none, loading (messages wait) or up."""

    owner: LoaderOwner  # set by whoever takes the keeper, before anything is sent

    def __init__(
        self, loop: Loop, home: Home, reaper: Reaper, recipe: Recipe, settings: Settings | None = None
    ) -> None:
        self._settings = settings or Settings()
        self._loop, self._home, self._reaper = loop, home, reaper
        self.recipe = recipe
        self.beside: Callable[[], bool] = lambda: False  # whether another loader of the pipeline lives
        self.phase: Literal["none", "loading", "up"] = "none"
        self._link: LoaderLink | None = None
        self._waiting: list[ToLoader] = []
        self._deadline: Handle | None = None
        self._log: Path | None = None
        self._leaving: Departure | None = None

    @property
    def gone(self) -> bool:
        """Whether there is no loader, not even one that is on its way out."""
        return self._link is None and (self._leaving is None or self._leaving.over)

    @property
    def pid(self) -> int | None:
        return None if self._link is None else self._link.pid

    @property
    def started(self) -> float | None:
        return None if self._link is None else self._link.handle.started

    def send(self, message: ToLoader) -> None:
        """Send it; to a new loader where there is none. `loader_lost` tells if that came to nothing."""
        if self.phase == "up" and self._link is not None:
            self._link.send(message)
            return
        self._waiting.append(message)
        if self.phase == "none":
            self.start()

    def tell(self, message: ToLoader) -> None:
        """Send it if a loader is there; no news to a new one."""
        if self.phase == "up" and self._link is not None:
            self._link.send(message)

    def withdraw(self, node: str, incarnation: int) -> bool:
        """Take back a Spawn that waits for the loader; False where none does."""
        for message in self._waiting:
            if isinstance(message, Spawn) and (message.node, message.incarnation) == (node, incarnation):
                self._waiting.remove(message)
                return True
        return False

    def start(self) -> None:
        """Start a loader and have it load the file."""
        self.phase = "loading"
        if self._leaving is not None and not self._leaving.over:
            self._leaving.then = self.start  # both would want the same socket
            return
        self._log = self._log_file()
        try:
            self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sock, handle = start_loader(self._home, self.recipe.python, self.recipe.environment(), self._log)
        except (AnacostiaError, OSError) as error:
            message = str(error)
            self._loop.call_soon(lambda: self._lose(message))  # never before send() has returned
            return
        self._reaper.expect(handle.pid)
        self._link = LoaderLink(self._loop, sock, handle, self._receive, self._ended)
        self._link.send(self._load())
        within = self._settings.load_timeout
        self._within(within, f"it did not finish loading within {within:g} s")

    def hold(self) -> None:
        """Keep what is to be sent until it is known which loader there is: then `take_over`, or `release`."""
        self.phase = "loading"

    def release(self) -> None:
        """There is none: start one where something waits for it."""
        self.phase = "none"
        if self._waiting:
            self.start()

    def take_over(self, other: LoaderKeeper) -> None:
        """Send what waits for the loader of `other`, which has not heard of it."""
        waiting, other._waiting = other._waiting, []
        for message in waiting:
            self.send(message)

    def connect(self, path: Path) -> bool:
        """Connect to the loader of an earlier daemon; False where it is gone (its nodes may live)."""
        try:
            sock, handle = connect_loader(path)
        except CannotReachLoader:
            return False
        self.phase = "loading"
        self._link = LoaderLink(self._loop, sock, handle, self._receive, self._ended)
        self._within(CONNECT_TIMEOUT, f"it did not answer within {CONNECT_TIMEOUT:g} s")
        return True

    def quit(self) -> Departure | None:
        """Have the loader end, by force if it does not. One that still loads hears nothing and has no nodes to lose.
        The departure, where there was one to send off."""
        self._waiting.clear()
        if self._leaving is not None:
            self._leaving.then = None
        if self._link is None:
            self.phase = "none"
            return None
        if self.phase == "loading":
            self._link.handle.send_group(signal.SIGKILL)
        link, self._link, self.phase = self._link, None, "none"
        self._no_deadline()
        return self._see_off(link)

    def kill(self, why: str) -> None:
        """SIGKILL to a loader that does not do its work; `loader_lost` is called."""
        if self._link is not None:
            self._link.handle.send(signal.SIGKILL)
            self._ended(why)

    def let_go(self) -> None:
        """Close the connection; the loader lives on for the next daemon."""
        self._no_deadline()
        if self._link is not None:
            self._link.close()

    def _see_off(self, link: LoaderLink) -> Departure:
        self._reaper.forget(link.pid)
        self._leaving = Departure(self._loop, link)
        return self._leaving

    def _load(self) -> Load:
        recipe = self.recipe
        return Load(
            file=recipe.file,
            name=recipe.name,
            argv=recipe.argv,
            cwd=recipe.cwd,
            pipeline=recipe.pipeline,
            socket_dir=str(self._home.socket_dir),
            data_dir=str(self._home.data_dir),
            beside=self.beside(),
            log_policy=self._settings.log_policy,
            nodes={name: dict(values) for name, values in recipe.nodes.items()},
        )

    def _log_file(self) -> Path:
        if self.recipe.pipeline is not None:
            return self._home.log_file(self.recipe.pipeline, "loader")
        return self._home.path / f"loading-{os.getpid()}-{id(self)}.log"  # its name is not known yet

    def _log_read(self) -> None:
        """A loader that has come up, or said why not, writes its own log; what went before is of no more use."""
        if self._log is not None and self.recipe.pipeline is None:
            self._log.unlink(missing_ok=True)
        self._log = None

    def _receive(self, message: FromLoader) -> None:
        if isinstance(message, LoadFailed):
            link, self._link = self._link, None
            if link is not None:
                self._see_off(link)
            self._lose(message.message, message.detail)
        elif isinstance(message, Loaded) and self.phase == "loading":
            self.phase = "up"
            self._log_read()
            self._no_deadline()
            self.owner.loader_up(message)
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                self.send(each)
        elif self.phase == "up":
            self.owner.loader_says(message)

    def _ended(self, why: str) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        # One that hung up but lives cannot serve us, and would hold the socket of its successor.
        link.handle.send(signal.SIGKILL)
        link.close()
        code, number = self._reaper.status(link.pid)
        how = f"exit code {code}" if code is not None else f"signal {number}" if number is not None else ""
        link.handle.close()
        if self.recipe.pipeline is not None:
            self._home.sweep_up(self.recipe.pipeline, link.pid)
        why = f"{why} ({how})" if how else why
        if self.phase == "up":
            self._lose(f"its loader (pid {link.pid}) was lost: {why}")
        else:
            tail = self._tail()
            if "No module named" in tail and "node_sdk" in tail:
                why += f"; is anacostia-daemon installed in the environment of {self.recipe.python}?"
            self._lose(f"the process that loads the file was lost before it was done: {why}", tail)

    def _lose(self, message: str, detail: str = "") -> None:
        self.phase = "none"
        self._waiting.clear()
        self._no_deadline()
        self._log_read()
        self.owner.loader_lost(message, detail)

    def _tail(self) -> str:
        if self._log is None:
            return ""
        with contextlib.suppress(OSError):
            return self._log.read_bytes()[-_TAIL:].decode(errors="replace").strip()
        return ""

    def _within(self, seconds: float, why: str) -> None:
        self._no_deadline()
        self._deadline = self._loop.call_at(self._loop.now() + seconds, lambda: self.kill(why))

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def see_off(loop: Loop, sock: socket.socket, handle: ProcessHandle) -> Departure:
    """Have a loader end that no keeper has."""
    return Departure(loop, LoaderLink(loop, sock, handle, lambda message: None, lambda why: None))


class Departure:
    """Sees a loader off: Quit, then SIGKILL after QUIT_TIMEOUT."""

    def __init__(self, loop: Loop, link: LoaderLink) -> None:
        self._loop, self._handle = loop, link.handle
        link.send(Quit())
        link.hang_up()
        self.over = False
        self.then: Callable[[], None] | None = None  # what waits for its end
        loop.add_reader(self._handle.fd, self._gone)
        self._force = loop.call_at(loop.now() + QUIT_TIMEOUT, lambda: self._handle.send_group(signal.SIGKILL))

    def _gone(self) -> None:
        if self._handle.gone:
            self._force.cancel()
            self._loop.remove(self._handle.fd)
            self._handle.close()
            self.over = True
            if self.then is not None:
                self.then()
