"""The simplest pipeline: a file arrives, an email goes out.

    python pipeline.py [FOLDER [HOST[:PORT] [TO]]]
    anacostiactl start pipeline.py

then write files into FOLDER/inbox (default: .demo beside this file). The SMTP server is localhost:25 unless said
otherwise.
"""

from __future__ import annotations

import smtplib
import sys
from email.message import EmailMessage
from pathlib import Path

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

HERE = Path(__file__).resolve().parent
DEFAULTS = [str(HERE / ".demo"), "localhost:25", "operator@localhost"]


class EmailNode(BaseActionNode):
    """Tells somebody which files arrived."""

    def __init__(self, name: str, inbox: FilesystemStoreNode, server: str, to: str) -> None:
        self.inbox = inbox
        self.host, _, port = server.partition(":")
        self.port = int(port or 25)
        self.to = to
        super().__init__(name, [inbox])

    def execute(self, *args: object, **kwargs: object) -> bool:
        arrived = self.inbox.list_artifacts("current")
        message = EmailMessage()
        message["Subject"] = f"{len(arrived)} new file(s) in run {self.run_id}"
        message["From"] = "anacostia@localhost"
        message["To"] = self.to
        # An attempt that dies between sending and saying so is repeated. Each attempt of a task has the same key, so
        # mail servers and readers know the second message for the first one.
        message["Message-ID"] = f"<{self.task_key.replace('/', '.')}@anacostia.localhost>"
        message.set_content("".join(f"{Path(file).name}\n" for file in arrived))
        with smtplib.SMTP(self.host, self.port, timeout=10) as server:
            server.send_message(message)
        self.log(f"told {self.to} of {len(arrived)} file(s)", level="INFO")
        return True


folder, smtp_server, recipient = sys.argv[1:4] + DEFAULTS[len(sys.argv[1:4]) :]
path = Path(folder).resolve()
(path / "inbox").mkdir(parents=True, exist_ok=True)

metadata_store = SqliteMetadataStore(name="metadata_store", uri=f"sqlite:///{path}/metadata.db")
inbox = FilesystemStoreNode("inbox", str(path / "inbox"), metadata_store)
alert = EmailNode("email", inbox, smtp_server, recipient)
pipeline = Pipeline(nodes=[metadata_store, inbox, alert], name="alert")

if __name__ == "__main__":
    pipeline.run()
