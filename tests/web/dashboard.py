"""A daemon with its dashboard, as tests see them. Everything waits on conditions."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
from integration.daemon_process import Daemon

PIPELINE = Path(__file__).with_name("pipeline.py")
NAME = "doubling"


class Dashboard:
    """`url` is its address, `daemon` the daemon with all that it can be asked."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.url = self.find()

    def find(self) -> str:
        """Its address, once it answers."""
        file = self.daemon.home.web_address

        def answers() -> str:
            url = file.read_text().strip() if file.exists() else ""
            try:
                return url if url and httpx.get(f"{url}/static/icon.svg").status_code == 200 else ""
            except httpx.HTTPError:
                return ""

        self.daemon.until(answers, "the dashboard answers")
        return file.read_text().strip()

    def get(self, path: str, **parameters: Any) -> Any:
        """What the API says under /api/v1."""
        answer = httpx.get(f"{self.url}/api/v1{path}", params=parameters, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def start_pipeline(self) -> None:
        """Start web/pipeline.py; it is ready when this returns."""
        file = self.daemon.folder / "pipeline.py"
        shutil.copyfile(PIPELINE, file)
        self.daemon.start(file)
        self.daemon.until_ready(NAME)

    def drop(self, name: str, content: str) -> None:
        """A file for the pipeline, moved in whole."""
        folder = self.daemon.folder / "numbers"
        (self.daemon.folder / name).write_text(content)
        (self.daemon.folder / name).replace(folder / name)

    def run_ended(self, run_id: int) -> dict[str, Any]:
        """That run, once it has ended."""
        found: dict[str, Any] = {}

        def ended() -> bool:
            answer = httpx.get(f"{self.url}/api/v1/pipelines/{NAME}/runs/{run_id}")
            if answer.status_code == 200:
                found.update(answer.json())
            return found.get("state", "running") != "running"

        self.daemon.until(ended, f"run {run_id} ends")
        return found

    def newest_run(self) -> int:
        """The id of the newest run; 0 where there is none."""
        items = self.get(f"/pipelines/{NAME}/runs", limit=1)["items"]
        return items[0]["id"] if items else 0
