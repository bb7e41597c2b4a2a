"""The peers that have chains: DBOS, a workflow of steps; and anacostia-pipeline 0.8.9, with the same folder and the
same bell as our chain, whose stamps come by question.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import pairwise

from benchmarks.chain.chain import Chain
from benchmarks.harness import Talk, installed
from benchmarks.harness.daemon import short_folder


class AnacostiaPipeline:
    """`chain` moves files in and hears the bell."""

    def __init__(self, chain: Chain, talk: Talk) -> None:
        self.chain, self._talk = chain, talk

    def trigger(self) -> float:
        """As Chain.trigger."""
        moved = self.chain.drop()
        self.chain.heard()
        first, *_ = self._talk.ask("moments")
        begun: int = next(began for began, _ in first if began > moved)
        return (begun - moved) / 1e6

    def hops(self) -> list[float]:
        """As Chain.hops; the n-th execution of a link belongs to the n-th of the link before it."""
        links = self._talk.ask("moments")
        return [
            (began - ended) / 1e6
            for before, after in pairwise(links)
            for (_, ended), (began, _) in zip(before, after, strict=False)
        ]


@contextlib.contextmanager
def anacostia_pipeline(length: int) -> Iterator[AnacostiaPipeline]:
    peer = installed("anacostia-pipeline")
    with short_folder() as folder:
        chain = Chain(folder, length)
        with peer.talk("anacostia_chain.py", folder, str(length)) as talk:
            talk.ask("moments")  # it is up
            try:
                yield AnacostiaPipeline(chain, talk)
            finally:
                chain.close()


@contextlib.contextmanager
def dbos() -> Iterator[Talk]:
    """The questions it answers: see peers/inside/dbos_chain.py."""
    with short_folder() as folder, installed("dbos").talk("dbos_chain.py", folder) as talk:
        yield talk
