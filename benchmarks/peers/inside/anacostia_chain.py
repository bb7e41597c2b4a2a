"""A folder and a chain of actions in anacostia-pipeline 0.8.9 (threads of one process). It signals through its web
server, which is therefore up. Its main thread waits; that of its README spins, and makes it four times as slow.

    anacostia_chain.py FOLDER LENGTH

The last action rings: one byte into FOLDER/bell. The first reads the new files, as its documentation does, which is
what makes them old. moments: since the last question, the moments at which each action began and ended.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from pathlib import Path

from anacostia_pipeline.nodes.actions.node import BaseActionNode
from anacostia_pipeline.nodes.metadata.sql.sqlite.node import SQLiteMetadataStoreNode
from anacostia_pipeline.nodes.resources.filesystem.node import FilesystemStoreNode
from anacostia_pipeline.pipelines.pipeline import Pipeline
from anacostia_pipeline.pipelines.server import AnacostiaServer, PipelineServer
from answering import serve

folder, length = Path(sys.argv[1]), int(sys.argv[2])
bell = os.open(folder / "bell", os.O_RDWR)
quiet = logging.getLogger("quiet")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


class Link(BaseActionNode):
    def __init__(self, number: int, inbox: FilesystemStoreNode, before: list) -> None:
        self.number, self.inbox = number, inbox
        self.moments: list[tuple[int, int]] = []
        super().__init__(f"link{number}", predecessors=before)

    def execute(self, *args: object, **kwargs: object) -> bool:
        began = time.monotonic_ns()
        if self.number == 1:
            for each in self.inbox.list_artifacts("new"):
                with self.inbox.load_artifact(each):
                    pass
        self.moments.append((began, time.monotonic_ns()))
        if self.number == length:
            os.write(bell, b"!")
        return True


def taken() -> list[list[tuple[int, int]]]:
    found = [each.moments for each in links]
    for each in links:
        each.moments = []
    return found


(folder / "store").mkdir()
store = SQLiteMetadataStoreNode(name="store", uri=f"sqlite:///{folder}/store/metadata.db")
inbox = FilesystemStoreNode("inbox", str(folder / "inbox"), metadata_store=store)
links: list[Link] = []
for number in range(1, length + 1):
    links.append(Link(number, inbox, [links[-1] if links else inbox]))
pipeline = Pipeline(name="chain", nodes=[store, inbox, *links], loggers=quiet)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
config = PipelineServer(name="chain", pipeline=pipeline, host="127.0.0.1", port=port).get_config()
config.host = "127.0.0.1"
with AnacostiaServer(config=config).run_in_thread():
    serve({"moments": taken})
    os._exit(0)
