"""The fingerprint of a node: a digest of what its process would execute, so that two loads of a file can be compared.

What counts: the source of its class and of all in the user's project that this comes from, the values that the
constructor left in the node object, and the same of every node that the object refers to, whose methods it may call.
Its predecessors as such do not count, nor does what is installed. Nothing here may fail a load: what cannot be looked
into counts by its type.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import sys
import types
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from node_sdk.graph import GraphSpec
from node_sdk.nodes.base import BaseNode
from node_sdk.pipeline import Pipeline
from node_sdk.runtime.source import Script, project_file, project_modules, text_of

# Of the graph, which is compared by itself; of logging; of the process.
_NOT_OURS = frozenset({"name", "predecessors", "successors", "loggers", "_binding"})
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range)
_LENGTH = 16
_MOST = 200_000  # values looked into per node; whoever keeps more than these in a constructor keeps data


def fingerprinted(pipeline: Pipeline, graph: GraphSpec) -> GraphSpec:
    """`graph`, which is that of `pipeline`, with the fingerprint of each node."""
    project = Project()
    nodes = tuple(dataclasses.replace(spec, code=project.fingerprint(pipeline[spec.name])) for spec in graph.nodes)
    return dataclasses.replace(graph, nodes=nodes, called=pipeline.name, source=project.digest())


class Project:
    """The user's code in this process."""

    def __init__(self) -> None:
        self._classes: dict[type, str] = {}

    @cached_property
    def _script(self) -> Script:
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        return Script(Path(main).read_bytes() if main and Path(main).is_file() else b"")

    def sources(self) -> list[Path]:
        """The files of the user's project that have been loaded, the one that builds the pipeline among them."""
        found = {project_file(module) for module in list(sys.modules.values())}
        return sorted(each for each in found if each is not None)

    def fingerprint(self, node: BaseNode) -> str:
        """16 characters, the same for the same code and values."""
        try:
            walk = _Walk(self)
            walk.value(node)
            return walk.digest()
        except Exception as error:  # noqa: BLE001  (values nested too deep, say: then every edit is one of this node)
            return _digest((type(error).__name__, self.digest()))[:_LENGTH]

    def digest(self) -> str:
        """Of all its source files, 16 characters."""
        return _digest(text_of(each) for each in self.sources())[:_LENGTH]

    def code_of(self, thing: type) -> str:
        """The source of a class, and of all that it comes from."""
        if thing not in self._classes:
            self._classes[thing] = _digest(text for each in thing.__mro__ for text in self._pieces(each))
        return self._classes[thing]

    def pieces_of(self, module: str, name: str) -> Iterable[str]:
        """The source behind one name of a module: from the script its statements, from another file all of it."""
        if module == "__main__":
            yield from self._of_script({name})
        else:
            yield from self._of_modules([module])
        yield f"{module}.{name}"

    def reads_of(self, names: Iterable[str]) -> Iterable[str]:
        """The source behind `names` of the script, as far as it has them."""
        return self._of_script(set(names))

    def _pieces(self, thing: type) -> Iterable[str]:
        yield thing.__qualname__
        yield from self.pieces_of(thing.__module__, thing.__qualname__.partition(".")[0])

    def _of_script(self, names: set[str]) -> Iterable[str]:
        statements = self._script.closure(names)
        yield from (each.text for each in statements)
        yield from self._of_modules(module for each in statements for module in each.imports)

    def _of_modules(self, names: Iterable[str]) -> Iterable[str]:
        for _, path in sorted(project_modules(names).items()):
            yield text_of(path)


class _Walk:
    """Goes through the values of one node, each object once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._hash = hashlib.sha256()
        self._seen: dict[int, tuple[int, Any]] = {}  # id → its number, and itself: a freed one's id may come again
        self._steps = 0

    def digest(self) -> str:
        return self._hash.hexdigest()[:_LENGTH]

    def node(self, node: BaseNode) -> None:
        self._add("node", node.name, self._project.code_of(type(node)))
        self._mapping({key: value for key, value in vars(node).items() if key not in _NOT_OURS})

    def value(self, value: Any) -> None:
        self._steps += 1
        if self._steps > _MOST:
            return
        if isinstance(value, _PLAIN):
            self._add(type(value).__name__, repr(value))
            return
        if id(value) in self._seen:
            self._add("seen", str(self._seen[id(value)][0]))
            return
        self._seen[id(value)] = (len(self._seen), value)
        self._look_into(value)

    def _look_into(self, value: Any) -> None:
        for kinds, look in self._looks():
            if isinstance(value, kinds):
                look(value)
                return
        self._reduced(value)

    def _looks(self) -> Iterable[tuple[Any, Callable[[Any], None]]]:
        """By type, the first that fits."""
        yield BaseNode, self.node
        yield (list, tuple), self._sequence
        yield (set, frozenset), self._unordered
        yield dict, self._mapping
        yield Path, lambda path: self._add("path", str(path))
        yield logging.Logger, lambda logger: self._add("logger", logger.name)
        yield type, lambda thing: self._add("class", self._project.code_of(thing))
        yield types.ModuleType, lambda module: self._add("module", *self._project.pieces_of(module.__name__, ""))
        yield types.FunctionType, self._function
        yield types.MethodType, lambda method: self._sequence((method.__self__, method.__func__))
        yield types.CodeType, self._code

    def _sequence(self, values: Iterable[Any]) -> None:
        self._add("[")
        for each in values:
            self.value(each)
        self._add("]")

    def _unordered(self, values: Iterable[Any]) -> None:
        self._add("{", *sorted(self._apart(each) for each in values), "}")

    def _mapping(self, values: dict[Any, Any]) -> None:
        """Whatever order it was filled in."""
        for key in sorted(values, key=self._apart):
            self.value(key)
            self.value(values[key])
        self._add("}")

    def _apart(self, value: Any) -> str:
        """Of one value alone, to put those in order that have none."""
        if isinstance(value, _PLAIN):
            return f"{type(value).__name__} {value!r}"
        walk = _Walk(self._project)
        walk._steps, walk._seen = self._steps, dict(self._seen)
        walk.value(value)
        self._steps = walk._steps
        return walk.digest()

    def _function(self, function: types.FunctionType) -> None:
        name, _, inner = function.__qualname__.partition(".")
        if inner or name == "<lambda>":  # made by other code: itself is what counts, not all of what made it
            self._code(function.__code__)
            names = function.__code__.co_names
            pieces = self._project.reads_of(names) if function.__module__ == "__main__" else ()
            self._add(*pieces)
        self._add(*self._project.pieces_of(function.__module__, name))
        self._sequence((function.__defaults__, function.__kwdefaults__))
        self._sequence(_content(cell) for cell in function.__closure__ or ())

    def _code(self, code: types.CodeType) -> None:
        self._add("code", code.co_code.hex(), *code.co_names, *code.co_varnames)
        self._sequence(code.co_consts)

    def _reduced(self, value: Any) -> None:
        """As pickle would take it apart, in case it can."""
        kind = type(value)
        self._add("object", kind.__module__, kind.__qualname__, self._project.code_of(kind))
        try:
            parts = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001  (a lock, a socket, a user's own refusal)
            return
        if isinstance(parts, tuple):
            for each in parts[1:]:
                self.value(list(each) if hasattr(each, "__next__") else each)

    def _add(self, *texts: str) -> None:
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            self._hash.update(len(data).to_bytes(8, "big") + data)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _digest(texts: Iterable[str]) -> str:
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()
