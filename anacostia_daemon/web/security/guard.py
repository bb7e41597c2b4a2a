"""Stands before the application: turns away what must not come in, says who asks, makes browsers strict."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anacostia_daemon.web.security import origins, sessions
from anacostia_daemon.web.security.limits import ACTING, ASKING, MOST_BODY, Buckets
from anacostia_daemon.web.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
OPEN = ("/login", "/static/")  # without a token

Refuse = Callable[[Request, str, str, str], Response]


class Guarded:
    """The application `inner`. `refuse` makes the answer to a request from a code, a message and a hint."""

    def __init__(
        self, inner: ASGIApp, settings: Settings, refuse: Refuse, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._inner, self._settings, self._refuse = inner, settings, refuse
        self._asking, self._acting = Buckets(ASKING, clock), Buckets(ACTING, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope)
        refused = self._look_at(request)
        if refused is not None:
            await refused(scope, receive, _strict(send))
            return
        await self._inner(scope, _bounded(receive), _strict(send))

    def _look_at(self, request: Request) -> Response | None:
        """The answer to who is turned away; None where the request may pass."""
        headers, who = request.headers, address(request.scope)
        scope: Any = request.scope
        scope.setdefault("state", {})["by"] = f"somebody at {who}, on the dashboard"
        if not origins.is_our_name(headers.get("host", ""), self._settings.allowed_hosts):
            host = headers.get("host", "")[:100]
            hint = "name it in allowed_hosts of [web]"
            return self._refuse(request, "denied", f"cannot answer: {host!r} is no name of this dashboard", hint)
        trouble = origins.trouble(request.method, headers)
        if trouble:
            return self._refuse(request, "denied", f"cannot do this: {trouble}", "")
        if not self._asking.take(who):
            return self._refuse(request, "too-often", "cannot answer so many requests: wait a moment", "")
        return self._may_in(request) or self._may_act(request, who)

    def _may_in(self, request: Request) -> Response | None:
        """Whether the token was shown, where one is asked for."""
        token, path = self._settings.token, request.url.path
        if token is None or path.startswith(OPEN):
            return None
        who = address(request.scope)
        if sessions.is_token(sessions.bearer(request.headers.get("authorization", "")), token):
            request.scope["state"]["by"] = f"a program at {who}, with the token"
            return None
        name = sessions.read(token, cookie(request.headers), time.time())
        if name is not None:
            request.scope["state"]["by"] = f"{name or 'somebody'} at {who}, on the dashboard"
            return None
        if path.startswith("/api/") or request.method not in origins.SAFE_METHODS:
            words = "cannot answer without the token: Authorization: Bearer TOKEN"
            return self._refuse(request, "unauthorized", words, "it is in the file token_file of [web]")
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        return RedirectResponse(f"/login?next={quote(path, safe='/')}", 303)

    def _may_act(self, request: Request, who: str) -> Response | None:
        if request.method in origins.SAFE_METHODS:
            return None
        if _length(request.headers) > MOST_BODY:
            return self._refuse(request, "too-large", f"cannot read a request of more than {MOST_BODY} bytes", "")
        if not self._acting.take(who):
            return self._refuse(request, "too-often", "cannot do so much at once: wait a moment", "")
        if self._settings.read_only and request.url.path not in ("/login", "/logout"):
            return self._refuse(request, "denied", "cannot change anything: this dashboard is read-only", "")
        return None


def address(scope: Scope) -> str:
    """Of whoever asks."""
    return str((scope.get("client") or ("?", 0))[0])


def cookie(headers: Headers) -> str:
    """The session's; empty where there is none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(sessions.COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _length(headers: Headers) -> int:
    given = headers.get("content-length", "0")
    return int(given) if given.isdecimal() and len(given) < 20 else MOST_BODY + 1


def _bounded(receive: Receive) -> Receive:
    """A body that is longer than it may be ends the connection: it said no length, or a wrong one."""
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > MOST_BODY else message

    return receive_some


def _strict(send: Send) -> Send:
    async def send_strict(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_strict
