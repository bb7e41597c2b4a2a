"""Where a token is asked for: shown once, it becomes a cookie that scripts cannot read and other sites cannot use."""

from __future__ import annotations

import time
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from anacostia_daemon.web.api.asked import TheSettings
from anacostia_daemon.web.pages.rendering import Crumb, pages
from anacostia_daemon.web.security import sessions
from anacostia_daemon.web.security.guard import address
from anacostia_daemon.web.security.limits import GUESSING, Buckets

router = APIRouter()
_guesses = Buckets(GUESSING, time.monotonic)


@router.get("/login")
async def ask(request: Request, settings: TheSettings, next: str = "/") -> Response:
    """The form."""
    return _form(request, 200, "", next) if settings.token else RedirectResponse("/", 303)


@router.post("/login")
async def enter(request: Request, settings: TheSettings) -> Response:
    """The token, and by which name its owner wants to be known."""
    given = {name: values[0] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}
    where, who = _inside(given.get("next", "/")), address(request.scope)
    if settings.token is None:
        return RedirectResponse("/", 303)
    if _guesses.left(who) < 1:
        return _form(request, 429, "Too many wrong tokens came from your address. Wait a minute.", where)
    if not sessions.is_token(given.get("token", ""), settings.token):
        _guesses.take(who)
        return _form(request, 401, "That is not the token.", where)
    answer = RedirectResponse(where, 303)
    value = sessions.make(settings.token, given.get("name", ""), time.time())
    answer.set_cookie(
        sessions.COOKIE,
        value,
        max_age=sessions.LASTS,
        httponly=True,
        samesite="strict",
        secure=request.headers.get("origin", "").startswith("https://"),
    )
    return answer


@router.post("/logout")
async def leave(request: Request) -> Response:
    """Forget the cookie."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(sessions.COOKIE, httponly=True, samesite="strict")
    return answer


def _form(request: Request, status: int, problem: str, next: str) -> Response:
    crumbs = (Crumb("Log in"),)
    facts = {"problem": problem, "next": _inside(next)}
    return pages(request).page(request, "login.html", title="Log in", crumbs=crumbs, status=status, **facts)


def _inside(path: str) -> str:
    """Where to go on, never to another site."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if plain else "/"
