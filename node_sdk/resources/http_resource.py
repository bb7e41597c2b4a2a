"""An address on the web as a resource: what a JSON listing there has are artifacts, or the document itself is one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from node_sdk.errors import ArtifactNotFound, InvalidPipeline, ResourceUnavailable
from node_sdk.nodes.base import Loggers
from node_sdk.resources import json_items
from node_sdk.resources.http_client import HttpClient, shown
from node_sdk.resources.json_items import Unexpected
from node_sdk.resources.listing import Listed, mark_of
from node_sdk.resources.polled import PolledResourceNode
from node_sdk.resources.polling import Polling
from node_sdk.wire.store import ArtifactState, Found

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.triggers import Trigger

MOST_IN_A_PAGE = 64 * 1024 * 1024  # bytes of JSON
MOST_PAGES = 10_000


class HttpResourceNode(PolledResourceNode):
    """What is at `url`, polled. Needs `anacostia-daemon[http]`.

    With `items`, a JSON pointer to a list ("" for the whole answer): each item is an artifact, named by what `key`
    leads to in it; one that changes, or whose `version` (a pointer) does, is a new version. Pages follow the Link
    header, or the pointer `next`. Items that a listing no longer has stay what they are. An item is read at `item_url`,
    a template like "https://host/items/{key}"; else it is looked for in the listing. `content`: a pointer to its bytes.

    Without `items`, the document is one artifact, anew whenever its bytes change (ETag and Last-Modified are used); it
    is streamed, however large. HTML is taken for somebody else's error page unless `html=True`.

    `headers`; `token`: a Secret of node_sdk.actions, sent as `Authorization: Bearer`; `ca_file`: whom to trust instead
    of the authorities of the system; `response_timeout` seconds of silence are an error.
    """

    def __init__(
        self,
        name: str,
        url: str,
        metadata_store: BaseMetadataStoreNode,
        init_state: Literal["new", "old"] = "new",
        loggers: Loggers = None,
        *,
        items: str | None = None,
        key: str = "/id",
        version: str | None = None,
        next: str | None = None,
        item_url: str | None = None,
        content: str | None = None,
        html: bool = False,
        headers: Mapping[str, str] | None = None,
        token: Any = None,
        ca_file: str | None = None,
        response_timeout: float = 30.0,
        polling: Polling | None = None,
        trigger: Trigger | None = None,
    ) -> None:
        for each in (url, item_url):
            if each is not None:
                _check(each, name)
        super().__init__(name, shown(url), metadata_store, loggers, True, polling=polling, trigger=trigger)
        if init_state not in ("new", "old"):
            raise InvalidPipeline(f"cannot use init_state={init_state!r} for {name!r}: it is 'new' or 'old'")
        _check_pointers(name, items=items, key=key, version=version, next=next, content=content)
        if token is not None and not callable(getattr(token, "read", None)):
            raise InvalidPipeline(
                f"cannot make resource {name!r}: give its token as from_file(…) or from_environment(…), not as it is"
            )
        if token is not None:
            for each in (url, item_url):
                _check_secrecy(each, name)
        self.url, self.init_state = url, init_state
        self.items, self.key, self.version, self.next = items, key, version, next
        self.item_url, self.content, self.html = item_url, content, html
        self.headers, self.token = dict(headers or {}), token
        self.ca_file, self.response_timeout = ca_file, response_timeout
        self._tags: dict[str, str] = {}  # what the next look asks with, so that no news is a short answer
        self._opened: tuple[int, HttpClient] | None = None

    @property
    def client(self) -> HttpClient:
        """The connections of this process."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), HttpClient(self.response_timeout, self._headers, self.ca_file))
        return self._opened[1]

    # ---- watching

    def poll(self) -> None:
        """Record what is news at the address."""
        state: ArtifactState = self.init_state if self.init_state != "new" and self.is_first_look() else "new"
        try:
            with self.client.held():
                listing = self._document() if self.items is None else self._pages(self.items)
                self.record_listing(listing, _found, state)
        except (Unexpected, ArtifactNotFound) as error:
            self._tags = {}
            raise ResourceUnavailable(f"cannot use {self.resource_path}: {error}") from error
        except BaseException:
            self._tags = {}  # not all of that answer is recorded
            raise
        self.first_look_is_done()

    def _document(self) -> Iterator[list[Listed]]:
        with self.client.answer(self.url, self._tags) as response:
            if response.status_code == 304:
                return
            self._refuse_html(response)
            digest, size = hashlib.sha256(), 0
            for block in response.iter_bytes():
                digest.update(block)
                size += len(block)
            tags = _tags_of(response)
        identity = digest.hexdigest()
        yield [Listed(self._name(), size, mark_of(identity), identity)]
        self._tags = tags

    def _pages(self, items: str) -> Iterator[list[Listed]]:
        for number, (document, _) in enumerate(self._walk(self._tags)):
            if number == MOST_PAGES:
                raise Unexpected(f"its listing has more than {MOST_PAGES} pages")
            yield list(json_items.listed(json_items.items_at(document, items), self.key, self.version))

    def _walk(self, tags: Mapping[str, str]) -> Iterator[tuple[Any, str]]:
        """The pages of the listing and their addresses; none where nothing has changed."""
        url: str | None = self.url
        seen: set[str] = set()
        first: dict[str, str] = {}
        while url is not None and url not in seen:
            with self.client.answer(url, {} if seen else tags) as response:
                if response.status_code == 304:
                    return
                document = self.client.json(url, response, MOST_IN_A_PAGE)
                following = json_items.next_page(url, response.headers.get("link"), document, self.next)
                if not seen and following is None:
                    first = _tags_of(response)  # they speak of one page; of others nobody knows
            yield document, url
            seen.add(url)
            url = following
        self._tags = first

    # ---- the artifacts

    def load_artifact(self, location: str) -> Any:
        """The item, as JSON gives it; of a document its text (UTF-8)."""
        if self.items is None:
            with self.open_artifact(location, "r") as file:
                return file.read()
        return self._item(self.to_location(location))

    def open_artifact(self, location: str, mode: Literal["r", "rb"] = "rb") -> IO[Any]:
        """The bytes of an artifact as a file (`rb`), or its text (`r`, UTF-8): of a document streamed, of an item what
        `content` leads to, else its JSON. ArtifactNotFound where it is gone or was replaced; ResourceUnavailable where
        the server cannot be asked."""
        if self.items is None:
            raw: IO[bytes] = io.BufferedReader(_Body(self, self.claimed_identity(self.to_location(location))), 65536)
        else:
            value = self._item(self.to_location(location))
            if self.content is not None:
                value = json_items.at_pointer(value, self.content)
            raw = io.BytesIO((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode())
        return raw if mode == "rb" else io.TextIOWrapper(raw, encoding="utf-8")

    def to_location(self, path: str) -> str:
        """The name of the item."""
        return path.removeprefix(f"{self.resource_path}#")

    def to_path(self, location: str) -> str:
        """The address, and the name behind #."""
        return f"{self.resource_path}#{location}"

    def _item(self, name: str) -> Any:
        try:
            if self.item_url is not None:
                url = self.item_url.replace("{key}", quote(name, safe=""))
                with self.client.answer(url) as response:
                    return self.client.json(url, response, MOST_IN_A_PAGE)
            return self._in_listing(name, self.claimed_identity(name))
        except ArtifactNotFound as error:
            raise self._gone(name, "it is gone") from error

    def _in_listing(self, name: str, identity: str) -> Any:
        tags = self._tags
        try:
            for document, _ in self._walk({}):
                for item in json_items.items_at(document, self.items or ""):
                    if json_items.name_of(item, self.key) != name:
                        continue
                    if identity and identity != json_items.identity_of(item, self.version):
                        raise self._gone(name, "it was replaced after it was recorded")
                    return item
        except Unexpected as error:
            raise ResourceUnavailable(f"cannot use {self.resource_path}: {error}") from error
        finally:
            self._tags = tags
        raise self._gone(name, "it is gone")

    def _gone(self, name: str, why: str) -> ArtifactNotFound:
        return ArtifactNotFound(
            f"cannot read artifact {name!r} of resource {self.name!r}: {why}; it was there when it was recorded"
        )

    # ---- inside

    def _name(self) -> str:
        """Of the document: the end of its address."""
        return urlsplit(self.url).path.rstrip("/").rpartition("/")[2] or "document"

    def _headers(self) -> dict[str, str]:
        given = {
            "User-Agent": "anacostia",
            "Accept": "*/*" if self.items is None else "application/json",
            **self.headers,
        }
        return given if self.token is None else {**given, "Authorization": f"Bearer {self.token.read()}"}

    def _refuse_html(self, response: Any) -> None:
        if not self.html and response.headers.get("content-type", "").lower().startswith("text/html"):
            begin = next(response.iter_bytes(400), b"")[:200].decode("utf-8", "replace")
            raise Unexpected(
                f"it gives HTML, which is mostly an error or a sign-in page (else say html=True): {begin!r}"
            )


class _Body(io.RawIOBase):
    """The document, as it comes. At its end it is known whether it was the one that was recorded."""

    def __init__(self, node: HttpResourceNode, identity: str) -> None:
        self._node, self._identity, self._digest = node, identity, hashlib.sha256()
        self._answer: AbstractContextManager[Any] = node.client.answer(node.url)
        response = self._told(self._answer.__enter__)
        self._blocks, self._rest = response.iter_bytes(), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            block = self._told(lambda: next(self._blocks, b""))
            if not block:
                if self._identity not in ("", self._digest.hexdigest()):
                    raise self._node._gone(self._node._name(), "it was replaced after it was recorded")
                return 0
            self._digest.update(block)
            self._rest = memoryview(block)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._answer.__exit__(None, None, None)
        super().close()

    def _told(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except ArtifactNotFound as error:
            raise self._node._gone(self._node._name(), "it is gone") from error
        except (ResourceUnavailable, StopIteration):
            raise
        except Exception as error:
            raise ResourceUnavailable(f"cannot read {self._node.resource_path}: {error}") from error


def _found(listed: Listed, known: dict[str, Any] | None) -> Found:
    return Found(listed.location, listed.identity, listed.size, listed.mark)


def _tags_of(response: Any) -> dict[str, str]:
    """For the next request: If-None-Match, If-Modified-Since."""
    pairs = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
    return {name: response.headers[given] for given, name in pairs if given in response.headers}


def _check(url: str, name: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        shown_url = re.sub(r"//[^/@]*@", "//***@", url)[:200]
        raise InvalidPipeline(
            f"cannot use {shown_url!r} for {name!r}: it is no http:// or https:// address, or has a password in it; "
            "give a token"
        )


def _check_secrecy(url: str | None, name: str) -> None:
    parts = urlsplit(url or "https:")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise InvalidPipeline(
            f"cannot send the token of {name!r} to {url!r}: whoever is on the way could read it; use https://"
        )


def _check_pointers(name: str, **pointers: str | None) -> None:
    for what, pointer in pointers.items():
        if pointer and not pointer.startswith("/"):
            raise InvalidPipeline(f"cannot use {what}={pointer!r} for {name!r}: a JSON pointer is '' or begins with /")
