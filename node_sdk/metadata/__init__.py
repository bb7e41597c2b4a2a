"""Metadata stores: where runs, artifacts, metrics, params and tags are recorded."""

from node_sdk.metadata.sql import SqlMetadataStore
from node_sdk.metadata.sqlite import SqliteMetadataStore

__all__ = ["SqlMetadataStore", "SqliteMetadataStore"]
