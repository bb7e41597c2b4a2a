"""What an object store must be able to do to be a resource: the port behind FsspecStoreNode and S3StoreNode.

Names are relative to the resource's own prefix. Whatever cannot be done now raises ResourceUnavailable, with words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from node_sdk.resources.listing import Listed


def sha256_of(file: BinaryIO) -> str:
    """In hex, of all that is left to read; a block at a time."""
    digest = hashlib.sha256()
    while block := file.read(1024 * 1024):
        digest.update(block)
    return digest.hexdigest()


class Replaced(Exception):
    """The bytes asked for are there no longer: others have taken their place."""


class Place(Protocol):
    """The objects below one prefix."""

    url: str

    def pages(self) -> Iterator[list[Listed]]:
        """All objects, some at a time."""

    def identify(self, listed: Listed) -> str | None:
        """Which bytes these are, in a text; None where the object is gone."""

    def digest(self, listed: Listed) -> str | None:
        """The sha256 of an object that this package has published, or could have; None where it is none of those."""

    def open(self, name: str, identity: str) -> BinaryIO:
        """The bytes, streamed; with an `identity`, those and no others. FileNotFoundError, Replaced."""

    def stage(self, file: Path, name: str, sha256: str) -> None:
        """Put the file at `name`, whole or not at all."""

    def publish(self, staged: str, name: str, sha256: str) -> None:
        """Move what was staged; done before is as good. FileNotFoundError where the bytes are in neither place."""

    def remove(self, prefix: str) -> None:
        """Remove all objects whose names begin so, and what was uploaded in part."""

    def claim(self, name: str, words: str) -> str:
        """Write `words` at `name` where nothing is; what stands there afterwards. PermissionError where nothing may be
        written."""
