"""Every store of ours keeps the contract."""

from pathlib import Path

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


class TestMemory(TablesContract):
    def make_store(self, folder: Path) -> BaseMetadataStoreNode:
        return MemoryMetadataStore()
