"""What an answer of an API holds: items, their names, the next page, how long to wait. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from node_sdk.resources.listing import Listed, mark_of


class Unexpected(ValueError):
    """The answer is not of the shape that was promised; the words say where."""


def at_pointer(document: Any, pointer: str) -> Any:
    """What JSON pointer (RFC 6901) `pointer` leads to; Unexpected where it leads nowhere."""
    if pointer and not pointer.startswith("/"):
        raise Unexpected(f"{pointer!r} is no JSON pointer: it begins with /, or is empty")
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and name.isascii() and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            raise Unexpected(f"there is nothing at {pointer!r}")
    return document


def items_at(document: Any, pointer: str) -> list[Any]:
    """The list that `pointer` leads to."""
    found = at_pointer(document, pointer)
    if not isinstance(found, list):
        raise Unexpected(f"what is at {pointer or 'its root'!r} is no list")
    return found


def name_of(item: Any, key: str) -> str:
    """The text or number that `key` leads to in an item."""
    found = at_pointer(item, key)
    if isinstance(found, bool) or not isinstance(found, (str, int)) or found == "":
        raise Unexpected(f"what is at {key!r} of an item is no name: {str(found)[:40]!r}")
    return str(found)


def identity_of(item: Any, version: str | None) -> str:
    """What changes when the item does: what `version` leads to, else a hash of all of it."""
    if version is not None:
        return f"version {json.dumps(at_pointer(item, version), sort_keys=True)}"[:500]
    text = json.dumps(item, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def listed(items: Iterable[Any], key: str, version: str | None) -> Iterator[Listed]:
    """Each item as an entry of a listing."""
    for item in items:
        identity = identity_of(item, version)
        yield Listed(name_of(item, key), 0, mark_of(identity), identity)


def next_page(url: str, link: str | None, document: Any, pointer: str | None) -> str | None:
    """The address of the page after the one at `url`: at `pointer` in the document, else in its Link header.

    Unexpected where it leads to another server: a token is for the one it was given for.
    """
    found = None
    if pointer is not None:
        try:
            found = at_pointer(document, pointer)
        except Unexpected:
            return None  # the last page need not say that it is
    elif link is not None:
        found = next((each[0] for each in _links(link) if "next" in each[1]), None)
    if not found:
        return None
    if not isinstance(found, str):
        raise Unexpected(f"what is at {pointer!r} is no address")
    address = urljoin(url, found)
    if urlsplit(address)[:2] != urlsplit(url)[:2]:
        raise Unexpected(f"its next page is on another server: {address[:200]!r}")
    return address


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except ValueError:
        return None


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    """Target and relations of each link (RFC 8288)."""
    for target, rest in re.findall(r"<([^<>]*)>((?:\s*;\s*[^,;\"]+(?:\"[^\"]*\")?)*)", header):
        rel = re.search(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]+))", rest, re.IGNORECASE)
        yield target, (rel.group(1) or rel.group(2) or "").lower().split() if rel else []
