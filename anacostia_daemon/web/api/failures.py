"""Every error as the same JSON, {"error": {"code", "message", "hint"}}, or as a page where a browser asked for one."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from anacostia_daemon.control.client import ControlFailure, ControlRefused, DaemonBusy, DaemonDenied
from anacostia_daemon.web.facts.errors import CannotShow

STATUS = {
    "unknown": 404,
    "invalid": 422,
    "not-running": 409,
    "failed": 409,
    "denied": 403,
    "unauthorized": 401,
    "busy": 503,
    "gone": 503,
    "too-large": 413,
    "too-often": 429,
}


def install(app: FastAPI) -> None:
    """Answer these errors in this way."""
    app.add_exception_handler(ControlFailure, _control)
    app.add_exception_handler(CannotShow, _cannot_show)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def failure(request: Request, code: str, message: str, hint: str = "", status: int | None = None) -> Response:
    """The answer to `request`, as it reads it."""
    status = STATUS.get(code, 500) if status is None else status
    headers = {"Retry-After": "1"} if status in (429, 503) else None
    if request.url.path.startswith("/api/"):
        problem = {"code": code, "message": message, "hint": hint}
        return JSONResponse({"error": problem}, status, headers)
    page: Response = request.app.state.pages.error(request, status, message, hint)
    page.headers.update(headers or {})
    return page


async def _control(request: Request, error: Any) -> Response:
    if isinstance(error, ControlRefused):
        return failure(request, error.code, str(error), error.hint)
    code = "busy" if isinstance(error, DaemonBusy) else "denied" if isinstance(error, DaemonDenied) else "gone"
    return failure(request, code, str(error))


async def _cannot_show(request: Request, error: Any) -> Response:
    return failure(request, error.code, str(error), error.hint)


async def _invalid(request: Request, error: Any) -> Response:
    found = [f"{'.'.join(map(str, each['loc'][1:])) or 'the request'}: {each['msg']}" for each in error.errors()]
    return failure(request, "invalid", "cannot read the request: " + "; ".join(found[:5]))


async def _http(request: Request, error: Any) -> Response:
    code = {404: "unknown", 405: "invalid"}.get(error.status_code, "failed")
    words = "there is no such page" if error.status_code == 404 else str(error.detail)
    return failure(request, code, words, status=error.status_code)


async def _broken(request: Request, error: Any) -> Response:
    """Our own fault. What it was, is in the daemon's log, and nobody else's business."""
    return failure(request, "failed", "cannot answer: something went wrong here; it is in the daemon's log", status=500)
