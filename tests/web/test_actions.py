"""What people do over the API, each with what is so afterwards."""

from __future__ import annotations

import httpx
import pytest
from web.dashboard import NAME, Dashboard

AT = f"/pipelines/{NAME}"


def test_a_run_is_triggered_and_tells_its_number(api: httpx.Client, dashboard: Dashboard) -> None:
    answer = api.post(f"{AT}/trigger", json={"token": "a-wish-of-this-test"})
    assert answer.status_code == 200, answer.text
    again = api.post(f"{AT}/trigger", json={"token": "a-wish-of-this-test"})
    assert answer.json()["run_id"] == again.json()["run_id"]
    dashboard.run_ended(answer.json()["run_id"])


@pytest.mark.parametrize("target", ["", "/nodes/check"])
def test_what_is_paused_is_paused_until_it_is_resumed(api: httpx.Client, target: str) -> None:
    assert api.post(f"{AT}{target}/pause").status_code == 200
    assert api.get(f"{AT}/nodes/check").json()["desired"] == "paused"
    assert api.post(f"{AT}{target}/resume").status_code == 200
    assert api.get(f"{AT}/nodes/check").json()["desired"] == "up"


def test_a_node_is_stopped_started_and_restarted(api: httpx.Client, dashboard: Dashboard) -> None:
    def phase() -> str:
        return str(api.get(f"{AT}/nodes/check").json()["phase"])

    before = api.get(f"{AT}/nodes/check").json()["incarnation"]
    assert api.post(f"{AT}/nodes/check/stop").status_code == 200
    dashboard.daemon.until(lambda: phase() == "down", "check is stopped")
    assert api.post(f"{AT}/nodes/check/start").status_code == 200
    dashboard.daemon.until(lambda: phase() == "ready", "check is started")
    assert api.post(f"{AT}/nodes/check/restart").status_code == 200
    dashboard.daemon.until(
        lambda: phase() == "ready" and api.get(f"{AT}/nodes/check").json()["incarnation"] == before + 2, "a new process"
    )


def test_a_failed_artifact_is_released_and_makes_a_run(api: httpx.Client, dashboard: Dashboard) -> None:
    [failed, *_] = api.get(f"{AT}/artifacts", params={"state": "failed", "resource": "numbers"}).json()["items"]
    before = dashboard.newest_run()
    assert api.post(f"{AT}/artifacts/{failed['id']}/release").json()["artifact_id"] == failed["id"]
    assert dashboard.run_ended(before + 1)["state"] == "failed"  # it is still no number


def test_a_run_that_failed_is_retried_and_one_that_ended_cannot_be_cancelled(
    api: httpx.Client, dashboard: Dashboard
) -> None:
    assert api.post(f"{AT}/runs/2/retry").status_code == 200
    run = dashboard.run_ended(2)
    assert run["retries"][0]["run_id"] == 2
    refused = api.post(f"{AT}/runs/2/cancel")
    assert refused.status_code == 409
    assert refused.json()["error"]["message"].startswith("cannot cancel run 2")


def test_tags_by_hand_are_given_changed_and_taken_away(api: httpx.Client) -> None:
    def tags() -> dict[str, object]:
        return {each["key"]: each["value"] for each in api.get(f"{AT}/runs/1").json()["tags"]}

    assert tags() == {"kind": "odd"}
    assert api.post(f"{AT}/runs/1/tags", json={"set": {"reviewed": True, "by": "me"}}).status_code == 200
    assert tags() == {"kind": "odd", "reviewed": True, "by": "me"}
    assert api.post(f"{AT}/runs/1/tags", json={"set": {"by": "you"}, "remove": ["reviewed"]}).status_code == 200
    assert tags() == {"kind": "odd", "by": "you"}
    assert api.post(f"{AT}/artifacts/1/tags", json={"set": {"clean": "yes"}}).status_code == 200
    assert api.get(f"{AT}/artifacts/1").json()["tags"] == {"clean": "yes"}
    assert api.post(f"{AT}/artifacts/1/tags", json={"remove": ["clean"]}).status_code == 200
    assert api.get(f"{AT}/artifacts/1").json()["tags"] == {}


def test_what_is_not_there_cannot_be_acted_on(api: httpx.Client) -> None:
    for path in ("/runs/4711/cancel", "/runs/4711/tags", "/artifacts/4711/release", "/nodes/nobody/stop"):
        answer = api.post(f"{AT}{path}", json={})
        assert answer.status_code == 404, (path, answer.text)
        assert answer.json()["error"]["message"].startswith("cannot ")
