"""The typed client against a real dashboard: each method, and what it raises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web.dashboard import NAME, Dashboard

from anacostia_daemon.web.client import Api, ApiError


@pytest.fixture
def client(dashboard: Dashboard) -> Iterator[Api]:
    with Api(dashboard.url) as opened:
        yield opened


def test_everything_that_can_be_read_comes_in_its_shape(client: Api) -> None:
    assert client.pipelines().pipelines[0].name == client.pipeline(NAME).name == client.graph(NAME).name == NAME
    assert client.node(NAME, "check").kind == "action"
    assert client.incarnations(NAME, "check")[0].incarnation == 1
    assert isinstance(client.usage(NAME, "check"), list)
    assert client.logs(NAME, "double", search="the double is").lines[-1].level == "WARNING"
    assert client.journal(NAME, node="check", limit=1).items[0].node == "check"
    assert {each.key for each in client.metrics(NAME)} >= {"loss", "double"}
    [series] = client.series(NAME, "loss", over="steps", run=[1])
    assert [point.value for point in series.points[:2]] == [1.0, 0.5]
    run = client.run(NAME, 1)
    assert {each.key: each.value for each in run.params} == {"number": 1.0, "method": "addition"}
    assert "the double is 2.0" in [each.text for each in client.run_logs(NAME, 1)["double"].lines]
    made = next(each for each in run.artifacts if each.resource == "doubles")
    assert client.preview(NAME, made.id).rows == [["1.0", "2.0"]]
    assert client.content(NAME, made.id) == b"number,double\n1.0,2.0\n"
    assert client.artifact(NAME, made.id).location == made.location == "good.csv"
    lineage = client.lineage(NAME, made.id)
    assert {each.location for each in lineage.artifacts} >= {"good", "good.csv"}
    assert ("run:1/double", f"artifact:{made.id}") in [(each.from_, each.to) for each in lineage.edges]
    assert client.artifacts(NAME, resource="doubles", limit=1).items


def test_all_runs_come_page_by_page(client: Api) -> None:
    ids = [each.id for each in client.all_runs(NAME, limit=2)]
    assert ids == sorted(ids, reverse=True) and ids[-1] == 1


def test_what_is_done_is_heard_of(client: Api, dashboard: Dashboard) -> None:
    events = client.events(NAME)
    assert next(events)[0] == "hello"
    run_id = client.trigger(NAME)
    for name, facts in events:
        if name == "run" and facts["run"]["id"] == run_id:
            break
    dashboard.run_ended(run_id)
    client.tag_run(NAME, run_id, {"by": "the client"}, ("never",))
    assert client.wish(NAME, "pause", "check").nodes == ["check"]
    client.wish(NAME, "resume", "check")


def test_a_no_is_an_error_with_the_daemons_words(client: Api) -> None:
    with pytest.raises(ApiError, match="no such pipeline") as error:
        client.pipeline("doublin")
    assert (error.value.status, error.value.code) == (404, "unknown")
    with pytest.raises(ApiError, match="cannot filter by metric"):
        client.runs(NAME, metric="loss<much")
    with pytest.raises(ApiError) as cancelled:
        client.cancel(NAME, 1)
    assert cancelled.value.status == 409
