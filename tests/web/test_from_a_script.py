"""run_background_webserver: a pipeline and its dashboard from one script, and the end of both."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from e2e.place import wait_for
from integration.daemon_process import TINY

from node_sdk import InvalidValue, run_background_webserver
from node_sdk.pipeline import Pipeline

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="an", dir="/tmp"))
    (made / "incoming").mkdir()
    yield made
    shutil.rmtree(made, ignore_errors=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v1/pipelines").json()["pipelines"][0]["phase"] == "ready"
    except (httpx.HTTPError, LookupError):
        return False


def test_a_script_runs_its_pipeline_and_its_dashboard_and_both_end_with_it(folder: Path) -> None:
    port = free_port()
    script = folder / "tiny.py"
    end = f"""
        if __name__ == "__main__":
            from node_sdk import run_background_webserver
            run_background_webserver(pipeline, host="localhost", port={port})
    """
    script.write_text(textwrap.dedent(TINY) + textwrap.dedent(end))
    env = {**os.environ, "ANACOSTIA_HOME": str(folder / "base"), "XDG_RUNTIME_DIR": str(folder / "run")}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(url), "the dashboard shows the pipeline that runs")
        (folder / "incoming" / "one").write_text("1")
        wait_for(lambda: httpx.get(f"{url}/api/v1/pipelines/tiny/runs").json()["items"], "a run is seen")
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert f"its dashboard is at http://127.0.0.1:{port}" in said
    assert not answers(url)


@pytest.mark.parametrize(("host", "port"), [("dash.example", 8000), ("127.0.0.1", 0), ("127.0.0.1", "8000"), ("", 80)])
def test_a_host_or_port_that_is_none_is_refused(host: str, port: int) -> None:
    with pytest.raises(InvalidValue, match="cannot serve the dashboard"):
        run_background_webserver(Pipeline.__new__(Pipeline), host, port)
