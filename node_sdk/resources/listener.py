"""Hears NOTIFY of a PostgreSQL server: a descriptor for the main loop. A wake-up, never the truth: what is lost costs
until the next poll."""

from __future__ import annotations

from typing import Any

from node_sdk.errors import ResourceUnavailable


class Listener:
    """LISTEN on `channel`, over a connection of its own made with `engine`."""

    def __init__(self, engine: Any, channel: str) -> None:
        import psycopg

        self._error = psycopg.Error
        self._connection: Any = None
        raw = engine.raw_connection()
        self._connection = raw.driver_connection
        raw.detach()
        try:
            self._connection.autocommit = True
            self._connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        except psycopg.Error as error:
            self.close()
            raise ResourceUnavailable(f"cannot listen on channel {channel!r}: {error}") from error

    def fileno(self) -> int | None:
        """Readable when somebody has notified, or the connection broke."""
        return None if self._connection is None else int(self._connection.fileno())

    def drain(self) -> bool:
        """Take away what was heard. False where the connection is gone."""
        try:
            self._connection.pgconn.consume_input()
            while self._connection.pgconn.notifies():
                pass
        except self._error:
            self.close()
            return False
        return True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
