"""Asks the daemon, without holding up the event loop: a few connections, each used by one thread at a time, and a
bounded queue before them. Whoever comes when it is full is told so at once."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from anacostia_daemon.control.client import Client, DaemonBusy
from anacostia_daemon.paths import Home

T = TypeVar("T")

LINES = 4  # connections to the daemon
SLOW_LINES = 2  # … and those for what users' code makes, which may take long
MOST_WAITING = 128  # questions, asked and not answered
TIMEOUT = 15.0  # seconds for one answer


class Daemon:
    """The daemon of `home`. All methods are for the event loop's thread."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._threads = ThreadPoolExecutor(LINES, thread_name_prefix="ask")
        self._slow = ThreadPoolExecutor(SLOW_LINES, thread_name_prefix="ask-slowly")
        self._files = ThreadPoolExecutor(LINES, thread_name_prefix="read")
        self._clients: queue.SimpleQueue[Client] = queue.SimpleQueue()
        for _ in range(LINES + SLOW_LINES):
            self._clients.put(Client(home))
        self._waiting = 0

    async def ask(self, command: str, /, **arguments: Any) -> Any:
        """The result of a command. Raises ControlFailure: ControlRefused where the daemon says no."""
        return await self._run(self._threads, partial(self._ask, command, arguments))

    async def ask_slowly(self, command: str, /, **arguments: Any) -> Any:
        """As `ask`, where the answer may take long: nobody else is to wait for it."""
        return await self._run(self._slow, partial(self._ask, command, arguments))

    async def read(self, function: Callable[..., T], /, *arguments: Any) -> T:
        """What `function` returns, which reads files and may take a while."""
        return await self._run(self._files, partial(function, *arguments))

    def close(self) -> None:
        """Ask nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)
        self._files.shutdown(wait=False, cancel_futures=True)

    async def _run(self, threads: ThreadPoolExecutor, function: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise DaemonBusy("cannot answer now: too many questions wait for the daemon already; try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function)
        finally:
            self._waiting -= 1

    def _ask(self, command: str, arguments: dict[str, Any]) -> Any:
        client = self._clients.get()
        try:
            return client.request(command, arguments, timeout=TIMEOUT)
        finally:
            self._clients.put(client)
