"""The values of the variables that a pipeline was started with: in a file that its user alone can read, and not in the
journal, which people copy, show and attach to reports. The journal has the names, and which file is meant.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping

from anacostia_daemon.paths import Home
from node_sdk.errors import AnacostiaError


class EnvironmentLost(AnacostiaError):
    """The values are not there any more; the pipeline cannot be loaded as it was."""


def keep(home: Home, pipeline: str, values: Mapping[str, str]) -> str | None:
    """Put `values` on the disk, for the journal to point to; None where there are none. Raises OSError.

    Always a new file: until the journal points to it, the old one counts.
    """
    if not values:
        return None
    kept = secrets.token_hex(6)
    path = home.environment(pipeline, kept)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123  (a descriptor, not a path)
        json.dump(dict(values), stream)
        stream.flush()
        os.fsync(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return kept


def kept_values(home: Home, pipeline: str, kept: str | None) -> dict[str, str]:
    """The values again. Raises EnvironmentLost."""
    if kept is None:
        return {}
    path = home.environment(pipeline, kept)
    try:
        return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise EnvironmentLost(
            f"the values of its variables were in {path}, which cannot be read ({error}); stop the pipeline and start "
            "it again from its file"
        ) from error


def forget_others(home: Home, pipeline: str, kept: str | None) -> None:
    """Take away what the journal does not point to any more."""
    for path in home.environment(pipeline, "").parent.glob("environment-*"):
        if kept is None or path != home.environment(pipeline, kept):
            with contextlib.suppress(OSError):
                path.unlink()
