"""Rows of the daemon's journal: a registered pipeline, with the text columns that hold JSON."""

from __future__ import annotations

import json

from anacostia_daemon.journal.journal import JournalUnusable, pipeline_of_row

_ROW = {"name": "digits", "file": "/x.py", "object": None, "cwd": "/", "python": "/python", "graph": None}
SEEDS = [b'["--fast"]\0{"PATH": "/bin"}', b"[]\0{}"]


def check(data: bytes) -> None:
    argv, _, env = data.decode(errors="surrogateescape").partition("\0")
    try:
        row = pipeline_of_row({**_ROW, "argv": argv, "env": env, "desired": "up", "created": 0.0})
    except JournalUnusable:
        return
    assert all(type(each) is str for each in row.argv)
    assert all(type(key) is type(value) is str for key, value in row.env.items())
    json.dumps([row.argv, dict(row.env)])
