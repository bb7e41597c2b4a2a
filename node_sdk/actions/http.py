"""A request over HTTP as an action."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from node_sdk.actions.secret import Secret
from node_sdk.actions.settings import ReadyActionNode
from node_sdk.errors import AnacostiaError, InvalidPipeline
from node_sdk.nodes.base import BaseNode, Loggers

MOST = 2**20  # bytes of an answer that are read
SHOWN = 500  # characters of it that an error repeats


class HttpFailed(AnacostiaError):
    """There was no answer, or one whose status is neither success nor failure."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer: `body` is its first MiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; HttpFailed where it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise HttpFailed(f"cannot read the answer as JSON: {error}: {_begin(self.body)}") from error


class HttpActionNode(ReadyActionNode):
    """Sends one request in each run. `url`, `body` and `headers` may each be a function of this node that gives it.

    `body`: bytes, text, or plain data that is sent as JSON. `token`: a Secret, sent as `Authorization: Bearer`. Each
    attempt of a task sends the same `Idempotency-Key`, by which a server knows a repetition. A status of 200 to 299 is
    success, one of `failure` is failure, all else is an error, as is silence for `response_timeout` seconds; `retries`
    and `retry_delay` say how often such an error is tried again. A redirection is
    not followed: it is an error. `ca_file`: whom to trust instead of the authorities of the system.
    """

    def __init__(
        self,
        name: str,
        url: str | Callable[..., str],
        predecessors: Sequence[BaseNode],
        *,
        method: str = "POST",
        body: Any = None,
        headers: Mapping[str, str] | Callable[..., Mapping[str, str]] | None = None,
        token: Secret | None = None,
        failure: Collection[int] = (),
        response_timeout: float = 30.0,
        ca_file: str | None = None,
        loggers: Loggers = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, predecessors, loggers, settings)
        if not callable(url):
            _check(url, name, InvalidPipeline)
        if token is not None and not isinstance(token, Secret):
            raise InvalidPipeline(
                f"cannot make action {name!r}: give its token as from_file(…) or from_environment(…), not as it is"
            )
        self.url, self.method, self.body, self.headers = url, method.upper(), body, headers
        self.token, self.failure = token, frozenset(failure)
        self.response_timeout, self.ca_file = response_timeout, ca_file

    def received(self, response: HttpResponse) -> bool:
        """What an answer with a status of success means; override it to look into it. By default: succeeded."""
        return True

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        """Send the request."""
        request = self._request()
        response = self._send(request)
        self.log(f"{request.get_method()} {_shown(request.full_url)}: {response.status}", "INFO")
        if 200 <= response.status < 300:
            return self.received(response)
        if response.status in self.failure:
            return False
        raise HttpFailed(
            f"{request.get_method()} {_shown(request.full_url)} was answered with status {response.status}: "
            f"{_begin(response.body)}"
        )

    def _request(self) -> urllib.request.Request:
        url = _check(self.value_of(self.url), self.name, HttpFailed)
        data, kind = _encoded(self.value_of(self.body), self.name)
        headers = {"User-Agent": "anacostia", "Idempotency-Key": self.task_key}
        if kind:
            headers["Content-Type"] = kind
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.read()}"
        if self.headers is not None:
            headers.update(self.value_of(self.headers))
        return urllib.request.Request(url, data, headers, method=self.method)

    def _send(self, request: urllib.request.Request) -> HttpResponse:
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca_file))
        try:
            with urllib.request.build_opener(tls, _Stay).open(request, timeout=self.response_timeout) as answer:
                return _read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return _read(error)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise HttpFailed(
                f"cannot send {request.get_method()} {_shown(request.full_url)} for action {self.name!r}: {reason}"
            ) from error


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: the token is for the host it was meant for, and a POST must not become a GET."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """No other request."""


def _read(answer: HTTPResponse | urllib.error.HTTPError) -> HttpResponse:
    return HttpResponse(int(answer.status or 0), dict(answer.headers.items()), answer.read(MOST))


def _encoded(body: Any, name: str) -> tuple[bytes | None, str | None]:
    if body is None or isinstance(body, bytes):
        return body, "application/octet-stream" if body else None
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    try:
        return json.dumps(body).encode(), "application/json"
    except (TypeError, ValueError) as error:
        raise HttpFailed(f"cannot send the body of action {name!r}: it is no JSON: {error}") from error


def _check(url: Any, name: str, kind: type[AnacostiaError]) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except (ValueError, AttributeError, TypeError):
        known = False
    if not known:
        raise kind(
            f"cannot make the request of action {name!r}: {_bounded(url)} is no http:// or https:// address, "
            "or has a password in it; give a token"
        )
    return str(url)


def _shown(url: str) -> str:
    """Without the query, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _bounded(url: Any) -> str:
    """As it was given, without a password."""
    return repr(re.sub(r"//[^/@]*@", "//***@", url) if isinstance(url, str) else url)[:200]


def _begin(body: bytes) -> str:
    return body[: 4 * SHOWN].decode("utf-8", "replace")[:SHOWN] or "nothing"
