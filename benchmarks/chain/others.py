"""The peers that have chains: DBOS, a workflow of steps; and anacostia-pipeline 0.8.9, with the same folder and the
same bell as our chain, whose stamps come by question. Both poll, so they are stopped while it is not their turn.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from benchmarks.chain.chain import Chain
from benchmarks.harness import Talk, installed
from benchmarks.harness.daemon import short_folder

SETTLING = 0.15  # seconds after it was stopped: its next look at the folder is no longer overdue


class Dbos:
    """The questions it answers: see peers/inside/dbos_chain.py."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def ask(self, *question: Any) -> Any:
        with awake(self._talk):
            return self._talk.ask(*question)


class AnacostiaPipeline:
    """Files are moved into the folder of `chain`, which hears the bell."""

    def __init__(self, chain: Chain, talk: Talk) -> None:
        self._chain, self._talk = chain, talk

    def triggers(self, times: int) -> list[float]:
        """As Chain.trigger."""
        found = []
        with awake(self._talk, SETTLING):
            for _ in range(times):
                moved = self._chain.drop()
                self._chain.heard()
                first, *_ = self._talk.ask("moments")
                found.append((next(began for began, _ in first if began > moved) - moved) / 1e6)
        return found

    def hops(self, runs: int) -> list[float]:
        """As Chain.hops; the n-th execution of a link belongs to the n-th of the link before it."""
        with awake(self._talk, SETTLING):
            self._chain.runs(runs)
            links = self._talk.ask("moments")
        return [
            (began - ended) / 1e6
            for before, after in pairwise(links)
            for (_, ended), (began, _) in zip(before, after, strict=False)
        ]

    def rate(self, runs: int) -> float:
        """Runs per second."""
        with awake(self._talk, SETTLING):
            return runs / self._chain.runs(runs)


@contextlib.contextmanager
def dbos() -> Iterator[Dbos]:
    """Ready, and stopped."""
    with short_folder() as folder, installed("dbos").talk("dbos_chain.py", folder) as talk, stopped(talk):
        yield Dbos(talk)


@contextlib.contextmanager
def anacostia_pipeline(length: int) -> Iterator[AnacostiaPipeline]:
    """Ready, and stopped."""
    peer = installed("anacostia-pipeline")
    with (
        short_folder() as folder,
        contextlib.closing(Chain(folder, length)) as chain,
        peer.talk("anacostia_chain.py", folder, str(length)) as talk,
    ):
        talk.ask("moments")  # answered once it is up
        with stopped(talk):
            yield AnacostiaPipeline(chain, talk)


@contextlib.contextmanager
def stopped(talk: Talk) -> Iterator[None]:
    """The peer takes no time of anybody's, until it is its turn."""
    os.kill(talk.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(talk.pid, signal.SIGCONT)


@contextlib.contextmanager
def awake(talk: Talk, settling: float = 0.0) -> Iterator[None]:
    """It is the turn of the peer."""
    os.kill(talk.pid, signal.SIGCONT)
    time.sleep(settling)
    try:
        yield
    finally:
        os.kill(talk.pid, signal.SIGSTOP)
