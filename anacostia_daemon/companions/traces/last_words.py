"""Why an export failed: only the exporter's log tells. The address, which may be a secret, is taken out of it."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit


class LastWords(logging.Handler):
    """`text` is what was logged last. The only handler there is: nothing else is written anywhere."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(logging.WARNING)
        parts = urlsplit(endpoint)
        whole = f"{parts.path}?{parts.query}"
        self._secrets = [each for each in (endpoint, parts.netloc, whole, parts.query, parts.path) if len(each) > 1]
        self._host = parts.hostname or ""
        self.text = "it does not say why"

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        for each in self._secrets:
            text = text.replace(each, "…")
        self.text = f"{self._host}: {' '.join(text.split())[:500]}"

    def install(self) -> None:
        root = logging.getLogger()
        root.handlers[:] = [self]
