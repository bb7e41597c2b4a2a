"""A typed client of the API, for programs that reach a daemon over HTTP. Each method is one request; what comes back
has the shapes of `api/models.py`, and what cannot be done is an ApiError with the daemon's own words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from anacostia_daemon.web.api import models

T = TypeVar("T")

Wish = Literal["start", "stop", "restart", "pause", "resume"]


class ApiError(Exception):
    """The API says no: `status` of HTTP, `code` as the control socket has it, and what to do instead."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.hint = status, code, hint


class Api:
    """The dashboard at `url`, with its token where it has one. Raises ApiError; httpx.HTTPError where nobody is."""

    def __init__(self, url: str, token: str | None = None, timeout: float = 30.0) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=timeout)

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    # ---- reading

    def pipelines(self) -> models.Overview:
        """Every pipeline with its last runs; what needs attention first."""
        return self._get(models.Overview, "/pipelines")

    def pipeline(self, name: str) -> models.Pipeline:
        """One pipeline with its nodes."""
        return self._get(models.Pipeline, _of(name))

    def graph(self, name: str) -> models.Graph:
        """Its graph."""
        return self._get(models.Graph, _of(name, "graph"))

    def node(self, name: str, node: str) -> models.Node:
        """One of its nodes."""
        return self._get(models.Node, _of(name, "nodes", node))

    def incarnations(self, name: str, node: str) -> list[models.Incarnation]:
        """The processes that a node has been, oldest first."""
        return self._get(list[models.Incarnation], _of(name, "nodes", node, "incarnations"))

    def usage(self, name: str, node: str) -> list[models.UsagePoint]:
        """What a node used of CPU and memory, over time."""
        return self._get(list[models.UsagePoint], _of(name, "nodes", node, "usage"))

    def logs(self, name: str, node: str, **wanted: Any) -> models.LogPage:
        """Lines of a node's log. `wanted`: before, after, limit, level, search, run_id."""
        return self._get(models.LogPage, _of(name, "nodes", node, "logs"), wanted)

    def panel(self, name: str, node: str) -> list[models.PanelPart]:
        """What a node shows of itself."""
        return self._get(list[models.PanelPart], _of(name, "nodes", node, "panel"))

    def journal(self, name: str, **wanted: Any) -> models.JournalPage:
        """Lines of the journal. `wanted`: node, before, limit."""
        return self._get(models.JournalPage, _of(name, "journal"), wanted)

    def runs(self, name: str, **wanted: Any) -> models.RunPage:
        """A page of runs, the newest first. `wanted`: state, since, until, metric, tag, before, limit."""
        return self._get(models.RunPage, _of(name, "runs"), wanted)

    def all_runs(self, name: str, **wanted: Any) -> Iterator[models.Run]:
        """Every run that is `wanted`, the newest first, page by page."""
        while True:
            page = self.runs(name, **wanted)
            yield from page.items
            if page.next is None:
                return
            wanted["before"] = page.next

    def run(self, name: str, run_id: int) -> models.RunDetail:
        """One run with all that it used, made and logged."""
        return self._get(models.RunDetail, _of(name, "runs", run_id))

    def run_logs(self, name: str, run_id: int) -> dict[str, models.LogPage]:
        """The log lines of exactly this run, by node."""
        return self._get(dict[str, models.LogPage], _of(name, "runs", run_id, "logs"))

    def metrics(self, name: str) -> list[models.MetricKey]:
        """The keys that its newest runs have logged."""
        return self._get(list[models.MetricKey], _of(name, "metrics"))

    def series(self, name: str, *keys: str, **wanted: Any) -> list[models.Series]:
        """Metrics over runs or steps. `wanted`: over, run (ids), limit."""
        return self._get(list[models.Series], _of(name, "metrics", "series"), {"key": list(keys), **wanted})

    def artifacts(self, name: str, **wanted: Any) -> models.ArtifactPage:
        """A page of artifacts, the newest first. `wanted`: resource, state, before, limit."""
        return self._get(models.ArtifactPage, _of(name, "artifacts"), wanted)

    def artifact(self, name: str, artifact_id: int) -> models.TaggedArtifact:
        """One artifact with its tags."""
        return self._get(models.TaggedArtifact, _of(name, "artifacts", artifact_id))

    def lineage(self, name: str, artifact_id: int) -> models.Lineage:
        """Where an artifact came from, and what was made from it."""
        return self._get(models.Lineage, _of(name, "artifacts", artifact_id, "lineage"))

    def preview(self, name: str, artifact_id: int) -> models.Preview:
        """What an artifact looks like."""
        return self._get(models.Preview, _of(name, "artifacts", artifact_id, "preview"))

    def content(self, name: str, artifact_id: int) -> bytes:
        """The bytes of an artifact."""
        return self._checked(self._http.get(_of(name, "artifacts", artifact_id, "content"))).content

    def events(self, pipeline: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each event as (name, facts), `hello` first, until the stream ends: then ask again what is so, and listen."""
        parameters = {} if pipeline is None else {"pipeline": pipeline}
        with self._http.stream("GET", "/events", params=parameters, timeout=httpx.Timeout(30, read=60)) as answer:
            if answer.is_error:
                answer.read()
            self._checked(answer)
            name = ""
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)

    # ---- acting

    def trigger(self, name: str, token: str | None = None) -> int:
        """Start a run now; its id. `token` makes the wish one, however often it is sent."""
        done = self._post(_of(name, "trigger"), {"token": token})
        assert done.run_id is not None
        return done.run_id

    def wish(self, name: str, wish: Wish, node: str | None = None) -> models.Done:
        """Start, stop, restart, pause or resume all of it, or one node; answered before it is so."""
        return self._post(_of(name, *([] if node is None else ["nodes", node]), wish))

    def cancel(self, name: str, run_id: int) -> models.Done:
        """End a run now."""
        return self._post(_of(name, "runs", run_id, "cancel"))

    def retry(self, name: str, run_id: int, from_node: str | None = None) -> models.Done:
        """Open a run again that has ended."""
        return self._post(_of(name, "runs", run_id, "retry"), {"from_node": from_node})

    def release(self, name: str, artifact_id: int) -> models.Done:
        """Offer a failed artifact to runs again."""
        return self._post(_of(name, "artifacts", artifact_id, "release"))

    def tag_run(self, name: str, run_id: int, tags: dict[str, Any], remove: tuple[str, ...] = ()) -> models.Done:
        """Give a run tags by hand, and take some away."""
        return self._post(_of(name, "runs", run_id, "tags"), {"set": tags, "remove": list(remove)})

    def tag_artifact(
        self, name: str, artifact_id: int, tags: dict[str, Any], remove: tuple[str, ...] = ()
    ) -> models.Done:
        """Give an artifact tags, and take some away."""
        return self._post(_of(name, "artifacts", artifact_id, "tags"), {"set": tags, "remove": list(remove)})

    # ---- below

    def _get(self, shape: type[T], path: str, wanted: dict[str, Any] | None = None) -> T:
        parameters = {key: value for key, value in (wanted or {}).items() if value is not None}
        answer = self._checked(self._http.get(path, params=parameters))
        return TypeAdapter(shape).validate_json(answer.content)

    def _post(self, path: str, content: dict[str, Any] | None = None) -> models.Done:
        return models.Done.model_validate_json(self._checked(self._http.post(path, json=content or {})).content)

    @staticmethod
    def _checked(answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        try:
            problem = models.Failure.model_validate_json(answer.content).error
        except ValueError:
            raise ApiError(answer.status_code, "failed", answer.text[:200]) from None
        raise ApiError(answer.status_code, problem.code, problem.message, problem.hint)


def _of(name: str, *parts: object) -> str:
    return "/".join(["/pipelines", quote(name, safe=""), *(quote(str(each), safe="") for each in parts)])
