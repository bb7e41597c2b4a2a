"""How the URI of a database is shown: everywhere without its passwords."""

from __future__ import annotations

import re

# Up to the last "@": a password that should have been quoted and was not is hidden whole.
_IN_FRONT_OF_HOST = re.compile(r"(://[^:/@?]*):.*@", re.DOTALL)
_AMONG_ARGUMENTS = re.compile(r"([?&][^=&]*passw[^=&]*=)[^&]*", re.IGNORECASE)


def without_passwords(uri: str) -> str:
    """`uri` for people: `scheme://user:***@host/name?sslpassword=***`."""
    return _AMONG_ARGUMENTS.sub(r"\1***", _IN_FRONT_OF_HOST.sub(r"\1:***@", uri))
