"""Secrets stay out of the pipeline's file and of all that is recorded: named there, read where they are used."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from node_sdk.errors import AnacostiaError


class Secret(ABC):
    """A password or token, read anew for each attempt, so that a new one needs no restart."""

    @abstractmethod
    def read(self) -> str:
        """The secret; AnacostiaError where it is not there."""


def from_environment(variable: str) -> Secret:
    """The value of an environment variable of the node's process (`anacostiactl start --env NAME=…`)."""
    return _Variable(variable)


def from_file(path: str | os.PathLike[str]) -> Secret:
    """The content of a file, without white space at its ends; also for systemd's credentials."""
    return _File(Path(path))


@dataclass(frozen=True, slots=True)
class _Variable(Secret):
    name: str

    def read(self) -> str:
        value = os.environ.get(self.name)
        if not value:
            raise AnacostiaError(f"cannot read a secret from environment variable {self.name!r}: it is not set")
        return value


@dataclass(frozen=True, slots=True)
class _File(Secret):
    path: Path

    def read(self) -> str:
        try:
            value = self.path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8"
            raise AnacostiaError(f"cannot read a secret from {str(self.path)!r}: {reason}") from error
        if not value:
            raise AnacostiaError(f"cannot read a secret from {str(self.path)!r}: the file is empty")
        return value
