"""A pipeline whose node `work` has limits:  limited_pipeline.py FOLDER JSON

JSON: {"limits": {…}, "start_method", "essential", "max_restarts"}. `work` does what the file says that comes in:
`grow MIB`, `child MIB` (a child of it grows), `orphan MIB` (a child's child that lost its parent), `bare MIB` (one that
has no environment either), `exit`, or nothing.
Whoever loads this file leaves FOLDER/loaded/PID with its nice value and its umask.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from node_sdk import BaseActionNode, BaseNode, Limits, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

folder = Path(sys.argv[1]).resolve()
settings = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
umask = os.umask(0)
os.umask(umask)
(folder / "loaded").mkdir(exist_ok=True)
(folder / f"loaded/{os.getpid()}").write_text(f"{os.getpriority(os.PRIO_PROCESS, 0)} {umask:o}")

GROW = "import signal; balloon = bytearray(b'x') * ({mib} << 20); signal.pause()"


class Work(BaseActionNode):
    limits = Limits(**settings.get("limits", {}))
    start_method = settings.get("start_method", "fork")
    essential = settings.get("essential", False)
    restart = RestartPolicy(max_restarts=settings.get("max_restarts", 5), backoff_initial=0.05)

    def __init__(self, name: str, predecessors: list[BaseNode], inbox: FilesystemStoreNode) -> None:
        self.inbox = inbox
        super().__init__(name, predecessors)

    def execute(self, *args: object, **kwargs: object) -> bool:
        what, _, mib = self.inbox.load_artifact(self.inbox.list_artifacts("current")[0]).strip().partition(" ")
        if self.attempt > 1:
            return True
        if what == "grow":
            balloon = bytearray(b"x") * (int(mib) << 20)
            time.sleep(60)
            return bool(balloon)
        if what == "child":
            subprocess.run([sys.executable, "-S", "-c", GROW.format(mib=mib)])
        if what == "orphan":
            script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {GROW.format(mib=mib)!r}])"
            subprocess.run([sys.executable, "-S", "-c", script], start_new_session=True)
            time.sleep(60)
        if what == "bare":  # in our session: with one of its own, too, nobody would know whose it is
            script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {GROW.format(mib=mib)!r}])"
            subprocess.run([sys.executable, "-S", "-c", script], env={})
            time.sleep(60)
        if what == "exit":
            os._exit(3)
        return True


store = SqliteMetadataStore("store", f"sqlite:///{folder}/metadata.db")
inbox = FilesystemStoreNode("inbox", folder / "inbox", store)
work = Work("work", [inbox], inbox)
pipeline = Pipeline([store, inbox, work], name="limited")
