"""The loader of a pipeline: `python -m node_sdk.runtime.loader --daemon-fd N`. It runs the user's file, says what it
found, and becomes the fork server.

What the user's code prints goes to the pipeline's loader.log; until the name is known, to a file of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import socket
import sys
import tempfile
import traceback
from typing import IO

from node_sdk.errors import BadMessage
from node_sdk.metadata.sql import SqlMetadataStore
from node_sdk.nodes.base import BaseNode
from node_sdk.osprocess import be_subreaper
from node_sdk.runtime import logs
from node_sdk.runtime.conversation import Conversation
from node_sdk.runtime.door import Door
from node_sdk.runtime.launch import log_file, place_logs
from node_sdk.runtime.load import CannotLoad, load, name_of
from node_sdk.runtime.server import Server
from node_sdk.runtime.starting import prepare
from node_sdk.wire.loader import Load, LoadFailed

_POSTGRESQL = "sqlalchemy.dialects.postgresql"

OUTPUT_SHOWN = 4000  # characters of what the file printed, with a failure


def main(arguments: list[str]) -> int:
    """Load, serve, and return the exit status of the process."""
    parser = argparse.ArgumentParser(prog="python -m node_sdk.runtime.loader")
    parser.add_argument("--daemon-fd", type=int, required=True, help="a connected unix stream socket")
    connection = socket.socket(fileno=parser.parse_args(arguments).daemon_fd)
    connection.set_inheritable(False)
    be_subreaper()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nobody is there to answer an input()
    daemon = Conversation(connection)
    try:
        messages = daemon.wait()
    except BadMessage as error:
        sys.stderr.write(f"cannot load anything: {error}\n")
        return 1
    if not messages:
        return 0  # the daemon went away before it said anything
    wanted = messages[0]
    if not isinstance(wanted, Load):
        sys.stderr.write(f"cannot load anything: the daemon said {type(wanted).__name__} before Load\n")
        return 1
    with tempfile.TemporaryFile(mode="a+b") as output:
        logs.send_output_to(output.fileno())
        try:
            server = _load(wanted, daemon, output)
        except CannotLoad as error:
            _fail(daemon, str(error), f"{error.detail}{_printed(output)}")
            return 1
        except BaseException as error:  # noqa: BLE001  (a fault of ours: still somebody has to hear of it)
            words = f"cannot load {wanted.file}: {type(error).__name__}: {error}"
            _fail(daemon, words, traceback.format_exc())
            return 1
    return server.serve(messages[1:])


def _load(wanted: Load, daemon: Conversation, output: IO[bytes]) -> Server:
    pipeline = load(wanted)
    name = name_of(pipeline, wanted)
    pipeline.graph = pipeline.graph.named(name)
    door = Door(wanted, name)
    place_logs(wanted, name, os.environ)
    log = log_file(wanted, name, "loader")
    rotation = logs.redirect(log, wanted.log_policy)
    output.seek(0)
    os.write(1, output.read())
    server = Server(pipeline, name, wanted, door, daemon, rotation)
    if server.forking:
        _warm(pipeline[pipeline.graph.store.name])
        prepare(pipeline)
    return server


def _warm(store: BaseNode) -> None:
    """Import now what each process of a SQL store would import again, and only it: 50 ms of each of its restarts."""
    if not isinstance(store, SqlMetadataStore):
        return
    backend = store.uri.partition(":")[0].partition("+")[0]
    # Whatever the backend, SQLAlchemy asks its PostgreSQL dialect about partial indexes.
    for module in ("node_sdk.metadata.connect", "sqlite3", f"sqlalchemy.dialects.{backend}", _POSTGRESQL):
        with contextlib.suppress(ImportError):  # the store will say what is missing, better than we can
            importlib.import_module(module)


def _fail(daemon: Conversation, message: str, detail: str) -> None:
    daemon.send(LoadFailed(_sendable(message), _sendable(detail)))
    daemon.connection.setblocking(True)
    daemon.flush()


def _printed(output: IO[bytes]) -> str:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    output.seek(0)
    text = output.read().decode("utf-8", "replace")[-OUTPUT_SHOWN:]
    return f"\nwhat it printed:\n{text}" if text else ""


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


if __name__ == "__main__":
    _own_module = sys.modules["__main__"]  # the user's file takes its place, and this code must not vanish under us
    sys.exit(main(sys.argv[1:]))
