"""A folder of any fsspec filesystem as a place for artifacts. Decides nothing about artifacts.

Which bytes a file is: whatever the filesystem says of it that changes with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from node_sdk.errors import InvalidPipeline, ResourceUnavailable
from node_sdk.resources.listing import Listed, mark_of
from node_sdk.resources.places import Replaced, sha256_of

PAGE = 1000  # files that are compared at once
MARK = "mark "  # begins an identity that is no sha256
# What filesystems call it that changes with the bytes. What only says who asked, or when, is not among it.
FACTS = (
    *("ETag", "etag", "e_tag", "md5Hash", "md5", "content_md5", "checksum", "crc32c", "generation", "version_id"),
    *("VersionId", "LastModified", "last_modified", "mtime", "modified", "modify", "updated", "created", "ino"),
)


class FsspecPlace:
    """The folder at `url` (`sftp://host/path`, `gs://bucket/prefix`, …); `options` are of its filesystem."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise InvalidPipeline(
                f"cannot use {url!r}: the package fsspec is missing; pip install 'anacostia-daemon[fsspec]'"
            ) from error
        try:
            # What it has listed before is no answer to what is there now.
            with self._told("open"):
                self._fs, self._root = url_to_fs(url, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise InvalidPipeline(f"cannot use {url!r}: {error}") from error
        self._root = self._root.rstrip("/")

    def pages(self) -> Iterator[list[Listed]]:
        page: list[Listed] = []
        with self._told("list"):
            self._fs.invalidate_cache()
            if not self._fs.exists(self._root) and "://" in self.url:
                self._fs.makedirs(self._root, exist_ok=True)
            for _, _, files in self._fs.walk(self._root, detail=True, on_error="raise"):
                for path, found in files.items():
                    page.append(self._listed(found.get("name") or path, found))
                    if len(page) == PAGE:
                        yield page
                        page = []
        yield page

    def identify(self, listed: Listed) -> str | None:
        # Asked, though the listing said much: what some filesystems list and what they answer is not written alike.
        with self._told("read from"):
            try:
                return self._identity(listed.location)
            except FileNotFoundError:
                return None

    def digest(self, listed: Listed) -> str | None:
        with self._told("read from"):
            try:
                with self._fs.open(self._path(listed.location), "rb") as file:
                    return sha256_of(file)
            except FileNotFoundError:
                return None

    def open(self, name: str, identity: str) -> BinaryIO:
        with self._told("read from"):
            if identity.startswith(MARK) and identity != self._identity(name):
                raise Replaced
            return cast(BinaryIO, self._fs.open(self._path(name), "rb"))

    def stage(self, file: Path, name: str, sha256: str) -> None:
        with self._told("write to"):
            self._make_folder(name)
            self._fs.put_file(str(file), self._path(name))

    def publish(self, staged: str, name: str, sha256: str) -> None:
        with self._told("write to"):
            self._fs.invalidate_cache()
            if not self._fs.exists(self._path(staged)):
                if self._fs.exists(self._path(name)):
                    return  # cut short after the move; what is there may meanwhile be a later version
                raise FileNotFoundError(staged)
            self._make_folder(name)
            self._fs.mv(self._path(staged), self._path(name))

    def remove(self, prefix: str) -> None:
        with self._told("remove what is staged from"):
            self._fs.invalidate_cache()
            if self._fs.exists(self._path(prefix.rstrip("/"))):
                self._fs.rm(self._path(prefix.rstrip("/")), recursive=True)

    def claim(self, name: str, words: str) -> str:
        with self._told("claim"):
            self._fs.invalidate_cache()
            if not self._fs.exists(self._path(name)):
                self._make_folder(name)
                self._fs.pipe_file(self._path(name), words.encode())
                self._fs.invalidate_cache()
            return bytes(self._fs.cat_file(self._path(name), end=4096)).decode("utf-8", "replace")

    def _identity(self, name: str) -> str:
        self._fs.invalidate_cache()
        path = self._path(name)
        found = self._listed(path, self._fs.info(path))
        return f"{MARK}{found.mark:016x} {found.size}"

    def _listed(self, path: str, found: Mapping[str, Any]) -> Listed:
        facts = [(key, str(found[key])) for key in FACTS if found.get(key) is not None]
        name = path.removeprefix(f"{self._root}/")
        return Listed(name, int(found.get("size") or 0), mark_of(facts))

    def _make_folder(self, name: str) -> None:
        self._fs.makedirs(str(PurePosixPath(self._path(name)).parent), exist_ok=True)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Inside, what a driver raises becomes ResourceUnavailable; a file that is not there stays what it is."""
        try:
            yield
        except (FileNotFoundError, PermissionError, Replaced, ResourceUnavailable, ImportError, ValueError) as error:
            if isinstance(error, FileNotFoundError) and doing == "list":
                raise ResourceUnavailable(f"cannot list {self.url}: there is no such folder; make it") from error
            if isinstance(error, PermissionError) and doing != "claim":
                raise ResourceUnavailable(f"cannot {doing} {self.url}: access is denied") from error
            raise
        except Exception as error:
            cause = " ".join(str(error).split())[:300] or type(error).__name__
            raise ResourceUnavailable(f"cannot {doing} {self.url}: {cause}") from error
