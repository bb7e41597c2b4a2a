"""What a key and a table of the configuration are. The tables themselves are in tables.py; documentation, validation,
environment and `config show` all follow from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anacostia_daemon.config.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key. `default` is what holds where nobody says anything; `default_words` says it where a value cannot."""

    name: str
    kind: Kind
    meaning: str
    default: Any = None
    default_words: str = ""
    unit: str = ""
    required: bool = False
    live: bool = False  # counts at once when the configuration is read again; else at the next start
    secret: bool = False  # its values are never shown; those of a table: its names are


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table, with the tables in it. `named`: a table of such tables, each under a name that the user chooses."""

    name: str
    meaning: str
    keys: tuple[Key, ...] = ()
    tables: tuple[Table, ...] = ()
    named: str = ""  # what the name stands for in headings: PIPELINE

    @property
    def key_by_name(self) -> dict[str, Key]:
        return {key.name: key for key in self.keys}

    @property
    def table_by_name(self) -> dict[str, Table]:
        return {table.name: table for table in self.tables}
