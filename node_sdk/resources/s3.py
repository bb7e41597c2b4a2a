"""A prefix of a bucket as a place for artifacts, through boto3. Knows S3's answers; decides nothing about artifacts.

Which bytes an object is: its ETag, and its version where the bucket keeps versions. Reading asks for exactly those.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from node_sdk.errors import InvalidPipeline, ResourceUnavailable
from node_sdk.resources.listing import Listed, mark_of
from node_sdk.resources.objects import buffered
from node_sdk.resources.places import Replaced, sha256_of
from node_sdk.resources.ranged import RangedFile
from node_sdk.resources.s3_faults import code_of, streaming, told

SHA256 = "anacostia-sha256"  # metadata of what this package publishes: of its bytes, and …
STAGED = "anacostia-staged"  # … which output it is
MOST_AT_ONCE = 5 * 1024**3  # bytes that S3 copies in one request
MISSING = ("404", "NoSuchKey", "NotFound", "NoSuchVersion")


class S3Place:
    """`s3://bucket/prefix`; credentials and region come from boto3's usual chain."""

    def __init__(self, url: str, *, endpoint_url: str | None, region: str | None, page: int) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self.url, self._bucket, self._page = url, bucket, page
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = _client(endpoint_url, region)

    def pages(self) -> Iterator[list[Listed]]:
        with told("list", self.url):
            lister = self._client.get_paginator("list_objects_v2")
            config = {"PageSize": self._page}
            for answer in lister.paginate(Bucket=self._bucket, Prefix=self._prefix, PaginationConfig=config):
                yield [self._listed(each) for each in answer.get("Contents", ()) if not each["Key"].endswith("/")]

    def identify(self, listed: Listed) -> str | None:
        head = self._head(listed.location)
        return None if head is None else _identity(head)

    def digest(self, listed: Listed) -> str | None:
        head = self._head(listed.location)
        return None if head is None else self._sha256(listed.location, head)

    def open(self, name: str, identity: str) -> BinaryIO:
        etag, _, version = identity.partition(" ")
        head = self._head(name, version)
        if head is None:
            raise FileNotFoundError(name)
        # What is no ETag is the sha256 of an output of ours; or empty, where nothing is recorded.
        if etag and etag != (head["ETag"] if etag.startswith('"') else self._sha256(name, head)):
            raise Replaced
        return self._file(name, head, version)

    def _file(self, name: str, head: dict[str, Any], version: str = "") -> BinaryIO:
        wanted = {"VersionId": version} if version else {"IfMatch": head["ETag"]}
        return buffered(RangedFile(head["ContentLength"], lambda at: self._stream(name, at, wanted), streaming()))

    def _sha256(self, name: str, head: dict[str, Any]) -> str:
        """From the metadata; some servers keep none, so there it is counted."""
        noted = head["Metadata"].get(SHA256)
        if noted:
            return str(noted)
        with told("read from", self.url), self._file(name, head) as file:
            return sha256_of(file)

    def stage(self, file: Path, name: str, sha256: str) -> None:
        with told("write to", self.url):
            # In parts where it is large: nobody sees an object before all of them are there.
            self._client.upload_file(str(file), self._bucket, self._key(name), ExtraArgs={"Metadata": {SHA256: sha256}})
        head = self._head(name)  # whoever stands in for the server, a sign-in page say, accepts anything
        if head is None or head["ContentLength"] != file.stat().st_size:
            raise ResourceUnavailable(
                f"cannot write to {self.url}: what was written is not there; is this an S3 server?"
            )

    def publish(self, staged: str, name: str, sha256: str) -> None:
        there = self._head(name)
        mark = _ascii(staged)
        noted = {} if there is None else there["Metadata"]
        if (noted.get(STAGED), noted.get(SHA256)) != (mark, sha256):  # else done before: no second version of it
            self._copy(staged, name, {SHA256: sha256, STAGED: mark}, there is not None)
        with told("remove what is staged from", self.url):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(staged))

    def remove(self, prefix: str) -> None:
        with told("remove what is staged from", self.url):
            lister = self._client.get_paginator("list_objects_v2")
            for answer in lister.paginate(Bucket=self._bucket, Prefix=self._key(prefix)):
                for each in answer.get("Contents", ()):
                    self._client.delete_object(Bucket=self._bucket, Key=each["Key"])
            with contextlib.suppress(self._client.exceptions.ClientError):  # not everywhere, and not for everybody
                self._abort_uploads(self._key(prefix))

    def claim(self, name: str, words: str) -> str:
        target = {"Bucket": self._bucket, "Key": self._key(name)}
        with told("claim", self.url):
            found = self._text(target)
            if found is not None:
                return found
            try:
                self._client.put_object(**target, Body=words.encode(), IfNoneMatch="*")
            except self._client.exceptions.ClientError as error:
                if code_of(error) in ("AccessDenied", "403", "MethodNotAllowed"):
                    raise PermissionError(name) from error
                if code_of(error) == "NotImplemented":  # a store without conditional puts: the last one to write wins
                    self._client.put_object(**target, Body=words.encode())
                elif code_of(error) not in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                    raise
            return self._text(target) or words

    def _copy(self, staged: str, name: str, metadata: dict[str, str], is_there: bool) -> None:
        source = {"Bucket": self._bucket, "Key": self._key(staged)}
        if self._head(staged) is None:
            if is_there:
                return  # cut short after the copy; what is there may meanwhile be a later version
            raise FileNotFoundError(staged)
        extra = {"Metadata": metadata, "MetadataDirective": "REPLACE"}
        with told("write to", self.url):
            config = _transfer(multipart_threshold=MOST_AT_ONCE)
            self._client.copy(source, self._bucket, self._key(name), ExtraArgs=extra, Config=config)

    def _head(self, name: str, version: str = "") -> dict[str, Any] | None:
        wanted = {"VersionId": version} if version else {}
        with told("read from", self.url):
            try:
                head: dict[str, Any] = self._client.head_object(Bucket=self._bucket, Key=self._key(name), **wanted)
                _ = head["ETag"], head["ContentLength"]  # KeyError where it is no answer of S3
            except self._client.exceptions.ClientError as error:
                if code_of(error) in MISSING and self._has_bucket():
                    return None
                raise
        return head

    def _has_bucket(self) -> bool:
        """HEAD of an object has no body to say that it is the bucket that is gone: this raises where it is."""
        self._client.head_bucket(Bucket=self._bucket)
        return True

    def _stream(self, name: str, at: int, wanted: dict[str, str]) -> Any:
        reach = {"Range": f"bytes={at}-"} if at else {}
        with told("read from", self.url):
            try:
                return self._client.get_object(Bucket=self._bucket, Key=self._key(name), **wanted, **reach)["Body"]
            except self._client.exceptions.ClientError as error:
                if code_of(error) in ("PreconditionFailed", "412", *MISSING):
                    raise OSError(f"{self.url}/{name} was replaced or removed while it was read") from error
                raise

    def _abort_uploads(self, prefix: str) -> None:
        """What was uploaded in part, which nobody sees and somebody pays for."""
        for each in self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix).get("Uploads", ()):
            upload = {"Key": each["Key"], "UploadId": each["UploadId"]}
            self._client.abort_multipart_upload(Bucket=self._bucket, **upload)

    def _text(self, target: dict[str, str]) -> str | None:
        try:
            return str(self._client.get_object(**target)["Body"].read(4096).decode("utf-8", "replace"))
        except self._client.exceptions.NoSuchKey:
            return None

    def _listed(self, entry: dict[str, Any]) -> Listed:
        mark = mark_of(entry["ETag"], entry["LastModified"].timestamp())
        return Listed(entry["Key"].removeprefix(self._prefix), entry["Size"], mark)

    def _key(self, name: str) -> str:
        return self._prefix + name


def _identity(head: dict[str, Any]) -> str:
    version = head.get("VersionId") or "null"
    return str(head["ETag"]) if version == "null" else f"{head['ETag']} {version}"


def _ascii(text: str) -> str:
    """Metadata travels in headers, which hold no other letters."""
    return text.encode("ascii", "backslashreplace").decode()


def _client(endpoint_url: str | None, region: str | None) -> Any:
    try:
        import boto3
        import botocore.session
        from botocore.config import Config
    except ImportError as error:
        raise InvalidPipeline(
            "cannot use a bucket: the package boto3 is missing; pip install 'anacostia-daemon[s3]'"
        ) from error
    # A try more than none: what lasts longer is a matter of polling, which says so in `status`.
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 2})
    session = botocore.session.Session()  # a new one each time: it looks for credentials once
    session.register_component("data_loader", _descriptions())
    with told("use", endpoint_url or "S3"):
        given = {"endpoint_url": endpoint_url, "region_name": region, "config": config}
        return boto3.session.Session(botocore_session=session).client("s3", **given)


def _transfer(**given: Any) -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(**given)


@cache
def _descriptions() -> Any:
    """Of all that S3 can do, which take a while to read."""
    from botocore.loaders import create_loader

    return create_loader()
