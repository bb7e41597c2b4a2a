"""The object stores that have a name: a bucket of S3, and whatever fsspec has a filesystem for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from node_sdk.errors import InvalidPipeline
from node_sdk.resources.objects import ObjectStoreNode
from node_sdk.resources.places import Place

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode

MOST_IN_A_PAGE = 1000  # of S3


class FsspecStoreNode(ObjectStoreNode):
    """A folder of any fsspec filesystem: `FsspecStoreNode("data", "sftp://host/data", store, options={"username": …})`.

    `options` go to the filesystem; credentials are better left to its own usual places. A file is known by its name
    and by what the filesystem says that changes with its bytes (ETag, checksum, time of change), and size. An output
    appears by the filesystem's own move: at once where that is a rename or a copy inside the store.
    """

    def __init__(
        self,
        name: str,
        resource_path: str,
        metadata_store: BaseMetadataStoreNode,
        *given: Any,
        options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        if not re.match(r"[a-z0-9+._-]+(::[a-z0-9+._-]+)*:/", str(resource_path)):
            raise InvalidPipeline(f"cannot use {resource_path!r} for {name!r}: write it like sftp://host/folder")
        super().__init__(name, str(resource_path), metadata_store, *given, **settings)
        self.options = dict(options or {})

    def open_place(self) -> Place:
        from node_sdk.resources.fsspec_place import FsspecPlace

        return FsspecPlace(self.resource_path, self.options)


class S3StoreNode(ObjectStoreNode):
    """A bucket, or a prefix of one: `S3StoreNode("data", "s3://bucket/prefix", store)`; needs `anacostia-daemon[s3]`.

    Credentials and region come from boto3's usual chain (environment, profile, role); `endpoint_url` is for servers
    that are not Amazon's. An object is known by its key, its ETag, and its version where the bucket keeps versions: one
    that is overwritten is a new version of its artifact, and a task reads what its run has claimed. `page`: objects in
    one request of a listing, at most 1000.
    """

    def __init__(
        self,
        name: str,
        resource_path: str,
        metadata_store: BaseMetadataStoreNode,
        *given: Any,
        endpoint_url: str | None = None,
        region: str | None = None,
        page: int = MOST_IN_A_PAGE,
        **settings: Any,
    ) -> None:
        if not re.match(r"s3://[a-zA-Z0-9._-]+(/|$)", str(resource_path)):
            raise InvalidPipeline(f"cannot use {resource_path!r} for {name!r}: write it like s3://bucket/prefix")
        if type(page) is not int or not 1 <= page <= MOST_IN_A_PAGE:
            raise InvalidPipeline(f"cannot list {name!r} by page={page!r}: a whole number from 1 to {MOST_IN_A_PAGE}")
        super().__init__(name, str(resource_path), metadata_store, *given, **settings)
        self.endpoint_url, self.region, self.page = endpoint_url, region, page

    def open_place(self) -> Place:
        from node_sdk.resources.s3 import S3Place

        return S3Place(self.resource_path, endpoint_url=self.endpoint_url, region=self.region, page=self.page)
