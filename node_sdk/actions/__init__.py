"""Actions that come with the SDK: a Python function, a command, a function of another virtual environment, a request
over HTTP, an email. Each takes the settings of every action (`retries=3`, `timeout=60`, …) as keywords.
"""

from node_sdk.actions.email import EmailActionNode, EmailFailed
from node_sdk.actions.http import HttpActionNode, HttpFailed, HttpResponse
from node_sdk.actions.python import PythonActionNode, action
from node_sdk.actions.secret import Secret, from_environment, from_file
from node_sdk.actions.shell import CommandFailed, ShellActionNode
from node_sdk.actions.subprocess import SubprocessActionNode

__all__ = [
    "CommandFailed",
    "EmailActionNode",
    "EmailFailed",
    "HttpActionNode",
    "HttpFailed",
    "HttpResponse",
    "PythonActionNode",
    "Secret",
    "ShellActionNode",
    "SubprocessActionNode",
    "action",
    "from_environment",
    "from_file",
]
