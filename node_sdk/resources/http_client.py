"""Asks a web server, and says in words what was wrong with it. Follows no redirection; holds no more than it may."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from node_sdk.errors import ArtifactNotFound, InvalidPipeline, ResourceUnavailable
from node_sdk.resources.json_items import retry_after

SHOWN = 200  # characters of an answer that a message repeats
BUSY = (429, 503)


class HttpClient:
    """`headers` are asked for before each request: a token may be another by then."""

    def __init__(self, timeout: float, headers: Callable[[], Mapping[str, str]], ca_file: str | None) -> None:
        try:
            import httpx
        except ImportError as error:
            raise InvalidPipeline(
                "cannot ask a web server: the package httpx is missing; pip install 'anacostia-daemon[http]'"
            ) from error
        import ssl

        self._httpx, self._headers = httpx, headers
        self._timeout, self._trust = timeout, ssl.create_default_context(cafile=ca_file)
        self._held: Any = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, connections are kept for the next request. For the one thread that polls."""
        with self._connected() as self._held:
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def answer(self, url: str, also: Mapping[str, str] | None = None) -> Iterator[Any]:
        """The answer to a GET, with status 200 or 304, its body not yet read.

        ArtifactNotFound for 404 and 410; ResourceUnavailable for all else, with what Retry-After asks for.
        """
        try:
            given = {**self._headers(), **(also or {})}
            with self._connected() as client, client.stream("GET", url, headers=given) as response:
                if response.status_code not in (200, 304):
                    self._refuse(url, response)
                yield response
        except (self._httpx.HTTPError, self._httpx.InvalidURL, OSError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise ResourceUnavailable(f"cannot get {shown(url)}: {said}") from error

    def read(self, url: str, response: Any, most: int) -> bytes:
        """The whole body; ResourceUnavailable where it is larger than `most` bytes."""
        body = bytearray()
        for block in response.iter_bytes():
            body += block
            if len(body) > most:
                raise ResourceUnavailable(f"cannot use {shown(url)}: one answer is larger than {most} bytes")
        return bytes(body)

    def json(self, url: str, response: Any, most: int) -> Any:
        """The body as JSON."""
        body = self.read(url, response, most)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            kind = response.headers.get("content-type", "something")
            raise ResourceUnavailable(f"cannot use {shown(url)}: it gives {kind}, no JSON: {_begin(body)}") from error

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        if self._held is not None:
            yield self._held
            return
        with self._httpx.Client(timeout=self._timeout, verify=self._trust, follow_redirects=False) as client:
            yield client

    def _refuse(self, url: str, response: Any) -> None:
        status = response.status_code
        if status in (404, 410):
            raise ArtifactNotFound(f"cannot get {shown(url)}: status {status}, there is nothing at that address")
        if 300 <= status < 400:
            place = response.headers.get("location", "nowhere")
            raise ResourceUnavailable(f"cannot get {shown(url)}: it has moved to {shown(place)}; give that address")
        asked = retry_after(response.headers.get("retry-after"), time.time())
        body = next(response.iter_bytes(4 * SHOWN), b"")
        why = {401: "the credentials are refused; see token=", 403: "access is denied", 429: "too many requests"}
        raise ResourceUnavailable(f"cannot get {shown(url)}: status {status}, {why.get(status) or _begin(body)}", asked)


def shown(url: str) -> str:
    """Without the query, which may hold secrets."""
    return url.partition("?")[0]


def _begin(body: bytes) -> str:
    return repr(" ".join(body[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN])
