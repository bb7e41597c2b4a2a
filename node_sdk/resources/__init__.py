"""Resources that come with the SDK."""

from node_sdk.resources.filesystem import FilesystemStoreNode
from node_sdk.resources.http_resource import HttpResourceNode
from node_sdk.resources.object_stores import FsspecStoreNode, S3StoreNode
from node_sdk.resources.polling import Polling
from node_sdk.resources.schedule import ScheduleNode
from node_sdk.resources.sql_table import SqlTableResourceNode
from node_sdk.resources.webhook import WebhookResourceNode

__all__ = [
    "FilesystemStoreNode",
    "FsspecStoreNode",
    "HttpResourceNode",
    "Polling",
    "S3StoreNode",
    "ScheduleNode",
    "SqlTableResourceNode",
    "WebhookResourceNode",
]
