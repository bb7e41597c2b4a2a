"""What a process must know to become a node, and where its files and sockets lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from node_sdk.policy import Limits
from node_sdk.wire.codec import Message
from node_sdk.wire.loader import Load, Query

MARK_VARIABLE = "ANACOSTIA_MARK"  # in the environment of a node and all its descendants: whose family they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch(Message):
    """Incarnation `incarnation` of `node`. `pipeline` is the name it runs under, which is not always its own.

    `query` is set for a process that is to answer one request from the store's files and end (see query.py).
    """

    load: Load
    pipeline: str
    node: str
    incarnation: int = 0
    paused: bool = False
    crashed: bool = False
    limits: Limits = field(default_factory=Limits)
    query: Query | None = None

    @property
    def mark(self) -> str:
        """The value of MARK_VARIABLE: home, pipeline, node, incarnation."""
        return f"{Path(self.load.socket_dir).name}/{self.pipeline}/{self.node}/{self.incarnation}"

    @property
    def log_file(self) -> Path:
        return log_file(self.load, self.pipeline, self.node)

    @property
    def flight_file(self) -> Path:
        return Path(self.load.data_dir) / self.pipeline / "flight" / self.node

    @property
    def link(self) -> str:
        """Endpoint of the daemon."""
        return f"ipc://{self.load.socket_dir}/link.sock"

    def inbox(self, node: str) -> Path:
        """Path of the socket that `node` of this pipeline is signalled at."""
        return Path(self.load.socket_dir) / self.pipeline / f"{node}.sock"


def log_file(load: Load, pipeline: str, name: str) -> Path:
    """Where `name` of `pipeline` writes its log."""
    return Path(load.data_dir) / pipeline / "logs" / f"{name}.log"
