"""Runs the user's file as `python file.py` would, and takes the pipeline out of it. Errors say what a user can do."""

from __future__ import annotations

import builtins
import importlib.machinery
import os
import sys
import traceback
import types
from pathlib import Path

from node_sdk.errors import InvalidPipeline
from node_sdk.names import check_name
from node_sdk.overriding import override
from node_sdk.pipeline import Pipeline, PipelineRuns, collecting
from node_sdk.runtime.source import as_read
from node_sdk.wire.loader import Load

LONGEST_DETAIL = 20_000  # characters of traceback


class CannotLoad(Exception):
    """The file gives no pipeline. `str` is for the user, `detail` a traceback of the user's code, or ''."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail[-LONGEST_DETAIL:]


def load(wanted: Load) -> Pipeline:
    """Run the file and choose its pipeline. Raises CannotLoad."""
    source = _read(wanted.file)
    try:
        os.chdir(wanted.cwd)
    except OSError as error:
        raise CannotLoad(
            f"cannot load {wanted.file}: cannot enter the folder {wanted.cwd}: {error.strerror}"
        ) from error
    # Python takes a compiled module for the edited one where size and second of the change agree; so a reload would run
    # what we compiled at the load before it.
    sys.dont_write_bytecode = True
    module = _main_module(wanted)
    found, runs = _execute(source, module, wanted)
    pipeline = _choose(found, runs, module, wanted)
    try:
        pipeline.graph = override(pipeline.graph, wanted.nodes)
    except InvalidPipeline as error:
        raise CannotLoad(str(error)) from error
    return pipeline


def name_of(pipeline: Pipeline, wanted: Load) -> str:
    """What the pipeline is called here. Raises CannotLoad for a name that is not legal."""
    if wanted.pipeline is None:
        return pipeline.name
    try:
        return check_name(wanted.pipeline, "pipeline")
    except InvalidPipeline as error:
        raise CannotLoad(str(error)) from error


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CannotLoad(
            f"cannot load {file}: {error.strerror}; give the path of the file that builds the pipeline"
        ) from error


def _main_module(wanted: Load) -> types.ModuleType:
    """A real __main__, so that what the user's classes are pickled by is found in every process of the pipeline."""
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __file__=wanted.file,
        __builtins__=builtins,
        __loader__=importlib.machinery.SourceFileLoader("__main__", wanted.file),
        __spec__=None,
        __cached__=None,
    )
    sys.modules["__main__"] = module
    sys.argv = [wanted.file, *wanted.argv]
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder that `-m` put there
    sys.path.insert(0, str(Path(wanted.file).resolve().parent))
    return module


def _execute(source: bytes, module: types.ModuleType, wanted: Load) -> tuple[list[Pipeline], Pipeline | None]:
    """The pipelines built, and the one whose run() was called."""
    file = wanted.file
    with collecting() as found, as_read.noting(file, source):
        try:
            exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
        except PipelineRuns as runs:
            return found, runs.pipeline
        except SyntaxError as error:
            where = f"line {error.lineno} of {error.filename}" if error.filename else f"line {error.lineno}"
            raise CannotLoad(f"cannot load {file}: {error.msg} in {where}", _traceback(error)) from error
        except ImportError as error:
            raise CannotLoad(_about_import(file, error), _traceback(error)) from error
        except InvalidPipeline as error:
            raise CannotLoad(str(error), _traceback(error)) from error
        except SystemExit as error:
            if not found or error.code not in (None, 0):
                raise CannotLoad(
                    f"cannot load {file}: it ended itself with sys.exit({error.code!r}) "
                    "before a pipeline was there; give it the arguments it needs after '--'",
                    _traceback(error),
                ) from error
        except BaseException as error:
            words = "".join(traceback.format_exception_only(error)).strip()
            raise CannotLoad(f"cannot load {file}: {_line(error, file)} raised {words}", _traceback(error)) from error
    return found, None


def _choose(found: list[Pipeline], runs: Pipeline | None, module: types.ModuleType, wanted: Load) -> Pipeline:
    names = {name: each for name, each in module.__dict__.items() if isinstance(each, Pipeline)}
    if wanted.name is not None:
        chosen = names.get(wanted.name) or next((each for each in found if each.name == wanted.name), None)
        if chosen is None:
            raise CannotLoad(
                f"cannot load {wanted.file}: it has no Pipeline called {wanted.name!r}" + _choices(found, names)
            )
        return chosen
    if runs is not None:
        return runs
    if not found:
        raise CannotLoad(
            f"cannot load {wanted.file}: it builds no Pipeline; build one at module level, or under "
            'if __name__ == "__main__", with Pipeline(nodes=[…])'
        )
    if len(found) > 1:
        raise CannotLoad(
            f"cannot load {wanted.file}: it builds {len(found)} pipelines; say which with FILE:NAME"
            + _choices(found, names)
        )
    return found[0]


def _choices(found: list[Pipeline], names: dict[str, Pipeline]) -> str:
    called = {id(each): name for name, each in names.items()}
    choices = sorted({called.get(id(each), each.name) for each in found})
    return f" ({', '.join(choices)})" if choices else ""


def _about_import(file: str, error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f"cannot load {file}: the Python that runs it has no module {error.name!r} ({sys.executable}, "
            f"needed in {_line(error, file)}); install it there, or start the pipeline with another Python"
        )
    return f"cannot load {file}: {_line(error, file)} cannot import: {error} (the Python is {sys.executable})"


def _line(error: BaseException, file: str) -> str:
    """The line of the user's file that the error came through."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"line {lines[-1]}" if lines else "it"


def _traceback(error: BaseException) -> str:
    """Of the user's code: our own frames are no help."""
    stack = error.__traceback__
    while stack is not None and stack.tb_frame.f_code.co_filename == __file__:
        stack = stack.tb_next
    return "".join(traceback.format_exception(type(error), error, stack))
