"""The page of one pipeline in a real browser, before a real daemon: its graph is live, and what people do is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from web.axe import faults
from web.dashboard import NAME, PIPELINE, Dashboard

AT = f"/pipelines/{NAME}"
# Counts what appears for a moment only. Not page.wait_for_function: the content policy forbids what it does.
COUNT_SIGNALS = """() => { window.signals = 0; new MutationObserver((all) => all.forEach(({ addedNodes }) =>
    addedNodes.forEach((each) => { if (each.classList?.contains("signal")) window.signals += 1; })))
    .observe(document.querySelector("#graph .edges"), { childList: true }); }"""


@pytest.fixture
def pipeline(page: Any, dashboard: Dashboard) -> Iterator[Any]:
    """The page, live."""
    opened(page, dashboard)
    yield page


def opened(page: Any, dashboard: Dashboard) -> None:
    dashboard.daemon.until_ready(NAME)
    page.goto(f"{dashboard.url}{AT}")
    page.get_by_text("live", exact=True).wait_for()


def node(page: Any, name: str) -> Any:
    return page.locator(f'#graph .node[data-id="{name}"]')


def kill(dashboard: Dashboard, name: str) -> None:
    dashboard.daemon.until_ready(NAME)
    os.kill(dashboard.daemon.pids(NAME)[name], signal.SIGKILL)


def transform(page: Any) -> str:
    return str(page.locator("#graph svg > g").get_attribute("transform"))


def test_a_dropped_file_is_seen_as_a_run_a_task_and_signals_without_reload(pipeline: Any, dashboard: Dashboard) -> None:
    pipeline.evaluate(COUNT_SIGNALS)
    number = dashboard.newest_run() + 1
    dashboard.drop("seen", "slow3")
    pipeline.locator(f'#runs [data-key="run-{number}"][data-state="running"]').wait_for()
    node(pipeline, "double").get_by_text(f"run {number}", exact=True).wait_for()
    assert "busy" in node(pipeline, "double").get_attribute("class")
    pipeline.locator(f'#runs [data-key="run-{number}"][data-state="succeeded"]').wait_for()
    dashboard.daemon.until(lambda: pipeline.evaluate("window.signals") >= 2, "signals move along the edges")
    dashboard.daemon.until(lambda: "busy" not in node(pipeline, "double").get_attribute("class"), "it is at rest")


def test_a_killed_node_flashes_with_its_reason_and_comes_back(pipeline: Any, dashboard: Dashboard) -> None:
    pipeline.evaluate("window.same = true")
    kill(dashboard, "double")
    pipeline.locator(".callout").get_by_text("killed by SIGKILL").first.wait_for()
    assert "flash" in node(pipeline, "double").get_attribute("class")
    pipeline.locator("#happened li[data-serious]").get_by_text("killed by SIGKILL").first.wait_for()
    pipeline.locator('#graph .node[data-id="double"][data-phase="ready"]').wait_for()
    assert pipeline.evaluate("window.same"), "the page was not loaded again"


def test_phases_are_told_by_text_and_nodes_have_readable_names(pipeline: Any) -> None:
    assert node(pipeline, "store").get_attribute("aria-label") == "store, metadata store, ready"
    for name in ("store", "numbers", "doubles", "double", "check"):
        node(pipeline, name).get_by_text("ready", exact=True).wait_for()
    shapes = {node(pipeline, each).locator(".shape").get_attribute("d") for each in ("store", "numbers", "check")}
    assert len(shapes) == 3


def test_a_run_is_triggered_by_a_button_that_says_its_number(pipeline: Any, dashboard: Dashboard) -> None:
    number = dashboard.newest_run() + 1
    pipeline.get_by_role("button", name="Trigger").click()
    pipeline.locator(".toast").get_by_text(f"run {number}").wait_for()
    pipeline.locator(f'#runs [data-key="run-{number}"]').wait_for()
    dashboard.run_ended(number)


def test_pause_and_resume_are_seen_on_the_graph(pipeline: Any) -> None:
    pipeline.get_by_role("button", name="Pause").click()
    node(pipeline, "check").get_by_text("paused", exact=True).wait_for()
    pipeline.get_by_role("button", name="Resume").click()
    node(pipeline, "check").get_by_text("ready", exact=True).wait_for()


def test_restart_and_stop_ask_first_and_start_does_not(pipeline: Any, dashboard: Dashboard) -> None:
    before = dashboard.daemon.nodes(NAME)["check"]["incarnation"]
    dialog = pipeline.locator("#confirm")
    pipeline.get_by_role("button", name="Restart").click()
    dialog.get_by_role("button", name="Cancel").click()
    pipeline.get_by_role("button", name="Restart").click()
    dialog.get_by_role("button", name="Restart").click()
    pipeline.locator(".toast").get_by_text("Restart").wait_for()
    dashboard.daemon.until(lambda: dashboard.daemon.nodes(NAME)["check"]["incarnation"] == before + 1, "once restarted")
    dashboard.daemon.until_ready(NAME)
    pipeline.get_by_role("button", name="Stop").click()
    dialog.get_by_role("button", name="Stop").click()
    pipeline.locator('#graph .node[data-id="store"][data-phase="down"]').wait_for()
    pipeline.get_by_role("button", name="Start", exact=True).click()
    pipeline.locator('#graph .node[data-id="check"][data-phase="ready"]').wait_for()
    dashboard.daemon.until_ready(NAME)


def test_what_the_daemon_refuses_is_said_in_a_toast(browser: Any, own_dashboard: Dashboard) -> None:
    own_dashboard.start_pipeline()
    context = browser.new_context()
    page = context.new_page()
    opened(page, own_dashboard)
    own_dashboard.daemon.ask("stop", target=NAME)
    page.get_by_role("button", name="Start", exact=True).wait_for()
    page.get_by_role("button", name="Trigger").click()
    page.locator('.toast[data-kind="bad"]').get_by_text("cannot trigger").wait_for()
    context.close()


def test_a_node_is_found_by_name_type_or_phase(pipeline: Any) -> None:
    pipeline.keyboard.press("/")
    pipeline.keyboard.type("DOUB")
    pipeline.locator("#found").get_by_text("2 of 5").wait_for()
    marked = pipeline.locator("#graph .node.hit")
    assert sorted(each.get_attribute("data-id") for each in marked.all()) == ["double", "doubles"]
    pipeline.keyboard.press("Enter")
    pipeline.locator("#found").get_by_text("1 of 2").wait_for()
    pipeline.locator("#find").fill("metadata store")
    pipeline.locator("#found").get_by_text("1 of 5").wait_for()
    pipeline.locator("#find").press("Escape")
    assert marked.count() == 0
    assert pipeline.locator("#found").text_content() == ""


def test_the_keyboard_leads_along_the_edges_and_into_a_node(pipeline: Any) -> None:
    pipeline.locator("#fit").focus()
    for _ in range(2):  # past the way around the graph
        pipeline.keyboard.press("Tab")
    assert pipeline.evaluate("document.activeElement.dataset.id") == "store"
    pipeline.keyboard.press("ArrowRight")
    assert pipeline.evaluate("document.activeElement.dataset.id") in ("numbers", "doubles")
    pipeline.keyboard.press("ArrowRight")
    pipeline.keyboard.press("ArrowRight")
    assert pipeline.evaluate("document.activeElement.dataset.id") == "check"
    pipeline.keyboard.press("Enter")
    pipeline.wait_for_url(f"**{AT}/nodes/check")


def test_a_click_opens_a_node_and_a_drag_moves_the_graph(pipeline: Any) -> None:
    box = node(pipeline, "double").bounding_box()
    x, y = box["x"] + 20, box["y"] + 20
    before = transform(pipeline)
    pipeline.mouse.move(x, y)
    pipeline.mouse.down()
    pipeline.mouse.move(x + 60, y + 30, steps=5)
    pipeline.mouse.up()
    assert transform(pipeline) != before
    assert pipeline.url.endswith(AT)
    node(pipeline, "double").click()
    pipeline.wait_for_url(f"**{AT}/nodes/double")


def test_wheel_keys_and_buttons_zoom_and_fit_undoes_it(pipeline: Any, dashboard: Dashboard) -> None:
    fitted = transform(pipeline)

    def zoomed(by: Any) -> None:
        before = transform(pipeline)
        by()
        dashboard.daemon.until(lambda: transform(pipeline) != before, "it is scaled")

    zoomed(lambda: pipeline.keyboard.press("+"))
    zoomed(lambda: pipeline.keyboard.press("-"))
    zoomed(lambda: pipeline.get_by_role("button", name="Zoom in").click())
    node(pipeline, "double").hover()
    zoomed(lambda: pipeline.mouse.wheel(0, -200))
    pipeline.keyboard.press("0")
    dashboard.daemon.until(lambda: transform(pipeline) == fitted, "it fits as at first")


def test_two_fingers_pinch(pipeline: Any, dashboard: Dashboard) -> None:
    before = transform(pipeline)
    pipeline.evaluate("""() => {
        const svg = document.querySelector("#graph svg");
        svg.setPointerCapture = () => {};
        const touch = (name, pointerId, clientX) =>
            svg.dispatchEvent(new PointerEvent(name, { pointerId, clientX, clientY: 400, bubbles: true }));
        touch("pointerdown", 1, 300); touch("pointerdown", 2, 400);
        for (let x = 400; x <= 600; x += 20) touch("pointermove", 2, x);
        touch("pointerup", 1, 300); touch("pointerup", 2, 600);
    }""")
    scale = "scale("
    dashboard.daemon.until(
        lambda: float(transform(pipeline).split(scale)[1][:-1]) > 1.5 * float(before.split(scale)[1][:-1]), "larger"
    )


def test_who_wants_no_motion_sees_edges_lit(browser: Any, dashboard: Dashboard) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    opened(page, dashboard)
    page.evaluate(COUNT_SIGNALS.replace('contains("signal")', 'contains("still")'))
    dashboard.drop("calm", "4")
    dashboard.daemon.until(lambda: page.evaluate("window.signals") >= 1, "an edge is lit")
    context.close()


def test_a_pipeline_that_is_removed_is_said_to_be_no_more(browser: Any, own_dashboard: Dashboard) -> None:
    own_dashboard.start_pipeline()
    context = browser.new_context()
    page = context.new_page()
    opened(page, own_dashboard)
    own_dashboard.daemon.ask("stop", target=NAME)
    own_dashboard.daemon.ask("remove", pipeline=NAME)
    page.get_by_role("heading", name=f"{NAME} is no more").wait_for()
    context.close()


def test_a_pipeline_whose_file_is_being_loaded_can_be_looked_at(browser: Any, own_dashboard: Dashboard) -> None:
    folder = own_dashboard.daemon.folder
    waits = f"import os; os.mkfifo({str(folder / 'gate')!r}); open({str(folder / 'gate')!r}).close()\n"
    (folder / "pipeline.py").write_text(PIPELINE.read_text().replace("import time\n", "import time\n" + waits))
    context = browser.new_context()
    page = context.new_page()
    with ThreadPoolExecutor(1) as beside:
        started = beside.submit(own_dashboard.daemon.start, folder / "pipeline.py")
        own_dashboard.daemon.until((folder / "gate").exists, "it is being loaded")
        [known] = own_dashboard.get("/pipelines")["pipelines"]
        page.goto(f"{own_dashboard.url}/")
        page.get_by_role("link", name=known["name"], exact=True).click()
        page.locator("h1 .phase").get_by_text("starting").wait_for()
        page.get_by_text("live", exact=True).wait_for()
        (folder / "gate").write_text("")
        started.result()
        page.get_by_role("heading", name="is no more").wait_for()  # its own name is only known now
    context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("dark", 390)])
def test_no_serious_fault_keeps_people_out(browser: Any, dashboard: Dashboard, theme: str, width: int) -> None:
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 850})
    page = context.new_page()
    opened(page, dashboard)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out to the side"
    context.close()
