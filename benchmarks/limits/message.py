"""The raw limit of telling somebody something: one ZeroMQ message, sent and read, and no more."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import zmq

from benchmarks.harness.daemon import short_folder

SIZE = 150  # bytes, as a request of ours to log a metric


@contextlib.contextmanager
def one_message() -> Iterator[Callable[[int], float]]:
    """A function from a number of messages to messages per second, until all are read in the other process."""
    with short_folder() as folder:
        reader, writer = os.pipe()
        other = multiprocessing.get_context("fork").Process(target=_read, args=(folder, writer), daemon=True)
        other.start()
        context = zmq.Context()
        socket = context.socket(zmq.DEALER)
        socket.sndhwm = 0
        socket.connect(f"ipc://{folder}/inbox")

        def send(times: int) -> float:
            began = time.monotonic()
            socket.send(str(times).encode())
            for _ in range(times):
                socket.send(b"m" * SIZE)
            os.read(reader, 1)
            return times / (time.monotonic() - began)

        try:
            yield send
        finally:
            context.destroy(linger=0)
            other.kill()
            other.join()
            os.close(reader)
            os.close(writer)


def _read(folder: Path, writer: int) -> None:
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.rcvhwm = 0
    socket.bind(f"ipc://{folder}/inbox")
    while True:
        for _ in range(int(socket.recv_multipart()[1])):
            socket.recv_multipart()
        os.write(writer, b"!")
