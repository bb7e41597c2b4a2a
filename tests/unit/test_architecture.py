"""The directions of import, the weight of each front door, and that docs/architecture.md speaks of what is there.

Imports are read from the source, those inside functions too: a forbidden import that is late is still forbidden.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("node_sdk", "anacostia_daemon")


@dataclass(frozen=True)
class Import:
    """One import statement: `module` imports `name`; `typing_only` under `if TYPE_CHECKING`."""

    module: str
    name: str
    line: int
    typing_only: bool
    late: bool  # inside a function

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.name}"


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    return tuple(each for module, path in modules().items() for each in _imports_of(module, path))


def _imports_of(module: str, path: Path) -> Iterator[Import]:
    def walk(node: ast.AST, typing_only: bool, late: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(module, alias.name, child.lineno, typing_only, late)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}:{child.lineno}: imports are absolute here"
                for alias in child.names:
                    name = f"{child.module}.{alias.name}"
                    yield Import(
                        module, name if name in modules() else child.module or "", child.lineno, typing_only, late
                    )
            else:
                for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                yield from walk(child, typing_only or for_types, late or in_function)

    yield from walk(ast.parse(path.read_text()), False, False)


def within(name: str, *packages: str) -> bool:
    return any(name == each or name.startswith(each + ".") for each in packages)


# Who may not import what. The reasons stand in docs/architecture.md (Parts, and The laws).
NEVER = {
    "node_sdk": ("anacostia_daemon", "benchmarks", "click", "platformdirs", "pickle", "marshal", "shelve"),
    "node_sdk.wire": ("socket", "zmq", "node_sdk.runtime", "node_sdk.nodes", "node_sdk.metadata"),
    "node_sdk.nodes": ("socket", "zmq", "node_sdk.runtime"),
    "node_sdk.resources": ("socket", "zmq", "node_sdk.runtime"),
    "node_sdk.actions": ("socket", "zmq", "node_sdk.runtime", "node_sdk.metadata", "node_sdk.resources", "sqlalchemy"),
    "node_sdk.triggers": ("time", "zmq", "node_sdk.runtime", "node_sdk.metadata", "node_sdk.resources", "sqlalchemy"),
    "node_sdk.resources.polling": ("time", "random", "node_sdk.nodes", "node_sdk.wire"),
    "node_sdk.resources.listing": ("time", "random", "node_sdk.nodes", "node_sdk.wire"),
    "node_sdk.resources.json_items": ("time", "node_sdk.nodes", "node_sdk.wire"),
    "node_sdk.resources.horizon": ("time", "node_sdk.nodes", "node_sdk.wire"),
    "node_sdk.resources.timetable": ("time", "node_sdk.nodes", "node_sdk.wire"),
    "node_sdk.pipeline": ("socket", "zmq", "node_sdk.runtime", "sqlalchemy"),
    "node_sdk.metadata": ("socket", "zmq", "node_sdk.runtime"),
    "node_sdk.runtime": ("sqlalchemy", "alembic"),
    "anacostia_daemon": ("benchmarks", "sqlalchemy", "alembic", "watchdog", "pickle", "marshal", "shelve"),
    "anacostia_daemon.core": ("time", "os", "subprocess", "socket", "threading", "zmq", "sqlite3", "psutil"),
    "anacostia_daemon.journal": ("zmq", "socket", "subprocess"),
    "anacostia_daemon.process": ("zmq", "sqlite3", "anacostia_daemon.core", "anacostia_daemon.supervisor"),
    "anacostia_daemon.config": ("subprocess", "socket", "zmq", "sqlite3", "threading", "psutil", "click"),
    "anacostia_daemon.control": ("click", "zmq", "anacostia_daemon.ctl"),
    "anacostia_daemon.service": ("click", "zmq", "sqlite3", "psutil", "subprocess"),
    "anacostia_daemon.supervisor": (
        "click",
        "anacostia_daemon.ctl",
        "node_sdk.nodes",
        "node_sdk.resources",
        "node_sdk.metadata",
    ),
    "anacostia_daemon.paths": ("zmq", "psutil", "click"),
    "anacostia_daemon.companions": ("zmq", "psutil", "sqlite3", "click"),
    "anacostia_daemon.web": ("zmq", "psutil", "sqlite3", "click"),
}
# Nobody knows the dashboard but the daemon, which starts it by its name.
NEVER |= {
    package: (*NEVER.get(package, ()), "anacostia_daemon.web", "fastapi", "starlette", "uvicorn", "jinja2", "pydantic")
    for package in (*NEVER, "anacostia_daemon.ctl", "anacostia_daemon.doctor")
    if package not in ("anacostia_daemon", "anacostia_daemon.web")
}

# Who may import what of ours, and nothing else of ours.
ONLY = {
    "anacostia_daemon.core": ("anacostia_daemon.core", "node_sdk.graph", "node_sdk.policy"),
    "anacostia_daemon.control.glance": ("node_sdk.wire.unpack",),
    "node_sdk.wire.unpack": (),
    "anacostia_daemon.ctl": (
        "anacostia_daemon.ctl",
        "anacostia_daemon.config",
        "anacostia_daemon.control.client",
        "anacostia_daemon.control.glance",
        "anacostia_daemon.doctor",
        "anacostia_daemon.paths",
        "anacostia_daemon.service",
        "anacostia_daemon.__version__",
        "node_sdk.errors",
        "node_sdk.logspace",
        "node_sdk.policy",
        "node_sdk.rotation",
        "node_sdk.own_files",
    ),
    "anacostia_daemon.service": ("anacostia_daemon.service",),
    # Companions are clients like any other: whatever happens to them, the daemon has no part in it.
    "anacostia_daemon.companions": (
        "anacostia_daemon.companions",
        "anacostia_daemon.control.client",
        "anacostia_daemon.paths",
        "node_sdk.errors",
    ),
    # The dashboard is one more; it reads logs and artifacts where they lie.
    "anacostia_daemon.web": (
        "anacostia_daemon.web",
        "anacostia_daemon.companions.story",
        "anacostia_daemon.companions.tether",
        "anacostia_daemon.control.client",
        "anacostia_daemon.ctl.logline",
        "anacostia_daemon.ctl.sentences",
        "anacostia_daemon.paths",
        "anacostia_daemon.__version__",
        "node_sdk.logspace",
        "node_sdk.own_files",
        "node_sdk.resources.inside",
        "node_sdk.resources.locations",
    ),
    # Configuration depends on nothing that runs.
    "anacostia_daemon.config": ("anacostia_daemon.config", "node_sdk.errors", "node_sdk.policy"),
    "anacostia_daemon.doctor": (
        "anacostia_daemon.doctor",
        "anacostia_daemon.config",
        "anacostia_daemon.control.client",
        "anacostia_daemon.control.door",
        "anacostia_daemon.journal.schema",
        "anacostia_daemon.paths",
        "anacostia_daemon.__version__",
        "node_sdk.cgroup",
        "node_sdk.names",
    ),
    "node_sdk.rotation": ("node_sdk.logspace", "node_sdk.own_files", "node_sdk.policy"),
    "node_sdk.logspace": ("node_sdk.own_files",),
    "node_sdk.own_files": (),
    "node_sdk.wire": ("node_sdk.wire", "node_sdk.errors", "node_sdk.graph", "node_sdk.policy"),
}

# Heavy or restricted packages, and the only modules that may import them.
HOLDERS = {
    "sqlalchemy": ("node_sdk.metadata", "node_sdk.resources.sql_rows"),
    "psycopg": ("node_sdk.metadata.postgresql", "node_sdk.resources.listener"),
    "alembic": ("node_sdk.metadata",),
    "watchdog": ("node_sdk.resources",),
    "cronsim": ("node_sdk.resources.timetable",),
    "boto3": ("node_sdk.resources.s3", "node_sdk.resources.s3_faults"),
    "botocore": ("node_sdk.resources.s3", "node_sdk.resources.s3_faults"),
    "httpx": ("node_sdk.resources.http_client", "anacostia_daemon.web.client"),
    "fsspec": ("node_sdk.resources.fsspec_place",),
    "click": ("anacostia_daemon.ctl", "anacostia_daemon.__main__"),
    "zmq": ("node_sdk.runtime", "anacostia_daemon.supervisor"),
    "msgpack": ("node_sdk.wire", "anacostia_daemon.control.glance"),
    "opentelemetry": ("anacostia_daemon.companions.traces",),
    "prometheus_client": ("anacostia_daemon.companions.metrics",),
    # The daemon tells an error of its journal from others by its type.
    "sqlite3": ("anacostia_daemon.journal", "anacostia_daemon.doctor", "node_sdk.metadata"),
    # Where there is no /proc, start times come from psutil.
    "psutil": ("anacostia_daemon", "node_sdk.osprocess"),
    # The daemon asks stores through the channel that nodes use; node_sdk.testing runs a node as its process would.
    "node_sdk.runtime": ("node_sdk.runtime", "node_sdk.testing", "anacostia_daemon.supervisor.store_query"),
}


@pytest.mark.parametrize("package", NEVER)
def test_no_part_imports_what_it_must_never_know(package: str) -> None:
    broken = [str(each) for each in imports() if within(each.module, package) and within(each.name, *NEVER[package])]
    assert not broken, f"{package} must not import this:\n" + "\n".join(broken)


@pytest.mark.parametrize("package", ONLY)
def test_the_narrow_parts_import_only_what_they_are_built_on(package: str) -> None:
    ours = [each for each in imports() if within(each.module, package) and within(each.name, *PACKAGES)]
    broken = [str(each) for each in ours if not within(each.name, *ONLY[package]) and each.name not in PACKAGES]
    assert not broken, f"{package} imports of ours only {', '.join(ONLY[package])}:\n" + "\n".join(broken)


@pytest.mark.parametrize("package", HOLDERS)
def test_a_heavy_package_is_imported_only_where_it_is_at_home(package: str) -> None:
    broken = [
        str(each) for each in imports() if within(each.name, package) and not within(each.module, *HOLDERS[package])
    ]
    assert not broken, f"only {', '.join(HOLDERS[package])} may import {package}:\n" + "\n".join(broken)


def benchmark_imports(folder: str) -> list[Import]:
    """All imports of the files of `benchmarks/FOLDER`."""
    found = []
    for path in sorted((ROOT / "benchmarks" / folder).glob("*.py")):
        found += _imports_of(f"benchmarks.{folder.replace('/', '.')}.{path.stem}", path)
    assert found, f"benchmarks/{folder} is gone"
    return found


def test_the_harness_of_the_benchmarks_knows_no_figure_and_no_peer() -> None:
    known = [each for each in benchmark_imports("harness") if within(each.name, "benchmarks")]
    broken = [str(each) for each in known if not within(each.name, "benchmarks.harness")]
    assert not broken, "benchmarks/harness must work for any figure:\n" + "\n".join(broken)


def test_scripts_inside_the_environment_of_a_peer_import_nothing_of_ours() -> None:
    broken = [str(each) for each in benchmark_imports("peers/inside") if within(each.name, "benchmarks", *PACKAGES)]
    assert not broken, "nothing of ours is installed where these run:\n" + "\n".join(broken)


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = {module: set() for module in modules()}
    for each in imports():
        if each.name in edges and not each.typing_only:
            edges[each.module].add(each.name)
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail("these modules import each other in a circle: " + " -> ".join(error.args[1]))


def loaded_by(statement: str) -> set[str]:
    """Top-level names of the packages that a fresh interpreter has after `statement`."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.split(".")[0] for name in found.stdout.split()}


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        (
            "from node_sdk import Pipeline; from node_sdk.resources import FilesystemStoreNode; "
            "from node_sdk.metadata import SqliteMetadataStore, SqlMetadataStore",
            {"anacostia_daemon", "sqlalchemy", "alembic", "watchdog", "psutil", "click", "zmq", "asyncio"}
            | {"boto3", "fsspec", "httpx"},
        ),
        ("import node_sdk.runtime.loader", {"anacostia_daemon", "sqlalchemy", "alembic", "psutil", "click", "asyncio"}),
        ("import anacostia_daemon.ctl.__main__", {"sqlalchemy", "alembic", "zmq", "psutil", "watchdog", "asyncio"}),
        ("import anacostia_daemon.__main__", {"sqlalchemy", "alembic", "watchdog", "asyncio"}),
        ("import anacostia_daemon.control.client", {"sqlalchemy", "zmq", "psutil", "click", "asyncio", "platformdirs"}),
    ],
)
def test_importing_a_front_door_loads_nothing_heavy(statement: str, unwanted: set[str]) -> None:
    heavy = loaded_by(statement) & unwanted
    assert not heavy, f"`{statement}` loads {', '.join(sorted(heavy))}, which it does not need"


def test_the_public_names_of_the_sdk_are_these_and_sorted() -> None:
    import node_sdk

    assert sorted(node_sdk.__all__) == node_sdk.__all__
    assert set(node_sdk.__all__) == {
        "AnacostiaError",
        "ArtifactNotFound",
        "BaseActionNode",
        "BaseMetadataStoreNode",
        "BaseNode",
        "BaseResourceNode",
        "InvalidPipeline",
        "InvalidValue",
        "Limits",
        "LogPolicy",
        "NotRunning",
        "Pipeline",
        "RestartPolicy",
        "run_background_webserver",
    }


def test_every_public_name_of_the_sdk_says_what_it_is() -> None:
    import node_sdk
    import node_sdk.actions
    import node_sdk.metadata
    import node_sdk.resources
    import node_sdk.triggers

    for package in (node_sdk, node_sdk.actions, node_sdk.metadata, node_sdk.resources, node_sdk.triggers):
        for name in package.__all__:
            public = getattr(package, name)
            assert public.__doc__, f"{package.__name__}.{name} has no docstring"
            for method, value in vars(public).items():
                if callable(value) and not method.startswith("_"):
                    documented = any(getattr(getattr(base, method, None), "__doc__", None) for base in public.__mro__)
                    assert documented, f"{package.__name__}.{name}.{method} has no docstring"


def test_every_module_begins_with_its_law() -> None:
    silent = [
        module
        for module, path in modules().items()
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent, f"no docstring in {', '.join(silent)}"


def documented_paths() -> set[str]:
    """What docs/architecture.md names in backticks and is meant to be a file or folder of this tree."""
    text = (ROOT / "docs/architecture.md").read_text()
    quoted = re.findall(r"`([^`\s]+)`", text)
    return {each for each in quoted if re.fullmatch(r"[\w./]+(\.py|/)|[a-z_]+/[\w/]+(\.py)?", each) and "$" not in each}


@pytest.mark.parametrize("path", sorted(documented_paths()))
def test_what_the_architecture_page_names_is_in_the_tree(path: str) -> None:
    if path.isupper() or path.startswith(("socket_dir/", "pipelines/", "logs/", "flight/")):
        return  # in a daemon's home, not in this tree
    wanted = path.rstrip("/")
    known = {each.relative_to(ROOT).as_posix() for each in modules().values()}
    known |= {Path(each).parent.as_posix() for each in known} | {
        each.relative_to(ROOT).as_posix()
        for top in ("tests", "docs", "examples", "systemd")
        for each in (ROOT / top).rglob("*")
    }
    assert any(each == wanted or each.endswith("/" + wanted) for each in known), (
        f"docs/architecture.md speaks of `{path}`, which is nowhere in the tree"
    )


@pytest.mark.parametrize(
    "page", [*sorted(each.relative_to(ROOT).as_posix() for each in ROOT.glob("docs/**/*.md")), "README.md"]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}, which is not there"
