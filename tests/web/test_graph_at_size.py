"""The graph of a thousand nodes, and the pure parts of its scripts, in the browser that they are for."""

from __future__ import annotations

import random
from typing import Any

import pytest
from web.dashboard import NAME, Dashboard

Nodes = list[dict[str, Any]]
SECOND = 1000.0

# A board of its own in the place of the page's, drawn with `nodes`; milliseconds until the browser has painted it.
DRAW = """async (nodes) => {
    const { Board } = await import("/static/js/graph/board.js");
    const place = document.getElementById("graph");
    place.replaceChildren();
    const begun = performance.now();
    window.board = new Board(place, "large");
    window.board.set(nodes);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - begun;
}"""


def made(name: str, kind: str, predecessors: list[str], type: str = "Step") -> dict[str, Any]:
    state = {"desired": "up", "phase": "ready", "reason": "", "work": "idle", "incarnation": 1, "restarts": 0}
    return {"name": name, "kind": kind, "type": type, "predecessors": predecessors, **state}


def tangled(count: int) -> Nodes:
    """No two alike: each follows a few of the eighty before it."""
    chance = random.Random(4)
    found = [made("store", "metadata_store", [])]
    for number in range(1, count):
        near = [each["name"] for each in found[-80:]]
        found.append(made(f"step-{number:03}", "action", chance.sample(near, min(len(near), chance.randint(1, 3)))))
    return found


def shards(count: int) -> Nodes:
    """`count` chains of three, side by side."""
    found = [made("store", "metadata_store", [])]
    for number in range(count):
        found.append(made(f"in-{number:03}", "resource", ["store"]))
        found.append(made(f"clean-{number:03}", "action", [f"in-{number:03}"]))
        found.append(made(f"train-{number:03}", "action", [f"clean-{number:03}"], type="Train"))
    return found


@pytest.fixture
def blank(page: Any, dashboard: Dashboard) -> Any:
    page.goto(f"/pipelines/{NAME}")
    page.get_by_text("live", exact=True).wait_for()
    return page


def test_a_thousand_nodes_are_drawn_within_two_seconds(blank: Any) -> None:
    took = blank.evaluate(DRAW, tangled(1000))
    assert blank.locator("#graph .node").count() == 1000
    assert took < 2 * SECOND


def test_only_what_can_be_read_has_text(blank: Any) -> None:
    blank.evaluate(DRAW, tangled(1000))
    assert blank.locator("#graph .node text").count() == 0
    blank.evaluate("window.board.reveal('step-500')")
    blank.locator('#graph .node[data-id="step-500"]').locator(".name").wait_for()
    assert blank.locator("#graph .node text").count() < 300


def test_what_is_alike_is_one_until_it_is_asked_for(blank: Any) -> None:
    blank.evaluate(DRAW, shards(333))
    assert blank.locator("#graph .node").count() == 4
    group = blank.get_by_role("button", name="333 nodes like clean-000")
    assert "333 ready" in group.get_attribute("aria-label")
    group.press("Enter")
    assert blank.locator("#graph .node").count() == 3 + 333
    assert blank.evaluate("document.activeElement.dataset.id") == "clean-000"


def test_many_that_follow_one_stand_in_several_columns(blank: Any) -> None:
    nodes = [made("store", "metadata_store", [])]
    nodes += [made(f"step-{number:02}", "action", ["store"]) for number in range(40)]
    blank.evaluate(DRAW, nodes)
    boxes = [each.bounding_box() for each in blank.locator("#graph .node .shape").all()]
    assert len({round(each["x"]) for each in boxes}) >= 4
    assert len({(round(each["x"]), round(each["y"])) for each in boxes}) == 41, "no two in one place"


def test_a_node_in_a_group_is_found_and_shown(blank: Any) -> None:
    blank.evaluate(DRAW, shards(333))
    blank.evaluate("window.board.reveal('train-200')")
    blank.locator('#graph a.node[data-id="train-200"]').locator(".name").wait_for()
    assert blank.locator("#graph .node").count() == 3 + 333


def test_the_phase_of_a_group_is_that_of_its_worst_node(blank: Any) -> None:
    nodes = shards(333)
    nodes[4]["phase"] = "backoff"
    blank.evaluate(DRAW, nodes)
    worst = blank.locator('#graph .node[data-phase="backoff"]')
    assert worst.count() == 1
    assert "1 backoff, 332 ready" in worst.get_attribute("aria-label")


def test_groups_are_never_in_a_circle(blank: Any) -> None:
    chance = random.Random(7)
    for _ in range(20):
        nodes = [made("n0", "action", [])]
        for number in range(1, 60):
            before = chance.sample([each["name"] for each in nodes], min(len(nodes), chance.randint(0, 2)))
            nodes.append(made(f"n{number}", "action", before))
        circle = blank.evaluate(
            """async (nodes) => {
                const { drawn, groups, ranks } = await import("/static/js/graph/groups.js");
                const { items, edges } = drawn(nodes, groups(nodes, 2));
                const before = (id) => edges.filter((each) => each.to === id).map((each) => each.from);
                return items.length - ranks(items.map(({ id }) => ({ name: id, predecessors: before(id) }))).size;
            }""",
            nodes,
        )
        assert circle == 0


def test_tasks_are_counted_as_executing_or_waiting(blank: Any) -> None:
    nodes = [made("a", "resource", []), made("b", "action", ["a"]), made("c", "action", ["b"])]

    def run(number: int, b: str, c: str) -> dict[str, Any]:
        states = {"a": "succeeded", "b": b, "c": c}
        return {"id": number, "state": "running", "tasks": [{"node": n, "state": s} for n, s in states.items()]}

    runs = [run(7, "executing", "pending"), run(8, "pending", "pending"), run(9, "pending", "pending")]
    runs += [run(6, "succeeded", "executing"), {**run(5, "failed", "executing"), "state": "cancelled"}]
    counted = blank.evaluate(
        """async ([nodes, runs]) => {
            const { inWords, tally } = await import("/static/js/graph/tally.js");
            return [...tally(nodes, runs)].map(([name, found]) => [name, inWords(found)]);
        }""",
        [nodes, runs],
    )
    assert dict(counted) == {"b": "run 7, 2 waiting", "c": "run 6"}
