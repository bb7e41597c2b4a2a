"""Writes docs/protocol.md from the messages in the code, so that the page cannot say anything else.

`make docs` writes it; `python docs/generate_protocol.py --check` (and a test) only says whether it is up to date.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from anacostia_daemon.control import messages as control
from node_sdk.wire import frames, link, loader, signals, store
from node_sdk.wire.codec import MAX_DEPTH, MAX_MESSAGE, Message

PAGE = Path(__file__).with_name("protocol.md")

# Each direction: its heading, one sentence, and its messages (a base class means everything derived from it).
Direction = tuple[str, str, ModuleType, tuple[type[Message], ...]]
DIRECTIONS: tuple[Direction, ...] = (
    ("Client → daemon", "`control.sock`, unix stream, frames.", control, (control.ToDaemon,)),
    ("Daemon → client", "The answers on the same connection, in order.", control, (control.ToClient,)),
    ("Daemon → loader", "`PIPELINE/loader.sock`, unix stream, frames.", loader, (loader.ToLoader,)),
    ("Loader → daemon", "The same connection.", loader, (loader.FromLoader, loader.ChildState)),
    ("Node → daemon", "`link.sock`, ZeroMQ DEALER to ROUTER.", link, (link.NodeMessage,)),
    ("Daemon → node", "The same connection.", link, (link.DaemonMessage,)),
    ("Node → successor", "`PIPELINE/NODE.sock`, ZeroMQ DEALER to ROUTER, one frame.", signals, (signals.Signal,)),
    ("Successor → node", "The same connection.", signals, (signals.SignalTaken,)),
    (
        "Node or daemon → store",
        "The inbox of the store. A `StoreRequest` carries one of the operations below it.",
        store,
        (store.StoreRequest, store.Operation),
    ),
    (
        "Store → asker",
        "After the commit. `Welcome` is the value that answers `Hello`.",
        store,
        (store.StoreReply, store.Wake, store.Welcome),
    ),
    (
        "Parts of messages",
        "What the messages above carry.",
        store,
        (store.Due, store.Output, store.Lost, store.Unsignalled, store.Found),
    ),
)

HEAD = f"""# Protocol

Every message between the processes of Anacostia, by direction. **This page is written by `make docs` from the code**
(`node_sdk/wire`, `anacostia_daemon/control/messages.py`); a test fails where it is out of date.

A message is a msgpack map: its name under `"@"`, then its fields. Reading is strict about types and about fields
without a default, and ignores fields it does not know, so that a newer peer may say more. A message has at most
{MAX_MESSAGE // 2**20} MiB and {MAX_DEPTH} levels. Nothing is ever unpickled. On ZeroMQ sockets one message is one
frame; on unix streams each is preceded by its length in four bytes, big endian. Garbage costs its sender the
connection.

Which socket is bound by whom is in [architecture.md](architecture.md#processes-and-sockets). `field?` has a default.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for heading, sentence, module, bases in DIRECTIONS:
        parts.append(f"## {heading}\n\n{sentence}\n\n| message | fields | meaning |\n|---|---|---|")
        parts[-1] += "".join(f"\n{_row(each)}" for each in _messages(module, bases))
        parts[-1] += "\n"
    return "\n".join(parts)


def undocumented() -> set[str]:
    """Messages of the code that no direction claims."""
    claimed = {each for _, _, module, bases in DIRECTIONS for each in _messages(module, bases)}
    return {each.__name__ for module in (control, loader, link, signals, store) for each in _all(module)} - {
        each.__name__ for each in claimed
    }


def _messages(module: ModuleType, bases: tuple[type[Message], ...]) -> Iterator[type[Message]]:
    return (each for each in _all(module) if issubclass(each, bases))


def _all(module: ModuleType) -> Iterator[type[Message]]:
    """Messages defined in `module`, in the order of its text, without the bases that are never sent."""
    for each in vars(module).values():
        if inspect.isclass(each) and issubclass(each, Message) and each.__module__ == module.__name__:
            derived = any(
                other is not each and each in other.__mro__ for other in vars(module).values() if inspect.isclass(other)
            )
            if not derived:
                yield each


def _row(message: type[Message]) -> str:
    fields = []
    for field in dataclasses.fields(message):  # type: ignore[arg-type]
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        fields.append(f"`{field.name}{'' if needed else '?'}: {_type(field.type)}`")
    # A dataclass without a docstring of its own is given its signature for one.
    words = inspect.getdoc(message) or ""
    meaning = "" if words.startswith(f"{message.__name__}(") else re.sub(r"\s+", " ", words)
    return f"| **{message.__name__}** | {', '.join(fields) or '(none)'} | {meaning} |"


def _type(written: object) -> str:
    """A type as the table shows it: a bare | would end the cell."""
    return str(written).replace("|", "or").replace("Literal[", "one of [").replace('"', "'")


def main() -> int:
    if frames.frame(b"x") != b"\x00\x00\x00\x01x":
        raise AssertionError("the page describes other frames than the code makes")
    if "--check" in sys.argv:
        return 0 if PAGE.exists() and PAGE.read_text() == page() else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
