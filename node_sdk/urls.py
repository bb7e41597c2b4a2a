"""The URL of a database as it may be shown: in status, journal, logs and messages. Pure text; no driver is asked."""

from __future__ import annotations

import re

HIDDEN = "***"
# Up to the last @ of what names the host: a password that should have been quoted and was not is hidden as well.
_PASSWORD = re.compile(r"(//[^:/@]*):(?:[^?\s]*|[^@\s]*)@")
_PARAMETER = re.compile(r"([?&][^=&\s]*(?:pass|pwd|secret|token|credential|key)[^=&\s]*=)[^&\s]*", re.IGNORECASE)


def without_secrets(url: str) -> str:
    """`url` with `***` for its password, and for the value of each parameter whose name speaks of a secret."""
    return _PARAMETER.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1:{HIDDEN}@", url))
