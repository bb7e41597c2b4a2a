"""Rows of the daemon's journal: a registered pipeline, with the text columns that hold JSON."""

from __future__ import annotations

import json

from anacostia_daemon.journal.journal import JournalUnusable, pipeline_of_row

_ROW = {"name": "digits", "file": "/x.py", "object": None, "cwd": "/", "python": "/python", "graph": None}
SEEDS = [b'["--fast"]\0{"PATH": "/bin", "TOKEN": null}\0{"train": {"nice": 3}}', b"[]\0{}\0{}"]


def check(data: bytes) -> None:
    argv, env, settings, *_ = (*data.decode(errors="surrogateescape").split("\0"), "", "")
    try:
        row = pipeline_of_row({**_ROW, "argv": argv, "env": env, "settings": settings, "desired": "up", "created": 0.0})
    except JournalUnusable:
        return
    assert all(type(each) is str for each in row.argv)
    assert all(type(key) is str and type(value) in (str, type(None)) for key, value in row.env.items())
    assert all(type(each) is dict for each in row.settings.values())
    json.dumps([row.argv, dict(row.env), dict(row.settings)])
