"""A Python function or module of another virtual environment as an action. What goes there and comes back is JSON;
nothing of this package is needed there.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from node_sdk.actions.python import outcome
from node_sdk.actions.shell import CommandFailed, ShellActionNode
from node_sdk.errors import InvalidPipeline
from node_sdk.nodes.base import BaseNode, Loggers

# What the other interpreter runs, with nothing but its standard library. The answer goes to a file of its own, so that
# whatever is printed there is output and nothing else.
_CALL = """\
import importlib, json, sys
module, function, answer = sys.argv[1:4]
given = json.load(sys.stdin)
target = importlib.import_module(module)
for name in function.split("."):
    target = getattr(target, name)
text = json.dumps(target(**given))
with open(int(answer), "w") as file:
    file.write(text)
"""
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")


class SubprocessActionNode(ShellActionNode):
    """Calls `target` with the interpreter `python`, which may be of another version, with other packages.

    `"package.module:function"` is called with `arguments`, a dict of JSON or a function of this node that gives one;
    `"package.module"` is run as `python -m` would, `arguments` being a list of words. Modules are looked for in `cwd`
    and where that interpreter looks. What a function returns goes to `received`. An exception there is an error here,
    and its traceback stands in the node's log. The rest is as for ShellActionNode.
    """

    def __init__(
        self,
        name: str,
        target: str,
        predecessors: Sequence[BaseNode],
        *,
        python: str | os.PathLike[str],
        arguments: Mapping[str, Any] | Sequence[str] | Callable[..., Any] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        loggers: Loggers = None,
        **settings: Any,
    ) -> None:
        if not isinstance(target, str) or not _TARGET.fullmatch(target):
            raise InvalidPipeline(
                f"cannot make action {name!r}: {target!r} is no target; write 'package.module:function' or "
                "'package.module'"
            )
        self.module, _, self.function = target.partition(":")
        self.python = os.path.expanduser(os.fspath(python))  # noqa: PTH111 - a venv's python must not be resolved
        self.arguments = arguments
        super().__init__(name, [self.python], predecessors, env=env, cwd=cwd, loggers=loggers, **settings)

    def received(self, result: Any) -> bool:
        """What the returned `result`, plain JSON, means; by default True and None succeed, False fails.

        Override it for a function that returns more: metrics, say.
        """
        return outcome(result, f"the function of {self.name!r}")

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        """Call the function, or run the module."""
        given: Any = self.value_of(self.arguments)
        if not self.function:
            return self.judge(*self.run([self.python, "-m", self.module, *map(str, given or ())]))
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile("w+b") as answer:
            stdin.write(self._as_json(given or {}))
            stdin.seek(0)
            fd = answer.fileno()
            command = [self.python, "-c", _CALL, self.module, self.function, str(fd)]
            code, tail = self.run(command, stdin=stdin, pass_fds=(fd,))
            if not self.judge(code, tail):
                return False
            answer.seek(0)
            return self.received(json.load(answer))

    def environment(self) -> dict[str, str]:
        """As the command's, without what would lead the other interpreter to packages of this one."""
        found = super().environment()
        for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"):
            if name not in self.env:
                found.pop(name, None)
        return found

    def _as_json(self, given: Any) -> bytes:
        if not isinstance(given, Mapping):
            raise CommandFailed(
                f"cannot call the function of action {self.name!r}: its arguments are no dict: {given!r:.80}"
            )
        try:
            return json.dumps(dict(given)).encode()
        except (TypeError, ValueError) as error:
            raise CommandFailed(f"cannot call the function of action {self.name!r}: no JSON: {error}") from error
