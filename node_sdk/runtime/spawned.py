"""A node in a fresh interpreter, where forking is unsafe or not wanted: `python -m node_sdk.runtime.spawned FD [FD]`.

The first descriptor holds the Launch; with a second one this is a query, and the answer goes there. The user's file
is run once more, and the node that the Launch names is taken out of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn

from node_sdk import cgroup
from node_sdk.changes import shape
from node_sdk.pipeline import Pipeline
from node_sdk.runtime import logs
from node_sdk.runtime.fingerprint import Project, fingerprinted
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.load import CannotLoad, load
from node_sdk.runtime.process import run_node
from node_sdk.runtime.query import run_query
from node_sdk.runtime.refusal import limited, say_why
from node_sdk.wire.codec import decode


def main(arguments: list[str]) -> NoReturn:
    """Be the node, or answer the query."""
    descriptor = int(arguments[0])
    with os.fdopen(descriptor, "rb") as stream:
        launch = decode(stream.read(), Launch)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with contextlib.suppress(PermissionError):  # already the leader of its session: the loader saw to it
        os.setsid()
    if launch.query is None:
        cgroup.enter(launch.mark)
        logs.redirect(launch.log_file, launch.load.log_policy)
        limited(launch)
    try:
        with logs.files_kept():
            pipeline = load(launch.load)
            _check(pipeline, launch)
    except CannotLoad as error:
        sys.stderr.write(f"{error}\n{error.detail}")
        sys.stderr.flush()
        if launch.query is None:
            say_why(launch, str(error))
        os._exit(1)
    if launch.query is not None:
        run_query(pipeline, launch, int(arguments[1]))
    run_node(pipeline, launch)


def _check(pipeline: Pipeline, launch: Launch) -> None:
    """The file may have been edited since the loader ran it; then this would be another node than was asked for."""
    if not launch.source or launch.source == Project().digest():
        return
    graph = fingerprinted(pipeline, pipeline.graph)
    if launch.node not in graph.by_name or shape(graph, launch.node) != launch.shape:
        raise CannotLoad(
            f"cannot start node {launch.node!r} as it was: {launch.load.file}, or what it imports, has changed since "
            f"it was loaded; `anacostiactl reload {launch.pipeline}` takes up the changes"
        )


if __name__ == "__main__":
    _own_module = sys.modules["__main__"]  # the user's file takes its place, and this code must not vanish under us
    main(sys.argv[1:])
