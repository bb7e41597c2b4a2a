"""Entry point of `anacostiactl`: the short way where there is one, else the whole one; and whatever may go wrong with
the output. Imports only what each start needs."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

from anacostia_daemon.ctl import exits, quick

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `anacostiactl`; returns its exit code."""
    _fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # never fail for a character
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        return exits.broken_pipe()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # click ends like this
            return exits.broken_pipe()
        raise
    except OSError as error:
        return _failed(error)
    return code


def _run(words: Sequence[str]) -> int:
    code = quick.attempt(words)
    if code is not None:
        return code
    from anacostia_daemon.ctl.whole import run

    return run(words)


def _failed(error: OSError) -> int:
    from anacostia_daemon.ctl.whole import say

    if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF):
        exits.drop_output()
    place = f"{error.filename}: " if error.filename else ""
    return say(f"cannot go on: {place}{error.strerror or error}", exits.FAILED)


def _fill_closed_streams() -> None:
    """`anacostiactl status >&-` asks for the exit code alone. Without this the next socket would become descriptor 1,
    and what we or a child of ours print would go there."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # in this order each gets its own number back, the lowest that is free
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))


if __name__ == "__main__":
    sys.exit(main())
