"""Why a fact cannot be had, in words and with a code that callers act on; the same codes as the control socket's, and a
few that only files know."""

from __future__ import annotations


class CannotShow(Exception):
    """What was asked for cannot be shown. `code`: unknown, invalid, not-running, failed, denied, busy, too-large."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.hint = code, hint
