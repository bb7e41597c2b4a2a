"""Rows of a table as artifacts: no row twice and none skipped, whatever order transactions commit in."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import os
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal

from node_sdk.errors import ArtifactNotFound, InvalidPipeline, ResourceUnavailable
from node_sdk.nodes.base import Loggers
from node_sdk.resources.horizon import Horizon
from node_sdk.resources.listing import Listed, mark_of
from node_sdk.resources.polled import PolledResourceNode
from node_sdk.resources.polling import Polling
from node_sdk.urls import without_secrets
from node_sdk.wire.store import ArtifactState, Found, RecordArtifacts, Select, SetTags

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.resources.listener import Listener
    from node_sdk.resources.sql_rows import SqlRows
    from node_sdk.triggers import Trigger

SAFE = "safe_watermark"  # tag of the node: all rows up to this are recorded
ORDERLY = ("postgresql", "sqlite")  # who can say which transactions are still open, or has but one


class SqlTableResourceNode(PolledResourceNode):
    """The rows of `table` (`name` or `schema.name`) in the database at `url`, a URL of SQLAlchemy.

    By `watermark`: a column that the database fills as a row is written, from a sequence (with CACHE 1) or its own
    clock; a row is an artifact once in each value of it, so one that each UPDATE sets anew gives versions. On
    PostgreSQL and SQLite, rows that commit late are found, however late. Elsewhere, and where clients fill the column,
    `overlap` says how far back (in its own unit; seconds for times) a row may appear behind the highest.

    By `outbox`: a column that is empty until a row was recorded durably, and is then filled (with the time, 1 or true).
    This needs the right to write, and no order of anything.

    A row is named by `key`, by default the primary key. `content`: the column whose value is the bytes of the
    artifact; else they are the row as JSON. `notify`: a channel of PostgreSQL on which writers NOTIFY; then the
    interval of `polling` is only for what was not heard. `init_state="old"`: rows that are there at the first start are
    not new.
    """

    def __init__(
        self,
        name: str,
        url: str,
        metadata_store: BaseMetadataStoreNode,
        init_state: Literal["new", "old"] = "new",
        loggers: Loggers = None,
        *,
        table: str,
        watermark: str | None = None,
        outbox: str | None = None,
        key: str | Sequence[str] = (),
        content: str | None = None,
        overlap: float = 0,
        notify: str | None = None,
        polling: Polling | None = None,
        trigger: Trigger | None = None,
    ) -> None:
        shown = f"{without_secrets(url)}#{table}"
        super().__init__(name, shown, metadata_store, loggers, True, polling=polling, trigger=trigger)
        if (watermark is None) == (outbox is None):
            raise InvalidPipeline(f"cannot watch table {table!r} with {name!r}: give either watermark= or outbox=")
        if init_state not in ("new", "old"):
            raise InvalidPipeline(f"cannot use init_state={init_state!r} for {name!r}: it is 'new' or 'old'")
        if overlap < 0 or (overlap and outbox):
            raise InvalidPipeline(f"cannot use overlap={overlap!r} for {name!r}: 0 or more, and with a watermark only")
        if watermark and not overlap and not url.startswith(ORDERLY):
            raise InvalidPipeline(
                f"cannot watch table {table!r} with {name!r} by watermark: this database does not say which "
                "transactions are still open, so rows that commit late would be skipped; give overlap=, or use outbox="
            )
        if notify and not url.startswith("postgresql"):
            raise InvalidPipeline(f"cannot use notify={notify!r} for {name!r}: only PostgreSQL notifies")
        self._url, self.table, self.content = url, table, content
        self.key = (key,) if isinstance(key, str) else tuple(key)
        self.watermark, self.outbox, self.overlap, self.notify = watermark, outbox, overlap, notify
        self.init_state: ArtifactState = init_state
        self._opened: tuple[int, SqlRows] | None = None
        self._horizon: Horizon | None = None
        self._listener: Listener | None = None

    @property
    def rows(self) -> SqlRows:
        """The table, opened in this process."""
        if self._opened is None or self._opened[0] != os.getpid():
            from node_sdk.resources.sql_rows import SqlRows

            self._opened = (os.getpid(), SqlRows(self._url, self.table, self.key))
        return self._opened[1]

    # ---- watching

    def poll(self) -> None:
        """Record the rows that are news."""
        self._listen()
        first = self.init_state != "new" and self.is_first_look()
        state = self.init_state if first else "new"
        with self.rows.held():
            if self.watermark is not None:
                self._by_watermark(self.watermark, state)
            elif self.outbox is not None:
                self._by_outbox(self.outbox, state)
        self.first_look_is_done()

    def stop_monitoring(self) -> None:
        super().stop_monitoring()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def watched_fd(self) -> int | None:
        return None if self._listener is None else self._listener.fileno()

    def _listen(self) -> None:
        """Before the table is read: what is written after that is heard."""
        if self.notify is None:
            return
        if self._listener is not None and self._listener.drain():
            return
        from node_sdk.resources.listener import Listener

        self._listener = None
        with self.rows.connected():  # whose words say that a server is away
            self._listener = Listener(self.rows.engine, self.notify)

    def _by_watermark(self, column: str, state: ArtifactState) -> None:
        horizon = self._horizon or Horizon(self._recorded_horizon())
        highest = self.rows.highest(column)  # first this, …
        open_now = self.rows.open_transactions()  # … then who is at work, and then the rows: see Horizon
        self.record_listing(self._listing(column, horizon.safe), self._describe, state)
        self._horizon = horizon.moved(highest, open_now)
        if self._horizon.safe != horizon.safe:
            safe = _plain(self._horizon.safe)
            binding = self.bound("keep a watermark")
            binding.store.ask(SetTags(None, binding.incarnation, {SAFE: {"column": column, "value": safe}}))

    def _listing(self, column: str, safe: Any) -> Iterator[list[Listed]]:
        for page in self.rows.from_watermark(column, _lowered(safe, self.overlap)):
            yield [
                Listed(self.rows.location(row), 0, mark_of(_plain(row.watermark)), f"{column} {_plain(row.watermark)}")
                for row in page
            ]

    def _describe(self, listed: Listed, known: dict[str, Any] | None) -> Found:
        return Found(listed.location, listed.identity, listed.size, listed.mark)

    def _by_outbox(self, column: str, state: ArtifactState) -> None:
        store = self.bound("record rows").store
        before: list[Any] = []
        while (rows := self.rows.not_taken(column)) and rows != before:  # else the database takes no notice of us
            listed = [Listed(self.rows.location(row), 0, 0, "row") for row in rows]
            found = tuple(Found(each.location, each.identity, each.size) for each in self.nameable(listed))
            store.ask(RecordArtifacts(self.name, found, state))  # durable, before anybody is told that it was taken
            self.rows.take(column, rows)
            before = rows

    def _recorded_horizon(self) -> Any:
        where = {"run_id": 0, "node": self.name, "key": SAFE}
        found = self.bound("find a watermark").store.ask(Select("tags", where))
        kept = json.loads(found[0]["value"]) if found else {}
        if kept.get("column") != self.watermark:
            return None  # none yet, or of another column: from the beginning, where what is known is no news
        return _as_type(kept["value"], self.rows.column(self.watermark or "").type.python_type)

    # ---- the artifacts

    def load_artifact(self, location: str) -> dict[str, Any]:
        """The row, by column. ArtifactNotFound where it is gone; ResourceUnavailable where the database is away."""
        row = self.rows.row(location)
        if row is None:
            raise ArtifactNotFound(
                f"cannot read artifact {location!r} of resource {self.name!r}: the row is gone; it was there when "
                "it was recorded. Rows must stay until their run has ended"
            )
        return row

    def open_artifact(self, location: str, mode: Literal["r", "rb"] = "rb") -> IO[Any]:
        """The column `content` of the row, or all of it as JSON, as a file of bytes (`rb`) or text (`r`, UTF-8)."""
        row = self.load_artifact(location)
        if self.content is None:
            value: Any = json.dumps({name: _plain(value) for name, value in row.items()})
        elif self.content in row:
            value = row[self.content]
        else:
            raise ResourceUnavailable(f"cannot read row {location!r} of {self.name!r}: no column {self.content!r}")
        data = bytes(value) if isinstance(value, (bytes, memoryview)) else str("" if value is None else value).encode()
        return io.BytesIO(data) if mode == "rb" else io.StringIO(data.decode(), newline=None)


def _plain(value: Any) -> Any:
    """As JSON holds it."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _as_type(value: Any, kind: type) -> Any:
    if issubclass(kind, (datetime.datetime, datetime.date)):
        return kind.fromisoformat(value)
    return decimal.Decimal(value) if issubclass(kind, decimal.Decimal) else value


def _lowered(safe: Any, overlap: float) -> Any:
    if safe is None or not overlap:
        return safe
    if isinstance(safe, (datetime.datetime, datetime.date)):
        return safe - datetime.timedelta(seconds=overlap)
    return safe - (decimal.Decimal(str(overlap)) if isinstance(safe, decimal.Decimal) else overlap)
