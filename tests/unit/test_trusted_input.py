"""What comes from outside is never executed: no module of ours uses a shell, eval, pickle, or a loader of objects."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.unit.test_architecture import imports, modules, within

# A name that must not be called, and the only modules that may: with what they do there.
FORBIDDEN = {
    "eval": {},
    "exec": {"node_sdk.runtime.load": "runs the user's own file, as `python FILE` would"},
    "compile": {"node_sdk.runtime.load": "of that file"},
    "__import__": {},
    "os.system": {},
    "os.popen": {},
    "os.startfile": {},
    "subprocess.getoutput": {},
    "subprocess.getstatusoutput": {},
    "subprocess.call": {},
    "asyncio.create_subprocess_shell": {},
    "yaml.load": {},
    "tempfile.mktemp": {},
    "pty.spawn": {},
    "runpy.run_path": {},
}
NEVER_IMPORTED = (
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "yaml",
    "xmlrpc",
    "commands",
)
# A file that is made must be made by open_own (node_sdk.own_files), or lie where users keep their own.
MAKES_FILES = {
    "node_sdk.runtime.logs": "appends to the files of the user's own logging handlers",
    "node_sdk.metadata.filelock": "beside the user's database, through no link",
    "anacostia_daemon.supervisor.kept_environment": "only where nothing is (O_EXCL)",
}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield module, node


@pytest.mark.parametrize("name", FORBIDDEN)
def test_nothing_is_executed_that_came_from_outside(name: str) -> None:
    used = {
        module
        for module, call in calls()
        if isinstance(call.func, ast.Name | ast.Attribute) and ast.unparse(call.func) == name
    }
    assert used == set(FORBIDDEN[name]), f"{name}() is called in {used - set(FORBIDDEN[name])}"


def test_no_process_is_started_by_a_shell() -> None:
    # A user who wants one for an action of theirs says so; what it is told comes from the pipeline's file alone.
    asked_for = {"node_sdk.actions.family", "node_sdk.actions.shell"}
    broken = [
        f"{module}:{call.lineno}"
        for module, call in calls()
        for word in call.keywords
        if word.arg == "shell" and module not in asked_for
    ]
    assert not broken, broken


def test_nothing_that_makes_objects_of_bytes_is_imported() -> None:
    broken = [str(each) for each in imports() if within(each.name, *NEVER_IMPORTED)]
    assert not broken, broken


def test_files_of_ours_are_made_through_no_link() -> None:
    makers = {
        module for module, call in calls() if ast.unparse(call.func) == "os.open" and "O_CREAT" in ast.unparse(call)
    }
    assert makers == set(MAKES_FILES)


def test_every_unpacking_of_bytes_is_within_the_bounds_of_one_place() -> None:
    unpacking = {
        module
        for module, call in calls()
        if "unpackb" in ast.unparse(call.func) or "Unpacker" in ast.unparse(call.func)
    }
    assert unpacking == {"node_sdk.wire.unpack"}
