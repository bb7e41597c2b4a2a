"""Artifacts: pages, and a look into the bytes of one that stays inside its resource, is bounded in size, and never
hands out what a browser would execute.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.errors import CannotShow
from anacostia_daemon.web.facts.runs import MOST, rows
from node_sdk.resources.inside import open_file
from node_sdk.resources.locations import to_relative

Fact = dict[str, Any]

MOST_BYTES = 16 * 1024 * 1024  # of content that is handed out at once
MOST_PREVIEW = 256 * 1024  # bytes of text that are looked into
MOST_ROWS, MOST_COLUMNS = 100, 50  # of a table that is shown
MOST_ID = 2**53
_IMAGES = {
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".gif": ("image/gif", b"GIF8"),
    ".webp": ("image/webp", b"RIFF"),
}


@dataclass(frozen=True)
class Content:
    """Bytes to hand out, `kind` a MIME type that no browser executes."""

    kind: str
    name: str
    data: bytes


async def page(
    daemon: Daemon, pipeline: str, *, resource: str | None, state: str | None, before: int | None, limit: int
) -> Fact:
    """Artifacts older than artifact `before`, the newest first: {"items", "next"}."""
    limit = max(1, min(limit, MOST))
    after = MOST_ID if before is None else before  # with an end, a store reads along the ids
    if resource is not None:
        wheres = [{"resource": resource}]
    elif state is not None:  # an index knows the states of each resource, and none those of all
        nodes = (await daemon.ask("graph", pipeline=pipeline))["nodes"]
        wheres = [{"resource": each["name"]} for each in nodes if each["kind"] == "resource"]
    else:
        wheres = [{}]
    of_state = {} if state is None else {"state": state}
    parts = await asyncio.gather(
        *(
            rows(daemon, pipeline, "artifacts", {**where, **of_state}, newest_first=True, limit=limit + 1, after=after)
            for where in wheres
        )
    )
    found = sorted((row for part in parts for row in part), key=lambda row: int(row["id"]), reverse=True)[: limit + 1]
    return {"items": found[:limit], "next": found[limit - 1]["id"] if len(found) > limit else None}


async def artifact(daemon: Daemon, pipeline: str, artifact_id: int) -> Fact:
    """One artifact with its tags. CannotShow where there is none."""
    found = await rows(daemon, pipeline, "artifacts", {"id": artifact_id}, limit=1)
    if not found:
        raise CannotShow("unknown", f"cannot show artifact {artifact_id}: no such artifact in pipeline '{pipeline}'")
    tags = await rows(daemon, pipeline, "artifact_tags", {"artifact_id": artifact_id})
    return {**found[0], "tags": {each["key"]: each["value"] for each in tags}}


async def content(daemon: Daemon, pipeline: str, artifact_id: int) -> Content:
    """Its bytes: an image as such, all else as text or as bytes to be kept. CannotShow where they are too many."""
    row, folder = await _where(daemon, pipeline, artifact_id)
    data = await daemon.read(_bytes, folder, row, MOST_BYTES)
    if len(data) > MOST_BYTES:
        raise CannotShow(
            "too-large",
            f"cannot hand out artifact {artifact_id}: it has more than {MOST_BYTES // 1024**2} MiB",
            f"it lies at {folder}/{row['location']}",
        )
    name = PurePosixPath(row["location"]).name
    return Content(_kind(name, data), name, data)


async def preview(daemon: Daemon, pipeline: str, artifact_id: int) -> Fact:
    """What it looks like: {"kind": "text|table|json|image|binary", …}; of a long one the beginning (`cut`)."""
    row, folder = await _where(daemon, pipeline, artifact_id)
    data = await daemon.read(_bytes, folder, row, MOST_PREVIEW)
    return {"id": artifact_id, "size": row["size"], **previewed(PurePosixPath(row["location"]).name, data)}


def previewed(name: str, data: bytes) -> Fact:
    """As `preview`, of the first bytes of a file. Pure."""
    cut = len(data) > MOST_PREVIEW
    kind = _kind(name, data)
    if kind.startswith("image/"):
        return {"kind": "image", "cut": False}
    text = _text(data)
    if text is None:
        return {"kind": "binary", "cut": cut, "text": data[:512].hex(" ", 1)}
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".json" and not cut:
        with contextlib.suppress(ValueError, RecursionError):
            return {"kind": "json", "cut": cut, "text": json.dumps(json.loads(text), indent=2, ensure_ascii=False)}
    if suffix in (".csv", ".tsv"):
        with contextlib.suppress(csv.Error):
            return _table(text, "\t" if suffix == ".tsv" else ",", cut)
    return {"kind": "text", "cut": cut, "text": text}


def _table(text: str, delimiter: str, cut: bool) -> Fact:
    found: list[list[str]] = []
    for row in csv.reader(io.StringIO(text), delimiter=delimiter):
        if len(found) > MOST_ROWS:
            cut = True
            break
        found.append(row[:MOST_COLUMNS])
    return {"kind": "table", "cut": cut, "columns": found[0] if found else [], "rows": found[1:]}


def _kind(name: str, data: bytes) -> str:
    """A type that is safe to hand out: what a file says it is, counts only where its bytes say the same."""
    kind, beginning = _IMAGES.get(PurePosixPath(name).suffix.lower(), ("", b""))
    if kind and data.startswith(beginning):
        return kind
    return "text/plain; charset=utf-8" if _text(data) is not None else "application/octet-stream"


def _text(data: bytes) -> str | None:
    """The beginning as text; None where it is none. Where there is more, the last character may be cut in two."""
    begins = data[:MOST_PREVIEW]
    if b"\0" in begins:
        return None
    for end in range(4 if len(data) > MOST_PREVIEW else 1):
        with contextlib.suppress(UnicodeDecodeError):
            return begins[: len(begins) - end].decode()
    return None


async def _where(daemon: Daemon, pipeline: str, artifact_id: int) -> tuple[Fact, str]:
    """The artifact and the folder of its resource."""
    row = await artifact(daemon, pipeline, artifact_id)
    nodes = (await daemon.ask("graph", pipeline=pipeline))["nodes"]
    for each in nodes:
        if each["name"] == row["resource"] and each.get("resource_path"):
            path = str(each["resource_path"])
            if not PurePosixPath(path).is_absolute():
                raise CannotShow(
                    "not-running", f"cannot show artifact {artifact_id}: it lies at {path}, which is not looked into"
                )
            return row, path
    raise CannotShow(
        "not-running",
        f"cannot show artifact {artifact_id}: its resource '{row['resource']}' is no folder of this pipeline",
    )


def _bytes(folder: str, row: Fact, most: int) -> bytes:
    """The first `most` + 1 bytes, opened name by name from the folder and through no link."""
    relative = to_relative(row["location"])
    if PurePosixPath(relative).is_absolute() or ".." in PurePosixPath(relative).parts:
        raise CannotShow("denied", f"cannot show artifact {row['id']}: {row['location']!r} leads out of its resource")
    try:
        with os.fdopen(open_file(folder, relative), "rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise CannotShow(
            "unknown", f"cannot show artifact {row['id']}: {row['location']}: {error.strerror or error}"
        ) from None
