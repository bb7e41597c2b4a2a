"""What a piece of a user's file depends on, read from its source: nothing is executed here.

The file that builds the pipeline is taken apart into its statements, so that an edit of one node is no change of the
others; a module that it imports counts as a whole. Layout and comments never count.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import sysconfig
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import node_sdk

_EVERYTHING = "*"  # bound by `from module import *`


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a module's top level, also one inside of `if`, `try` and the like."""

    text: str  # without layout and comments
    binds: frozenset[str]
    reads: frozenset[str]  # names that it takes from the module
    imports: frozenset[str]  # modules, by their full names


class AsRead:
    """The user's files as this process has read them: they may have been edited since, even while they were loaded."""

    def __init__(self) -> None:
        self._scripts: dict[str, bytes] = {}
        self._imported: dict[str, tuple[float, int]] = {}  # path → time of change and size, as the import saw them

    @contextmanager
    def noting(self, file: str, source: bytes) -> Iterator[None]:
        """Inside, `file` is executed, which reads `source`, and imports others."""
        self._scripts[os.path.realpath(file)] = source
        original = SourceFileLoader.path_stats

        def noted(loader: SourceFileLoader, path: str) -> Mapping[str, Any]:
            found = original(loader, path)
            self._imported[os.path.realpath(path)] = (found["mtime"], found["size"])
            return found

        SourceFileLoader.path_stats = noted  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            SourceFileLoader.path_stats = original  # type: ignore[method-assign]

    def source(self, path: Path) -> bytes:
        """What was executed; for a module that was edited in the meantime something that nothing is equal to."""
        script = self._scripts.get(str(path))
        if script is not None:
            return script
        try:
            with path.open("rb") as stream:
                source, now = stream.read(), os.fstat(stream.fileno())
        except OSError:  # removed meanwhile
            return uuid.uuid4().bytes
        as_it_was = self._imported.get(str(path), (now.st_mtime, now.st_size)) == (now.st_mtime, now.st_size)
        return source if as_it_was else uuid.uuid4().bytes


as_read = AsRead()


class Script:
    """The file that builds the pipeline, as statements."""

    def __init__(self, source: str | bytes) -> None:
        self.statements = tuple(_statements(ast.parse(source).body, (), frozenset()))

    def closure(self, names: Iterable[str]) -> list[Statement]:
        """Every statement that has a part in what `names` are, in the order of the file."""
        wanted, waiting = set[int](), [_EVERYTHING, *names]
        known = set[str]()
        while waiting:
            name = waiting.pop()
            if name in known:
                continue
            known.add(name)
            for index, statement in enumerate(self.statements):
                if name in statement.binds and index not in wanted:
                    wanted.add(index)
                    waiting += statement.reads
        return [self.statements[index] for index in sorted(wanted)]


def project_file(module: ModuleType | None) -> Path | None:
    """The source file of a module that is the user's own: not ours, of Python or installed."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py") or file.startswith(_not_the_users()):
        return None
    found = os.path.realpath(file)
    return None if found.startswith(_not_the_users()) else Path(found)


def project_modules(names: Iterable[str]) -> dict[str, Path]:
    """The user's own modules among `names`, and those that these import, however far: name → file."""
    found: dict[str, Path] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        path = project_file(module)
        if path is None or name in found or name == "__main__":
            continue
        found[name] = path
        waiting += _imported_by(path, getattr(module, "__package__", "") or "")
    return found


@cache
def text_of(path: Path) -> str:
    """The source at `path` without layout and comments; as it is where it cannot be parsed."""
    source = as_read.source(path)
    try:
        return ast.unparse(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        return source.decode(errors="backslashreplace")


@cache
def _imported_by(path: Path, package: str) -> frozenset[str]:
    try:
        return frozenset(_imports(ast.parse(as_read.source(path)), package))
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()


@cache
def _not_the_users() -> tuple[str, ...]:
    """Beginnings of the paths of modules, as texts: there are thousands of them."""
    folders = [sysconfig.get_paths()[each] for each in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders.append(str(Path(node_sdk.__file__).parent))
    return tuple({f"{each}{os.sep}" for folder in folders for each in (folder, os.path.realpath(folder))})


def _statements(body: list[ast.stmt], above: tuple[str, ...], reads: frozenset[str]) -> Iterator[Statement]:
    """`above`: the conditions that these stand under, which are part of what they do; `reads`: the names in them."""
    for each in body:
        inner = [field for field in ("body", "orelse", "finalbody", "handlers") if getattr(each, field, None)]
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or not inner:
            yield _statement(each, above, reads)
            continue
        head = _head(each)
        yield Statement("\n".join((*above, head)), _bound(each, deep=False), _read(each, deep=False), frozenset())
        for field in inner:
            blocks = getattr(each, field)
            for block in (handler.body for handler in blocks) if field == "handlers" else (blocks,):
                yield from _statements(block, (*above, f"{head} {field}"), reads | _read(each, deep=False))


def _statement(statement: ast.stmt, above: tuple[str, ...], reads: frozenset[str]) -> Statement:
    return Statement(
        "\n".join((*above, ast.unparse(statement))),
        _bound(statement),
        reads | _read(statement),
        frozenset(_imports(statement, "")),
    )


def _head(statement: ast.stmt) -> str:
    """`if x > 1:` of a whole `if`."""
    return ast.unparse(statement).partition("\n")[0]


def _bound(statement: ast.stmt, deep: bool = True) -> frozenset[str]:
    """The names that a statement gives another value, or changes the value of."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset({statement.name})
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return frozenset(alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    found = set[str]()
    for node in ast.walk(statement) if deep else _of_head(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found |= _root(node)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        found |= _root(statement.value.func)  # things.append(…) changes what `things` is
    return frozenset(found)


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _read(statement: ast.stmt, deep: bool = True) -> frozenset[str]:
    """The names that a statement takes from its module: not those that are local to a function in it."""
    import symtable

    if not deep:
        return frozenset(node.id for node in _of_head(statement) if isinstance(node, ast.Name))
    if isinstance(statement, ast.Return | ast.Import | ast.ImportFrom | ast.Pass):
        return frozenset()
    found = set[str]()
    tables = [symtable.symtable(ast.unparse(statement), "", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        at_top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_declared_global() or (symbol.is_referenced() and (at_top or symbol.is_global())):
                found.add(symbol.get_name())
    return frozenset(found)


def _of_head(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a compound statement without those of its blocks."""
    for _, value in ast.iter_fields(statement):
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST) and not isinstance(child, ast.stmt | ast.ExceptHandler):
                yield from ast.walk(child)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                if not package:
                    continue
                base = importlib.util.resolve_name("." * node.level + base, package)
            yield from _with_parents(base)
            for alias in node.names:
                yield f"{base}.{alias.name}"


def _with_parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
