"""Deliveries of webhooks as artifacts: files of a folder, whole and on the disk before the sender hears that they were
taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import shutil
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from node_sdk.errors import AnacostiaError, InvalidPipeline
from node_sdk.resources import staging
from node_sdk.resources.filesystem import FilesystemStoreNode
from node_sdk.resources.polling import Polling
from node_sdk.resources.signing import SCHEMES, Rejected, Scheme, checked
from node_sdk.wire.store import Found, Select

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.resources.receiving import Receiver

PATIENCE = 20.0  # seconds that a sender is kept waiting while the store is away, or the node is paused
MOST_KEPT = 64  # deliveries that wait to be recorded
LONGEST_NAME = 150  # characters of a file's name that come from an id as they are


@dataclass(slots=True)
class Arrived:
    """A delivery that is believed, and what its sender is told once it is `done`; until then, to come again."""

    name: str
    body: bytes
    done: threading.Event = field(default_factory=threading.Event)
    status: int = 503
    words: str = "it cannot be kept now"


class WebhookResourceNode(FilesystemStoreNode):
    """Takes signed POSTs at `http://host:port/path`; each is a file of the folder `resource_path`, named by its id.

    `secret`: a Secret of node_sdk.actions. `scheme`: "standard" (standardwebhooks.com: id, time and body are signed,
    and `window` seconds are how old a delivery may be) or "github" (the body is signed). `max_bytes` of one
    delivery. The answer is 200 once the file is on the disk and recorded; the same id with the same body again is
    answered 200 and is no news, with another body 409. It speaks no TLS and listens on loopback: put a web server that
    does before it.
    What else FilesystemStoreNode takes may be given as well.
    """

    def __init__(
        self,
        name: str,
        resource_path: str | os.PathLike[str],
        metadata_store: BaseMetadataStoreNode,
        *given: Any,
        port: int,
        secret: Any,
        path: str = "/",
        host: str = "127.0.0.1",
        scheme: Scheme = "standard",
        window: float = 300.0,
        max_bytes: int = 1024 * 1024,
        **settings: Any,
    ) -> None:
        super().__init__(name, resource_path, metadata_store, *given, **settings)
        if not callable(getattr(secret, "read", None)):
            raise InvalidPipeline(
                f"cannot make resource {name!r}: give its secret as from_file(…) or from_environment(…), not as it is"
            )
        if scheme not in SCHEMES:
            raise InvalidPipeline(f"cannot use scheme={scheme!r} for {name!r}: it is one of {', '.join(SCHEMES)}")
        if type(port) is not int or not 0 < port < 65536:
            raise InvalidPipeline(f"cannot use port={port!r} for {name!r}: a whole number from 1 to 65535 is needed")
        if not path.startswith("/") or max_bytes < 1 or not window > 0:
            raise InvalidPipeline(
                f"cannot make resource {name!r}: path begins with /, max_bytes and window are above 0, "
                f"not {path!r}, {max_bytes!r}, {window!r}"
            )
        self.host, self.port, self.path = host, port, path
        self.secret, self.scheme, self.window, self.max_bytes = secret, scheme, window, max_bytes
        self._receiver: Receiver | None = None
        self._arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self._failures = 0
        self._again_at: float | None = None
        self._trouble: str | None = None

    # ---- watching

    def start_monitoring(self) -> None:
        """Look through the folder, then listen: what was taken before a crash is recorded first."""
        shutil.rmtree(self._halves(), ignore_errors=True)  # nobody was told that these were taken
        super().start_monitoring()
        self._listen()

    def stop_monitoring(self) -> None:
        """Take no more deliveries; senders come again."""
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None
        self._again_at = None
        super().stop_monitoring()

    def look(self) -> None:
        self._take_all()
        super().look()
        if self._receiver is None and self._again_at is not None and time.monotonic() >= self._again_at:
            self._listen()

    def look_at(self) -> float | None:
        if not self._arrived.empty():
            return time.time()
        if self._again_at is None:
            return None
        return time.time() + max(self._again_at - time.monotonic(), 0.0)

    def trouble(self) -> str | None:
        return self._trouble

    def _listen(self) -> None:
        # imported here: only the process that listens needs it
        from node_sdk.resources.receiving import Receiver

        try:
            self._receiver = Receiver(self.host, self.port, self.path, self.max_bytes, self._take)
        except OSError as error:
            self._failures += 1
            self._again_at = time.monotonic() + Polling(backoff_max=30.0).wait(self._failures, 0.5)
            words = f"cannot listen at {self.host}:{self.port} for resource {self.name!r}: {error.strerror or error}"
            if words != self._trouble:
                self.log(f"{words}; trying again until it can", "ERROR")
            self._trouble = words
        else:
            self._failures, self._again_at, self._trouble = 0, None, None
            self.log(f"takes deliveries at http://{self.host}:{self.port}{self.path}", "INFO")

    # ---- one delivery; in a thread of its own …

    def _take(self, headers: dict[str, str], body: bytes) -> str:
        """Have a delivery kept; what the sender is told. Rejected where it is not kept."""
        try:
            delivery = checked(self.scheme, self.secret.read(), headers, body, time.time(), self.window)
        except Rejected as rejected:
            self.log(f"a delivery was not taken: {rejected}", "WARNING")
            raise
        except AnacostiaError as error:
            self.log(f"cannot check a delivery: {error}", "ERROR")
            raise Rejected(503, "its signature cannot be checked now") from error
        if self._arrived.qsize() >= MOST_KEPT:  # nobody takes them: paused, or the store is away
            raise Rejected(503, "it cannot be kept now: come again")
        arrived = Arrived(file_name(delivery), body)
        self._arrived.put(arrived)  # the main thread alone speaks to the store
        self.bound("take a delivery").wake()
        if not arrived.done.wait(PATIENCE):
            raise Rejected(503, "it cannot be kept now: come again")  # and should it be kept after all, it is known
        if arrived.status != 200:
            raise Rejected(arrived.status, arrived.words)
        return arrived.words

    # ---- … and in the main one

    def _take_all(self) -> None:
        """What has arrived until now. A sender whose patience was over is not waited for, its delivery is kept."""
        for _ in range(self._arrived.qsize()):
            arrived = self._arrived.get()
            try:
                arrived.status, arrived.words = self._take_once(arrived.name, arrived.body)
            except OSError as error:
                self.log(f"cannot keep a delivery: {error}", "ERROR")
                arrived.status, arrived.words = 503, "it cannot be kept now"
            finally:
                arrived.done.set()

    def _take_once(self, name: str, body: bytes) -> tuple[int, str]:
        digest = hashlib.sha256(body).hexdigest()
        known = self._known(name)
        if known is not None:
            return (200, "known") if known == digest else (409, "another delivery has this id")
        status = self._keep(name, body)
        self._record(Found(name, digest, status.st_size, status.st_mtime_ns), "new")
        return 200, "taken"

    def _known(self, name: str) -> str | None:
        """The sha256 of what was delivered under this name before, also where its file is gone by now."""
        where = {"resource": self.name, "location": name, "latest": True}
        rows = self.bound("record a delivery").store.ask(Select("artifacts", where))
        if rows:
            return str(rows[0]["sha256"])
        try:
            described = staging.hash_of(self.to_path(name))
        except OSError:
            return None
        if described is None:
            return None
        self._record(Found(name, *described), "new")  # kept, and a crash came before it was recorded
        return described[0]

    def _halves(self) -> Path:
        """Where a delivery is until it is whole."""
        return Path(self.resource_path) / staging.OWN_FOLDER / "received"

    def _keep(self, name: str, body: bytes) -> os.stat_result:
        """The file, whole, and on the disk with its name."""
        folder = Path(self.resource_path)
        self._halves().mkdir(parents=True, exist_ok=True)
        half = self._halves() / uuid.uuid4().hex
        try:
            with half.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            half.replace(folder / name)
        finally:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return (folder / name).stat()


def file_name(delivery: str) -> str:
    """A name that no pattern hides and no other id has."""
    plain = quote(delivery, safe="").replace(".", "%2E").replace("~", "%7E")
    if len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[:50]}-{hashlib.sha256(delivery.encode()).hexdigest()}"
