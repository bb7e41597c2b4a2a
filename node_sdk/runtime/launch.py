"""What a process must know to become a node, and where its files and sockets lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from node_sdk.names import HISTORY
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
    shape: str = ""  # what the node is to be (changes.shape), for who loads the file once more, and …
    source: str = ""  # … the digest of the files that it was read from; empty: not known

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
    def pulse_file(self) -> Path:
        """Where the node writes that it lives (node_sdk.pulse)."""
        return self.inbox(self.node).with_suffix(".pulse")

    @property
    def history_file(self) -> Path:
        return Path(self.load.data_dir) / self.pipeline / HISTORY

    @property
    def link(self) -> str:
        """Endpoint of the daemon."""
        return f"ipc://{self.load.socket_dir}/link.sock"

    def inbox(self, node: str) -> Path:
        """Path of the socket that `node` of this pipeline is signalled at."""
        return Path(self.load.socket_dir) / self.pipeline / f"{node}.sock"

    def endpoint(self, node: str) -> str:
        """The inbox of `node`, as ZeroMQ calls it."""
        return f"ipc://{self.inbox(node)}"


def log_file(load: Load, pipeline: str, name: str) -> Path:
    """Where `name` of `pipeline` writes its log."""
    return Path(load.data_dir) / pipeline / "logs" / f"{name}.log"


def place_logs(load: Load, pipeline: str, environ: Mapping[str, str]) -> None:
    """Have the logs lie where a service's logs belong (systemd: LogsDirectory=). A link in the data directory, so that
    whoever knows that finds them, also from outside of the service. What is there already stays where it is."""
    elsewhere = environ.get("LOGS_DIRECTORY", "").split(":")[0]
    link = Path(load.data_dir) / pipeline / "logs"
    if elsewhere and not link.exists() and not link.is_symlink():
        place = Path(elsewhere) / pipeline
        for folder in (place, link.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        link.symlink_to(place)
