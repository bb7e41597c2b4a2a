"""Where a daemon keeps its things: one home for what lasts, one short directory for its sockets.

Imports nothing heavy: `anacostiactl` reads this before anything else. Looking at a path makes nothing; only
`prepare()`, which the daemon calls, makes directories.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from anacostia_daemon.directories import BadPath, check_directory, check_way, private_directory
from node_sdk.names import HISTORY, MAX_SOCKET_PATH
from node_sdk.own_files import open_own

__all__ = ["BadPath", "Home", "check_socket_path", "private_directory"]


class Home:
    """All paths of one daemon. A second daemon with the same home is refused, so the home is its identity."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        environ: Mapping[str, str] = os.environ,
        sockets: str | os.PathLike[str] | None = None,
    ) -> None:
        """`sockets`: where the configuration wants them, over what the environment says."""
        self._asked = Path(path).expanduser()
        self.path = Path(os.path.realpath(self._asked))
        self._environ = environ
        self._sockets = sockets

    @classmethod
    def find(cls, explicit: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ) -> Home:
        """The home that was asked for: explicitly, by $ANACOSTIA_HOME, by systemd, else the user's own."""
        state = environ.get("STATE_DIRECTORY", "").split(":")[0]  # systemd gives a list where several are declared
        chosen = explicit or environ.get("ANACOSTIA_HOME") or state
        if chosen:
            return cls(chosen, environ)
        from platformdirs import user_state_path

        return cls(user_state_path("anacostia"), environ)

    @property
    def journal(self) -> Path:
        return self.path / "journal.db"

    @property
    def lock(self) -> Path:
        """Locked (flock) while a daemon lives; holds its pid."""
        return self.path / "daemon.lock"

    @property
    def log(self) -> Path:
        return self.path / "daemon.log"

    @property
    def web_address(self) -> Path:
        """Where the dashboard is, in one line; written by the dashboard."""
        return self.path / "web-address"

    @property
    def data_dir(self) -> Path:
        """A pipeline's files lie in data_dir/PIPELINE/."""
        return self.path / "pipelines"

    def log_file(self, pipeline: str, node: str) -> Path:
        """What the node (or 'loader') writes and prints."""
        return self.data_dir / pipeline / "logs" / f"{node}.log"

    def environment(self, pipeline: str, kept: str) -> Path:
        """The values of a pipeline's variables, which are not for the journal."""
        return self.data_dir / pipeline / f"environment-{kept}"

    @property
    def hash(self) -> str:
        """Names the home in socket paths and in the marks of its processes."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:8]

    @property
    def _sockets_note(self) -> Path:
        return self.path / "sockets"

    @cached_property
    def socket_dir(self) -> Path:
        """Where the sockets are: where the last daemon of this home put them while that is still there, else anew.

        The environment that decides differs between a service, a cron job and a login; without the note in the home,
        `anacostiactl` would look in the wrong place, and a new daemon would not find the nodes that it has to adopt.
        """
        try:
            noted = Path(self._sockets_note.read_text().strip())
            usable = noted.name == self.hash and noted.is_dir()
        except PermissionError:  # another user's home, whose daemon may let a group of ours in (control/door.py)
            return self._of_another() or self._socket_base() / self.hash
        except (OSError, ValueError):  # not there, no text, or no path (one that is too long, say)
            usable = False
        return noted if usable else self._socket_base() / self.hash

    def _of_another(self) -> Path | None:
        """Where they are told to be, else where the service puts them whose home has this name."""
        for base in (self._environ.get("ANACOSTIA_DAEMON_SOCKETS", ""), f"/run/{self.path.name}"):
            path = Path(base) / self.hash
            try:
                if base and path.is_dir():
                    return path
            except PermissionError:  # they are there, and not for us: the attempt to connect will say so
                return path
        return None

    def _socket_base(self) -> Path:
        if self._sockets is not None:
            return Path(self._sockets)
        runtime = self._environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
        if runtime:
            return Path(runtime)
        session = self._environ.get("XDG_RUNTIME_DIR")
        if session:
            return Path(session) / "anacostia"
        return Path("/tmp") / f"anacostia-{os.getuid()}"

    @property
    def control_socket(self) -> Path:
        return self.socket_dir / "control.sock"

    @property
    def link_socket(self) -> Path:
        return self.socket_dir / "link.sock"

    def loader_socket(self, pipeline: str) -> Path:
        return self.socket_dir / pipeline / "loader.sock"

    def loader_sockets(self, pipeline: str = "*") -> list[Path]:
        """Where loaders listen, or have listened: those that a reload has started have sockets of their own."""
        return sorted(
            each for name in ("loader.sock", "loader@*.sock") for each in self.socket_dir.glob(f"{pipeline}/{name}")
        )

    def sweep_up(self, pipeline: str, pid: int) -> None:
        """Take away what a loader left behind that was killed and had a socket of its own: nobody takes that over."""
        for left in (self.socket_dir / pipeline).glob(f"loader@{pid}.*"):
            left.unlink(missing_ok=True)

    def inbox(self, pipeline: str, node: str) -> Path:
        return self.socket_dir / pipeline / f"{node}.sock"

    def pulse(self, pipeline: str, node: str) -> Path:
        """Where the node writes that it lives (node_sdk.pulse)."""
        return self.socket_dir / pipeline / f"{node}.pulse"

    def prepare(self) -> None:
        """Make the directories, for this user alone; BadPath where that cannot be."""
        check_socket_path(self.control_socket)
        self.make()
        private_directory(self.data_dir)
        if not _is_shared(self.socket_dir.parent):
            private_directory(self.socket_dir.parent)
        private_directory(self.socket_dir)
        with open(open_own(self._sockets_note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as note:  # noqa: PTH123
            note.write(f"{self.socket_dir}\n")

    def make(self) -> None:
        """Make the home itself, for this user alone; BadPath where that cannot be."""
        check_way(self._asked)  # a link on the way is gone from `path`, but not who made it
        private_directory(self.path)

    def refusal(self) -> str:
        """Why `make` would not take what is there now for ours alone; empty where it would. Changes nothing."""
        try:
            check_way(self._asked)
            check_directory(self.path)
        except BadPath as error:
            return str(error)
        return ""

    def tidy(self) -> None:
        """Take away the socket directories that hold nothing any more."""
        for directory in (*self.socket_dir.glob("*/"), self.socket_dir):
            with contextlib.suppress(OSError):  # a node that lives on has its socket there
                directory.rmdir()

    def forget_history(self, pipeline: str) -> None:
        """Should the pipeline come back, its store may begin with nothing (node_sdk.runtime.history)."""
        with contextlib.suppress(OSError):
            (self.data_dir / pipeline / HISTORY).unlink()

    def prepare_pipeline(self, pipeline: str) -> None:
        """Make the directories of one pipeline."""
        private_directory(self.socket_dir / pipeline)
        private_directory(self.data_dir / pipeline)
        for part in ("logs", "flight"):
            private_directory(self.data_dir / pipeline / part)


def _is_shared(path: Path) -> bool:
    return path.is_dir() and bool(path.stat().st_mode & stat.S_ISVTX)


def check_socket_path(path: Path, what: str = "") -> None:
    """BadPath where the system cannot bind a socket at `path`."""
    size = len(os.fsencode(path))
    if size > MAX_SOCKET_PATH:
        raise BadPath(
            f"cannot use socket {path}{what}: its path has {size} bytes, at most {MAX_SOCKET_PATH} are possible; "
            "set XDG_RUNTIME_DIR to a shorter directory (or ANACOSTIA_HOME to another home, or use shorter names)"
        )
