"""What is news in a listing, given what the store knows. Pure: who fetches and who records are others.

An entry of a listing has a mark, a number that changes when the bytes may have changed. The store keeps it beside the
artifact, so that only what differs is looked at closely.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Known = Mapping[str, Mapping[str, Any]]  # location → the row of its latest version


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry. `size` in bytes; `identity` says which bytes they are, where the listing already tells."""

    location: str
    size: int
    mark: int
    identity: str = ""


def mark_of(*facts: object) -> int:
    """A number, of 63 bits, that is another when one of the facts is."""
    digest = hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def differing(page: Iterable[Listed], known: Known) -> list[Listed]:
    """Those whose latest version is not recorded with their size and mark."""
    return [each for each in page if not _is_known(each, known.get(each.location))]


def _is_known(listed: Listed, row: Mapping[str, Any] | None) -> bool:
    return row is not None and (row["size"], row["mtime_ns"]) == (listed.size, listed.mark)
