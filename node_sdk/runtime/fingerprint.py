"""The fingerprint of a node: a digest of what its process would execute, so that two loads of a file can be compared.

What counts: the source of its class and of all in the user's project that this comes from, with the data in globals
there (a configuration that was read, say); the values that the constructor left in the node object; and the same of
every node that the object refers to, whose methods it may call. Its predecessors as such do not count, nor does what is
installed. Nothing here may fail a load: what cannot be looked into counts by its type.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from node_sdk.graph import GraphSpec
from node_sdk.nodes.base import BaseNode
from node_sdk.pipeline import Pipeline
from node_sdk.runtime.source import Script, as_read, project_file, project_modules, text_of

# Of the graph, which is compared by itself; of logging; of the process.
_NOT_OURS = frozenset({"name", "predecessors", "successors", "loggers", "_bond"})
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range)
_LENGTH = 16
_MOST = 200_000  # values looked into per node; whoever keeps more than these in a constructor keeps data


def fingerprinted(pipeline: Pipeline, graph: GraphSpec) -> GraphSpec:
    """`graph`, which is that of `pipeline`, with the fingerprint of each node."""
    project = Project()
    nodes = tuple(dataclasses.replace(spec, code=project.fingerprint(pipeline[spec.name])) for spec in graph.nodes)
    return dataclasses.replace(graph, nodes=nodes, called=pipeline.name, source=project.digest())


@dataclass(frozen=True, slots=True)
class Origin:
    """What something in the user's project comes from: a digest of its source, and data in globals that it uses."""

    text: str
    values: tuple[tuple[str, Any], ...]


class Project:
    """The user's code in this process."""

    def __init__(self) -> None:
        self._classes: dict[type, Origin] = {}

    @cached_property
    def _script(self) -> Script:
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        return Script(as_read.source(Path(main).resolve()) if main and Path(main).is_file() else b"")

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

    def of_class(self, thing: type) -> Origin:
        """What a class comes from, with all that it derives from."""
        if thing not in self._classes:
            found = [self.of(each.__module__, {each.__name__, _outermost(each)}) for each in thing.__mro__]
            names = [f"{each.__module__}.{each.__qualname__}" for each in thing.__mro__]
            self._classes[thing] = Origin(_digest([*names, *(each.text for each in found)]), _all_values(found))
        return self._classes[thing]

    def of(self, module: str, names: set[str]) -> Origin:
        """What is behind names of a module: from the script their statements, from another file all of it."""
        if module != "__main__":
            return _of_modules([module])
        statements = self._script.closure(names)
        scope = vars(sys.modules["__main__"])
        bound = sorted(set().union(*(each.binds for each in statements)) & scope.keys())
        imported = _of_modules(name for each in statements for name in each.imports)
        text = _digest([*(each.text for each in statements), imported.text])
        return Origin(text, (*_data({name: scope[name] for name in bound}), *imported.values))


def _of_modules(names: Iterable[str]) -> Origin:
    """The user's modules among these, with what they import."""
    found = sorted(project_modules(names).items())
    values = tuple(each for name, _ in found for each in _data(vars(sys.modules[name])))
    return Origin(_digest(text_of(path) for _, path in found), values)


def _data(scope: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """The values among globals that may have been read from somewhere else: the source does not tell them."""
    kinds = (*_PLAIN, list, tuple, set, frozenset, dict, Path, BaseNode)
    return tuple((name, scope[name]) for name in sorted(scope) if name[:2] != "__" and isinstance(scope[name], kinds))


def _all_values(origins: Iterable[Origin]) -> tuple[tuple[str, Any], ...]:
    return tuple(value for each in origins for value in each.values)


def _outermost(thing: type) -> str:
    return thing.__qualname__.partition(".")[0]


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
        self._add("node", node.name)
        self.value(type(node))
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
        yield type, lambda thing: self._origin("class", self._project.of_class(thing))
        yield types.ModuleType, lambda module: self._origin(module.__name__, self._project.of(module.__name__, set()))
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
        names = {name}
        if inner or name == "<lambda>":  # made by other code: itself is what counts, not only what made it
            self._code(function.__code__)
            names |= set(function.__code__.co_names)
        self._origin(f"{function.__module__}.{function.__qualname__}", self._project.of(function.__module__, names))
        self._sequence((function.__defaults__, function.__kwdefaults__))
        self._sequence(_content(cell) for cell in function.__closure__ or ())

    def _origin(self, what: str, origin: Origin) -> None:
        self._add(what, origin.text)
        for name, value in origin.values:
            self._add(name)
            self.value(value)

    def _code(self, code: types.CodeType) -> None:
        self._add("code", code.co_code.hex(), *code.co_names, *code.co_varnames)
        self._sequence(code.co_consts)

    def _reduced(self, value: Any) -> None:
        """As pickle would take it apart, in case it can."""
        kind = type(value)
        self._add("object")
        self.value(kind)
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
