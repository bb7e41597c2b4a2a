"""Resources that come with the SDK."""

from node_sdk.resources.filesystem import FilesystemStoreNode
from node_sdk.resources.schedule import ScheduleNode

__all__ = ["FilesystemStoreNode", "ScheduleNode"]
