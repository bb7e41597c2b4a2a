"""Every error that the SDK raises on purpose. Types for callers who act on them, words for people who read them.

A message begins with what cannot be done, names the thing, gives the cause and the way out.
"""

from __future__ import annotations


class AnacostiaError(Exception):
    """Base of all errors that this package raises on purpose."""


class InvalidPipeline(AnacostiaError):
    """The graph, a node or its settings break a rule of pipelines; the message names the nodes."""


class InvalidValue(AnacostiaError):
    """A value given to a node's method cannot be recorded (NaN metric, object that is no JSON, …)."""


class NotRunning(AnacostiaError):
    """A method that needs a running pipeline was called outside of one."""


class Recalled(AnacostiaError):
    """Raised inside execute() and its hooks, from outside: the task is to end now. Let it pass, or clean up quickly:
    a process that does not come back within its stop_timeout is replaced."""


class TaskTimeout(Recalled):
    """The attempt takes longer than the action's `timeout`."""


class RunCancelled(Recalled):
    """Somebody has cancelled the run; nothing of this task is recorded any more."""


class ArtifactNotFound(AnacostiaError):
    """No such artifact, or its bytes are gone."""


class StoreUnavailable(AnacostiaError):
    """The metadata store cannot be opened or cannot do its work; the message says why, `cause` in a few words.

    A store that is at work tries again: a disk may have room again, a lock may be let go of.
    """

    def __init__(self, message: str, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause or message


class StoreBroken(StoreUnavailable):
    """As StoreUnavailable, and trying again will not help: the database is damaged, or of another release."""


class ResourceUnavailable(AnacostiaError):
    """A resource cannot be reached or used now; the message says why. It is tried again, not before `retry_after`
    seconds where the other side has said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(AnacostiaError):
    """The store refuses a request for a stated reason; repeating it will not help."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Fenced(Refused):
    """A newer incarnation of this node has said hello: this process must exit (law 3)."""

    def __init__(self, message: str, current: int) -> None:
        super().__init__("fenced", message)
        self.current = current


class Conflict(AnacostiaError):
    """A row would exist twice; the database's constraint said no."""


class BadMessage(AnacostiaError):
    """Bytes from a socket are not one of the messages expected there."""
