"""The pipelines that the figures start, as texts: what a user would write, and no more."""

from __future__ import annotations

IMPORTS = "import numpy, sklearn.linear_model"

_HEAD = """
{imports}
import os, sys, time
from pathlib import Path
from node_sdk import BaseActionNode, Pipeline, RestartPolicy
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

folder = Path(sys.argv[1])


class Work(BaseActionNode):
    restart = RestartPolicy(max_restarts=None, backoff_initial=0)
"""

_TAIL = """

store = SqliteMetadataStore("store", f"sqlite:///{{folder}}/{name}.db")
inbox = FilesystemStoreNode("inbox", folder / "{name}-inbox", store)
"""


def one_action(name: str, imports: str = "", body: str = "return True") -> str:
    """A store, a folder, and one action called `work`; `body` is that of its execute()."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return (
        _HEAD.format(imports=imports)
        + f"\n    def execute(self, *args, **kwargs) -> bool:\n{lines}\n"
        + _TAIL.format(name=name)
        + f'pipeline = Pipeline([store, inbox, Work("work", [inbox])], name="{name}")\n'
    )


def tangle(name: str, count: int, ranks: int) -> str:
    """As `actions`, in so many ranks; each action has two predecessors, and hardly any two have the same."""
    return (
        _HEAD.format(imports="")
        + "\n    def execute(self, *args, **kwargs) -> bool:\n        return True\n"
        + _TAIL.format(name=name)
        + f"""work, before = [], [inbox]
for number in range({count - 2}):
    if number % {max(1, (count - 2) // ranks)} == 0 and work:
        before = work[-{max(1, (count - 2) // ranks)}:]
    chosen = {{before[number % len(before)], before[number * 7919 % len(before)]}}
    work.append(Work(f"work-{{number}}", sorted(chosen, key=lambda each: each.name)))
pipeline = Pipeline([store, inbox, *work], name="{name}")
"""
    )


def actions(name: str, count: int) -> str:
    """A store, a folder, and actions so that there are `count` nodes."""
    return (
        _HEAD.format(imports="")
        + "\n    def execute(self, *args, **kwargs) -> bool:\n        return True\n"
        + _TAIL.format(name=name)
        + f'work = [Work(f"work-{{each}}", [inbox]) for each in range({count - 2})]\n'
        + f'pipeline = Pipeline([store, inbox, *work], name="{name}")\n'
    )
