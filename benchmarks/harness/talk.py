"""A conversation with a script in a process of its own, perhaps in another environment: one JSON list per question,
one line per answer (benchmarks/peers/inside/answering.py is the other side).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ANSWER = "answer "


class Talk:
    """With the running script `name`."""

    def __init__(self, process: subprocess.Popen[str], name: str) -> None:
        self._process, self._name = process, name

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, *question: Any) -> Any:
        """Write the question as a JSON list; what the script answers. RuntimeError where it ends instead."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(ANSWER):  # libraries print what they like in between
                return json.loads(line.removeprefix(ANSWER))
        raise RuntimeError(f"{self._name} ended before it answered {question!r}")


@contextlib.contextmanager
def talk(
    python: str | Path, script: Path, *arguments: str | Path, env: Mapping[str, str] | None = None
) -> Iterator[Talk]:
    """`script`, run by `python` until the end of the block."""
    command = list(map(str, [python, script, *arguments]))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield Talk(process, script.name)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
