"""Outputs appear whole or not at all (law 5): written to a staging place, recorded, then renamed to where they belong.

Staging lies inside the resource's folder, so that the rename stays within one file system and is atomic.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from node_sdk.errors import ArtifactNotFound, InvalidValue
from node_sdk.nodes.binding import Task
from node_sdk.resources import inside
from node_sdk.wire.store import Output

if TYPE_CHECKING:
    from node_sdk.nodes.resource import BaseResourceNode

OWN_FOLDER = ".anacostia"  # in a resource's folder: ours, never an artifact
_TRIES = 3  # at hashing a file that changes meanwhile


def check_place(folder: Path, resource: str, location: str) -> None:
    """InvalidValue where an output could not be moved to `location`: said while its task can still say so."""
    place = folder / location
    above = next(each for each in place.parents if each == folder or os.path.lexists(each))
    words = f"cannot save artifact {location!r} in resource {resource!r}"
    if place.is_dir() and not place.is_symlink():
        raise InvalidValue(f"{words}: there is a folder of that name; choose another name, or remove it")
    if not above.is_dir():
        raise InvalidValue(f"{words}: {above} is no folder; choose another name, or remove it")
    _check_links(folder, location, words)
    if above.stat().st_dev != folder.stat().st_dev:
        raise InvalidValue(f"{words}: {above} is on another file system than {folder}, so no move there is atomic")
    if not os.access(above, os.R_OK | os.W_OK | os.X_OK):
        raise InvalidValue(f"{words}: permission denied in {above}; give the user who runs the daemon access")


def staging_path(folder: Path, task: Task, location: str) -> Path:
    """Where `task` writes the artifact that will stand at `location`; its folder exists afterwards."""
    path = _of_task(folder, task.run_id, task.node) / str(task.attempt) / location
    _check_links(folder, str(path.relative_to(folder)), f"cannot stage artifact {location!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def seal(folder: Path, resource: str, location: str, staged: Path) -> Output:
    """Make the bytes at `staged` durable and describe them."""
    with staged.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    _sync_folders(staged.parent, folder)
    return Output(resource, location, str(staged.relative_to(folder)), digest, size)


def publish(resource: BaseResourceNode, output: Output) -> Path:
    """Move a recorded output to its place; done before is as good. ArtifactNotFound where its bytes are lost."""
    folder = Path(resource.resource_path)
    staged, place = folder / output.staging, folder / output.location
    try:
        inside.move(folder, output.staging, output.location)
    except FileNotFoundError:
        # Cut short after the rename, before it was recorded. The place may meanwhile hold a later version.
        if not place.exists():
            raise ArtifactNotFound(
                f"cannot publish artifact {output.location!r} of resource {output.resource!r}: its bytes are neither "
                f"at {staged} nor at {place}"
            ) from None
    _sync_folders(place.parent, folder)  # also after a rename of an earlier process, which may have got no further
    return place


def clear_staging(folder: Path, run_id: int, node: str) -> None:
    """Remove what attempts of this task have left in staging, once its outputs are published."""
    shutil.rmtree(_of_task(folder, run_id, node), ignore_errors=True)


def clear_all_staging(folder: Path, node: str) -> None:
    """Remove whatever `node` has in staging: for when its process begins, and nothing of it waits to be published."""
    try:
        found = os.listdir(folder / OWN_FOLDER / "staging")  # noqa: PTH208  (at each start of each node: Path is slow)
    except OSError:
        return
    for name in found:
        if name.partition("-")[2] == node:
            shutil.rmtree(folder / OWN_FOLDER / "staging" / name, ignore_errors=True)


def hash_of(path: str) -> tuple[str, int, int] | None:
    """(sha256, size, mtime_ns) of a regular file; None where it is gone, no file, or being written.

    OSError where it is there and cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EIO):
            raise
        return None
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        for _ in range(_TRIES):
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
                return digest, after.st_size, after.st_mtime_ns
            # shutil.copy2 and tar set the times after closing, which no event tells: giving up here would lose the
            # file. What is really being written is reported again when it is closed.
            before = after
            file.seek(0)
    return None


def _check_links(folder: Path, relative: str, words: str) -> None:
    link = inside.link_on_the_way(folder, relative)
    if link is not None:
        raise InvalidValue(f"{words}: {link} is a link, not followed inside a resource; put a folder in its place")


def _of_task(folder: Path, run_id: int, node: str) -> Path:
    return folder / OWN_FOLDER / "staging" / f"{run_id}-{node}"


def _sync_folders(inner: Path, outer: Path) -> None:
    """Make the names in `inner`, and in all folders above it up to `outer`, survive a power cut: any may be new."""
    for folder in (inner, *inner.parents):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if folder == outer:
            return
