"""Resources that come with the SDK."""

from node_sdk.resources.filesystem import FilesystemStoreNode

__all__ = ["FilesystemStoreNode"]
