"""`anacostiad`: the daemon, in the foreground. Exit codes: 0 ended as told, 1 cannot start, 70 a pipeline was given up
(where that ends the daemon), 75 another daemon holds the home, 78 the configuration cannot be used. Who starts it in
the background (`anacostiactl start`) is told by --ready-fd when it is up.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anacostia_daemon import __version__
from anacostia_daemon.paths import Home
from node_sdk.errors import AnacostiaError

if TYPE_CHECKING:
    from anacostia_daemon.config.configuration import Config
    from anacostia_daemon.supervisor.daemon import Daemon

EXIT_FAILED = 1
EXIT_GIVEN_UP = 70  # EX_SOFTWARE: a pipeline cannot go on without a node that has failed
EXIT_HELD = 75  # EX_TEMPFAIL: try again when the other one has ended
EXIT_CONFIG = 78  # EX_CONFIG: to try again is of no use before somebody has edited the file


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    asked = _parser().parse_args(arguments)
    home = Home.find(asked.home)
    _show_hangs()
    if asked.end_nodes:
        return _end_nodes(home)
    return _run(home, asked.ready_fd, asked.end_with_fd)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="anacostiad", description="Supervises Anacostia pipelines.")
    parser.add_argument("--home", metavar="PATH", help="where the daemon keeps its state (default: $ANACOSTIA_HOME, …)")
    parser.add_argument("--ready-fd", type=int, metavar="N", help="write a line to descriptor N once it is up")
    parser.add_argument(
        "--end-with-fd", type=int, metavar="N", help="shut down when descriptor N is at its end of file"
    )
    parser.add_argument(
        "--end-nodes", action="store_true", help="stop the nodes that an earlier daemon has left, start none, and end"
    )
    parser.add_argument("--version", action="version", version=f"anacostiad {__version__}")
    return parser


def _run(home: Home, ready_fd: int | None, end_with_fd: int | None) -> int:
    from anacostia_daemon.config.configuration import find, load
    from anacostia_daemon.config.problems import ConfigError
    from anacostia_daemon.control.door import CannotOpen
    from anacostia_daemon.supervisor.home_lock import HomeHeld

    for fd in (ready_fd, end_with_fd):
        if fd is not None:
            os.set_inheritable(fd, False)  # a loader that held it too would keep it open
    try:
        home.make()  # before anything in it is believed
        config = load(find(home.path))
        daemon = _daemon(home, config)
    except (ConfigError, CannotOpen) as error:
        return _fail(error, EXIT_CONFIG)
    except HomeHeld as error:
        return _fail(error, EXIT_HELD)
    except AnacostiaError as error:
        return _fail(error, EXIT_FAILED)
    except OSError as error:
        return _fail(_about_disk(home, error), EXIT_FAILED)
    if ready_fd is not None:
        with contextlib.suppress(BrokenPipeError):  # whoever asked may have given up
            os.write(ready_fd, b"ready\n")
        os.close(ready_fd)
    if end_with_fd is not None:
        daemon.settings.for_one_program = daemon.settings.exit_on_failure = True
        _end_with(daemon, end_with_fd)
    return EXIT_GIVEN_UP if daemon.run() else 0


def _end_nodes(home: Home) -> int:
    """Law 2 again: taken over like at any start, then stopped like by any shutdown."""
    from anacostia_daemon.service.aftermath import may_live_on
    from anacostia_daemon.supervisor.home_lock import last_holder

    if may_live_on(os.environ, last_holder(home)):
        return 0
    from anacostia_daemon.supervisor.home_lock import HomeHeld

    try:
        _daemon(home, _usable_config(home), closed=True).run(and_end="ending what an earlier daemon has left")
    except HomeHeld as error:
        return _fail(error, EXIT_HELD)
    except AnacostiaError as error:
        return _fail(error, EXIT_FAILED)
    except OSError as error:
        return _fail(_about_disk(home, error), EXIT_FAILED)
    return 0


def _daemon(home: Home, config: Config, *, closed: bool = False) -> Daemon:
    from anacostia_daemon.supervisor.daemon import Daemon

    return Daemon(Home(home.path, sockets=config.table("daemon").get("sockets")), config, closed=closed)


def _usable_config(home: Home) -> Config:
    """That of the home, or the defaults: what was left has to end, whatever somebody has written there since."""
    from anacostia_daemon.config.configuration import find, from_text, load
    from anacostia_daemon.config.problems import ConfigError
    from anacostia_daemon.supervisor.log import complain

    try:
        return load(find(home.path))
    except ConfigError as error:
        complain(f"anacostiad: {error}; ending what is left without it")
        return from_text("", None, {})


def _show_hangs() -> None:
    """The watchdog of the service ends a daemon that hangs with SIGABRT: then the log shows where it hung."""
    import faulthandler

    with contextlib.suppress(OSError, ValueError, AttributeError):  # no stderr
        faulthandler.enable()


def _end_with(daemon: Daemon, fd: int) -> None:
    """Nothing is ever written to this pipe: that it can be read means that its other end, however it died, is gone."""

    def gone() -> None:
        daemon.loop.remove(fd)
        daemon.shut_down("the program that it was started for has ended")

    daemon.loop.add_reader(fd, gone)


def _about_disk(home: Home, error: OSError) -> AnacostiaError:
    place = f"{error.filename}: " if error.filename else ""
    return AnacostiaError(
        f"cannot start in the home {home.path}: {place}{error.strerror or error}; see that its disk has free space and "
        "can be written, or name another home with ANACOSTIA_HOME"
    )


def _fail(error: AnacostiaError, code: int) -> int:
    from anacostia_daemon.supervisor.log import complain

    complain(f"anacostiad: {error}")
    return code


if __name__ == "__main__":
    sys.exit(main())
