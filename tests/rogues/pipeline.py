"""A pipeline with one rogue in the middle:  pipeline.py ROGUE FOLDER [TIMES]

    metadata_store ──► inbox ──► rogue ──► after

ROGUE is the name of a file in this folder; it misbehaves in the first TIMES attempts of each run (default 1).
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from node_sdk import BaseActionNode, BaseNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode


class After(BaseActionNode):
    """Shows that the run went on."""

    def __init__(self, name: str, predecessors: list[BaseNode], metadata_store: SqliteMetadataStore) -> None:
        super().__init__(name, predecessors)
        self.metadata_store = metadata_store

    def execute(self, *args: object, **kwargs: object) -> bool:
        self.metadata_store.log_metrics(went_on=1)
        return True


name, folder, *times = sys.argv[1:]
metadata_store = SqliteMetadataStore("metadata_store", f"sqlite:///{Path(folder).resolve()}/metadata.db")
inbox = FilesystemStoreNode("inbox", f"{Path(folder).resolve()}/inbox", metadata_store)
rogue = importlib.import_module(name).Rogue("rogue", [inbox], int(times[0]) if times else 1)
after = After("after", [rogue], metadata_store)
pipeline = Pipeline([metadata_store, inbox, rogue, after], name=name)
