"""The page of one node in a real browser, before a real daemon: why it is as it is, what it was, what it writes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from web.axe import faults
from web.dashboard import NAME, Dashboard

from anacostia_daemon.web.facts.tasks import progress
from anacostia_daemon.web.pages.node import share, told_of


def opened(page: Any, dashboard: Dashboard, name: str) -> None:
    dashboard.daemon.until_ready(NAME)
    page.goto(f"{dashboard.url}/pipelines/{NAME}/nodes/{name}")
    page.get_by_text("live", exact=True).wait_for()


@pytest.fixture
def double(page: Any, dashboard: Dashboard) -> Any:
    opened(page, dashboard, "double")
    return page


@pytest.fixture
def check(page: Any, dashboard: Dashboard) -> Any:
    opened(page, dashboard, "check")
    return page


@pytest.fixture
def visitor(browser: Any) -> Iterator[Any]:
    """A page that may see errors: of a node that is no more, the last question is answered 404."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def lines(page: Any) -> list[str]:
    return [str(each) for each in page.locator("#log .line .text").all_text_contents()]


def write(dashboard: Dashboard, name: str, content: bytes) -> None:
    """To the log of a node, as its process or a child of it would."""
    with dashboard.daemon.home.log_file(NAME, name).open("ab") as log:
        log.write(content)


def test_a_killed_node_tells_how_its_process_ended_and_that_it_is_back(double: Any, dashboard: Dashboard) -> None:
    number = dashboard.daemon.nodes(NAME)["double"]["incarnation"]
    double.evaluate("window.same = true")
    os.kill(dashboard.daemon.pids(NAME)["double"], signal.SIGKILL)
    ended = double.locator(f'tr[data-key="life-{number}"]')
    ended.get_by_text("killed by SIGKILL").wait_for()
    ended.get_by_role("cell", name="SIGKILL", exact=True).wait_for()
    double.locator(f'.lives li[data-key="life-{number}"][data-state="died"]').wait_for()
    double.locator(f'.lives li[data-key="life-{number + 1}"][data-state="alive"]').wait_for()
    double.locator("h1 .phase").get_by_text("ready").wait_for()
    double.locator("#head .facts").get_by_text("killed by SIGKILL").wait_for()
    double.locator("#log").get_by_text(f"ready as incarnation {number + 1}").wait_for()
    assert double.evaluate("window.same"), "the page was not loaded again"


def test_a_node_is_paused_stopped_started_and_restarted_by_buttons(check: Any, dashboard: Dashboard) -> None:
    def press(name: str, asks: bool = False) -> None:
        check.get_by_role("button", name=name, exact=True).click()
        if asks:
            check.locator("#confirm").get_by_role("button", name=name).click()
        check.locator(".toast").get_by_text(name).first.wait_for()

    def phase(name: str) -> None:
        check.locator("h1 .phase").get_by_text(name, exact=True).wait_for()

    before = dashboard.daemon.nodes(NAME)["check"]["incarnation"]
    press("Pause")
    phase("paused")
    press("Resume")
    check.get_by_role("button", name="Pause").wait_for()
    press("Restart", asks=True)
    dashboard.daemon.until(lambda: dashboard.daemon.nodes(NAME)["check"]["incarnation"] == before + 1, "a new process")
    phase("ready")
    press("Stop", asks=True)
    phase("down")
    press("Start")
    phase("ready")
    dashboard.daemon.until_ready(NAME)


def test_a_stop_that_is_not_confirmed_stops_nothing(check: Any, dashboard: Dashboard) -> None:
    before = dashboard.daemon.nodes(NAME)["check"]["incarnation"]
    check.get_by_role("button", name="Stop", exact=True).click()
    check.keyboard.press("Escape")
    check.get_by_role("button", name="Stop", exact=True).click()
    check.locator("#confirm").get_by_role("button", name="Cancel").click()
    assert dashboard.daemon.nodes(NAME)["check"]["incarnation"] == before
    assert dashboard.daemon.nodes(NAME)["check"]["desired"] == "up"


def test_neighbours_are_links(double: Any) -> None:
    facts = double.locator("#head .facts")
    assert facts.get_by_role("link").all_text_contents() == ["numbers", "doubles", "check"]
    facts.get_by_role("link", name="check").click()
    double.wait_for_url("**/nodes/check")


def test_the_log_is_followed_and_its_tasks_appear(double: Any, dashboard: Dashboard) -> None:
    number = dashboard.newest_run() + 1
    dashboard.drop("followed", "171")
    double.locator("#log").get_by_text("the double is 342.0").wait_for()
    double.locator(f'tr[data-key="task-{number}"]').get_by_text("succeeded").wait_for()
    at_end = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40"
    dashboard.daemon.until(lambda: double.locator("#log").evaluate(at_end), "the end is in sight")


def test_the_log_is_filtered_by_level_and_searched(double: Any, dashboard: Dashboard) -> None:
    double.get_by_label("Lowest level").select_option("ERROR")
    dashboard.daemon.until(
        lambda: lines(double) != [] and not any("reading" in each for each in lines(double)), "ERROR"
    )
    assert set(double.locator("#log .level").all_text_contents()) == {"ERROR"}
    double.get_by_label("Lowest level").select_option("")
    double.get_by_label("Search the log").fill("COULD not")
    double.locator("#log mark").first.wait_for()
    dashboard.daemon.until(lambda: all("could not" in each for each in lines(double)), "only what was searched for")
    double.get_by_label("Search the log").fill("no line has this")
    double.locator("#log-state").get_by_text("No line fits.").wait_for()
    double.get_by_label("Search the log").fill("")
    double.locator("#log").get_by_text("ready as incarnation 1").wait_for()


def test_who_does_not_follow_is_left_alone_and_catches_up(double: Any, dashboard: Dashboard) -> None:
    double.locator("#log .line").first.wait_for()
    double.get_by_label("follow").uncheck()
    write(dashboard, "double", b"said meanwhile\n")
    number = dashboard.newest_run() + 1
    dashboard.drop("unfollowed", "5")
    double.locator(f'tr[data-key="task-{number}"]').get_by_text("succeeded").wait_for()
    assert "said meanwhile" not in lines(double)
    double.get_by_label("follow").check()
    double.locator("#log").get_by_text("said meanwhile").wait_for()


def test_bytes_that_are_no_text_and_endless_lines_are_shown_as_what_they_are(check: Any, dashboard: Dashboard) -> None:
    check.locator("#log .line").first.wait_for()
    write(
        dashboard, "check", b"\x1b[31mred\x00\xff<script>alert(1)</script>\n" + b"x" * 10_000_000 + b"\n" + b"short\n"
    )
    check.locator("#log").get_by_text("short", exact=True).wait_for()
    strange = next(each for each in lines(check) if "red" in each)
    assert "\x1b" not in strange
    assert "<script>alert(1)</script>" in strange
    more = check.locator("#log").get_by_role("button", name="characters more").first
    folded = check.locator("#log .text:has(button), #log .text:has(em)").first
    assert len(folded.text_content()) < 600
    more.click()
    assert 3_000 < len(folded.text_content()) < 6_000
    folded.get_by_text("bytes more are in the file").wait_for()


def test_earlier_lines_come_when_they_are_asked_for(check: Any, dashboard: Dashboard) -> None:
    write(dashboard, "check", b"".join(b"counted %d\n" % each for each in range(450)))
    check.locator("#log").get_by_text("counted 449").wait_for()
    check.reload()
    check.locator("#log").get_by_text("counted 449").wait_for()
    assert "counted 200" not in lines(check)
    check.get_by_role("button", name="Earlier lines").click()
    check.locator("#log").get_by_text("counted 200", exact=True).wait_for(state="attached")
    shown = [each for each in lines(check) if each.startswith("counted")]
    assert shown == [f"counted {each}" for each in range(450)][-len(shown) :]
    assert not check.get_by_label("follow").is_checked(), "who reads back is not pulled to the end"


def test_cpu_and_memory_are_drawn(double: Any) -> None:
    double.locator("#usage-state").get_by_text("of a core").wait_for()
    assert double.locator("#usage canvas").count() == 2


def test_a_node_that_is_removed_while_it_is_looked_at_is_said_to_be_no_more(
    visitor: Any, own_dashboard: Dashboard
) -> None:
    own_dashboard.start_pipeline()
    opened(visitor, own_dashboard, "check")
    file: Path = own_dashboard.daemon.folder / "pipeline.py"
    file.write_text(file.read_text().replace(', Check("check", [double], store)]', "]"))
    own_dashboard.daemon.ask("reload", pipeline=NAME)
    visitor.get_by_role("heading", name="check is no more").wait_for()
    assert visitor.get_by_role("button", name="Restart").count() == 0
    visitor.reload()
    visitor.get_by_text("no such node in pipeline").wait_for()


def test_a_node_that_waits_tells_when_it_is_started_again(visitor: Any, own_dashboard: Dashboard) -> None:
    own_dashboard.start_pipeline()
    opened(visitor, own_dashboard, "check")
    for number in (1, 2, 3):  # the first time it is started again at once, then later and later
        check: dict[str, Any] = {}
        own_dashboard.daemon.until(
            lambda number=number, check=check: (
                (check.update(own_dashboard.daemon.nodes(NAME)["check"]))
                or (check["incarnation"], check["phase"]) == (number, "ready")
            ),
            "it is back",
        )
        os.kill(check["pid"], signal.SIGKILL)
    visitor.locator("#head .facts").get_by_text("Restarts in").wait_for()
    visitor.locator("#head .why").get_by_text("killed by SIGKILL").wait_for()
    visitor.locator("h1 .phase").get_by_text("ready").wait_for()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("dark", 390)])
def test_no_serious_fault_keeps_people_out(browser: Any, dashboard: Dashboard, theme: str, width: int) -> None:
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 850})
    page = context.new_page()
    opened(page, dashboard, "double")
    page.locator("#log .line").first.wait_for()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out to the side"
    context.close()


def life(**known: Any) -> dict[str, Any]:
    begun = {"started_at": "2026-11-23T10:00:00.000Z", "ready_at": "2026-11-23T10:00:00.500Z"}
    return {**begun, "ended_at": None, "exit_code": None, "signal": None, "reason": "", **known}


def test_a_process_is_alive_or_died_or_ended_as_asked() -> None:
    now = datetime(2026, 11, 23, 10, 1, tzinfo=UTC)
    later = "2026-11-23T10:00:02.000Z"
    alive = told_of(life(), now)
    assert (alive["state"], alive["seconds"], alive["ready_after"]) == ("alive", 60.0, 0.5)
    assert told_of(life(ended_at=later, signal="SIGKILL"), now)["state"] == "died"
    assert told_of(life(ended_at=later, exit_code=1), now)["state"] == "died"
    assert told_of(life(ended_at=later, exit_code=0), now)["state"] == "asked"
    assert told_of(life(started_at=None, ready_at=None), now)["seconds"] == 0.0


def test_a_week_does_not_hide_a_second() -> None:
    now = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
    assert told_of(life(), now)["width"] == 11
    assert told_of(life(ended_at="2026-11-23T10:00:01.000Z"), now)["width"] == 1


def test_durations_are_compared_with_the_longest() -> None:
    assert [share(each, 10.0) for each in (None, 0.001, 5.0, 10.0)] == [0, 1, 5, 10]
    assert share(0.0, 0.0) == 0


def test_the_progress_of_a_run_names_who_works_and_who_failed() -> None:
    states = {"a": "succeeded", "b": "executing", "c": "error", "d": "pending"}
    found = progress({"tasks": [{"node": node, "state": state} for node, state in states.items()]})
    assert found == {"all": 4, "over": 2, "executing": ["b"], "failed": ["c"]}
