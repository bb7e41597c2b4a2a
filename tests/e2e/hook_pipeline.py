"""Deliveries as input: `hook_pipeline.py FOLDER PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

from node_sdk import Pipeline
from node_sdk.actions import PythonActionNode, action, from_environment
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import WebhookResourceNode

folder, port = Path(sys.argv[1]), int(sys.argv[2])
store = SqliteMetadataStore("metadata_store", f"sqlite:///{folder}/hook.db")
hook = WebhookResourceNode("hook", folder / "hook", store, port=port, secret=from_environment("HOOK"))


@action(hook)
def count(node: PythonActionNode) -> None:
    store.log_metrics(claimed=len(hook.list_artifacts("current")))


pipeline = Pipeline([store, hook, count], name="hooks")
