"""Every store of ours keeps the contract."""

import hashlib
from pathlib import Path

import pytest
from postgres import Postgres

from node_sdk.metadata import SqliteMetadataStore, SqlMetadataStore
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.nodes.store import BaseMetadataStoreNode
from node_sdk.testing.contracts import StoreContract, TablesContract


class TestSqlite(StoreContract):
    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return SqliteMetadataStore("store", f"sqlite:///{folder}/runs ü%3F.db", synchronous="NORMAL")


class TestSqlUrl(StoreContract):
    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return SqlMetadataStore("store", f"sqlite:///{folder}/runs.db")


class TestPostgresql(StoreContract):
    @pytest.fixture(autouse=True)
    def server(self, postgres_server: Postgres) -> None:
        self.postgres = postgres_server

    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        schema = hashlib.sha256(bytes(folder)).hexdigest()
        return SqlMetadataStore("store", self.postgres.uri("postgres", schema=f'Ü "{schema[:20]}'))


class TestMemory(TablesContract):
    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return MemoryMetadataStore()
