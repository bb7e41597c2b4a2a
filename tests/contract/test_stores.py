"""Every store of ours keeps the contract."""

from pathlib import Path

import pytest
from postgres import Postgres

from node_sdk.metadata import SqliteMetadataStore, SqlMetadataStore
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.metadata.schema import TABLES
from node_sdk.nodes.store import BaseMetadataStoreNode
from node_sdk.testing.contracts import StoreContract, TablesContract


class TestSqlite(StoreContract):
    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return SqliteMetadataStore("store", f"sqlite:///{folder}/runs ü%3F.db", synchronous="NORMAL")


class TestSqlUrl(StoreContract):
    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return SqlMetadataStore("store", f"sqlite:///{folder}/runs.db")


class TestPostgresql(StoreContract):
    """Each test finds the tables empty, not made anew: that is most of the time they would take."""

    @pytest.fixture(autouse=True)
    def uri(self, postgres_server: Postgres) -> None:
        self.served = postgres_server.uri("postgres", schema='Ü "contract')
        if postgres_server.do("SELECT 1 FROM pg_namespace WHERE nspname = 'Ü \"contract'"):
            tables = [f'"Ü ""contract".{name}' for name in TABLES]
            deletes = [f"DELETE FROM {table}; SELECT setval('{table}_id_seq', 1, false)" for table in tables]
            postgres_server.do("; ".join(deletes))

    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return SqlMetadataStore("store", self.served)


class TestMemory(TablesContract):
    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return MemoryMetadataStore()
