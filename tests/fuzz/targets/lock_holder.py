"""What a lock file says of its holder: whatever it says, the words are about a pid, or unknown."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from node_sdk.errors import StoreUnavailable
from node_sdk.metadata.filelock import FileLock

_FILE = Path(tempfile.mkdtemp(prefix="fuzz")) / "runs.db.lock"
_HELD = os.open(_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
fcntl.flock(_HELD, fcntl.LOCK_EX)

SEEDS = [b"4711\n", b""]


def check(data: bytes) -> None:
    _FILE.write_bytes(data)
    try:
        FileLock(_FILE, "the metadata store runs.db")
    except StoreUnavailable as error:
        str(error).encode()
    else:
        raise AssertionError("a lock that is held was given away")
