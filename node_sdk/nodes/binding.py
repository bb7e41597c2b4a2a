"""What ties the node objects of one process to the running pipeline: which node lives here, and the way to the truth.

A node object is a handle (DESIGN: parts). Every process has all of the pipeline's node objects; one `Binding`,
shared by them all, says whose process it is, how to reach the metadata store, and which task is being executed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from node_sdk.wire.store import Operation, Output


class StoreAccess(Protocol):
    """The way to the metadata store: a socket in most processes, a plain call in the store's own."""

    def ask(self, operation: Operation) -> Any:
        """The durable answer to `operation`. Waits while the store is away.

        Raises Refused where the store says no, Fenced where a newer incarnation of this node is at work.
        """

    def tell(self, operation: Operation) -> None:
        """Send `operation` and go on. It is durable before any later `ask` of this process is answered."""


@dataclass(slots=True)
class Task:
    """The task that this process executes now."""

    run_id: int
    node: str
    attempt: int
    store_id: str = ""
    logged: int = 0  # how often this attempt has logged metrics; numbers them for the store
    outputs: list[Output] = field(default_factory=list)  # staged, recorded with the completion (law 5)

    @property
    def key(self) -> str:
        """Idempotency key of the task: the same for each attempt, different for each (store, run, node)."""
        return f"{self.store_id}/{self.run_id}/{self.node}"


@dataclass(slots=True)
class Binding:
    """Shared by all node objects of one process. `wake` asks the process to look at its resource again."""

    pipeline: str
    node: str
    incarnation: int
    store: StoreAccess
    wake: Callable[[], None]
    task: Task | None = None
    store_id: str = ""  # random, of the store; empty where nobody has welcomed this process, as in a rehearsal


@dataclass(slots=True)
class Bond:
    """Where node objects find their binding, all of a pipeline in one place; None while it does not run here."""

    binding: Binding | None = None
