"""Tables, texts and drawings: pure functions from values to lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anacostia_daemon.ctl import text
from anacostia_daemon.ctl.drawing import dot, draw, picture
from anacostia_daemon.ctl.sentences import sentence
from anacostia_daemon.ctl.table import Cell, Column, columns_of, cut, render

# ---- tables


def test_columns_are_aligned_under_their_titles() -> None:
    lines = render([Column("NODE"), Column("PID", right=True), Column("WORK")], [["a", "7", "x"], ["long", "4242", ""]])
    assert lines == ["NODE   PID  WORK", "a        7  x", "long  4242"]


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert [columns_of(each) for each in ("abc", "データ", "é", "e\u0301", "a\u200db")] == [3, 6, 1, 1, 2]
    lines = render([Column("N"), Column("X")], [["データ", "1"], ["e\u0301a", "2"]])
    assert lines[1:] == ["データ  1", "e\u0301a      2"]


def test_the_last_flexible_column_gives_way_to_the_terminal() -> None:
    columns = [Column("NODE", flexible=True), Column("WORK", flexible=True)]
    rows: list[list[Cell | str]] = [["n" * 20, "w" * 60]]
    assert render(columns, rows, 50)[1] == "n" * 20 + "  " + "w" * 27 + "…"
    assert render(columns, rows, 25)[1] == "n" * 14 + "…" + "  " + "w" * 7 + "…"
    assert render(columns, rows, None)[1] == "n" * 20 + "  " + "w" * 60


def test_columns_that_may_go_are_left_out_before_the_others_get_unreadable() -> None:
    columns = [Column("NODE"), Column("PID", may_go=2), Column("SINCE", may_go=1), Column("WORK", flexible=True)]
    rows: list[list[Cell | str]] = [["train", "4242", "3m12s", "w" * 60]]

    def titles(width: int) -> list[str]:
        return render(columns, rows, width)[0].split()

    assert titles(60) == ["NODE", "PID", "SINCE", "WORK"]
    assert titles(38) == ["NODE", "SINCE", "WORK"]
    assert titles(30) == ["NODE", "WORK"]
    assert all(columns_of(each) <= width for width in range(16, 80) for each in render(columns, rows, width))


def test_a_colour_takes_no_width() -> None:
    lines = render([Column("PHASE"), Column("X")], [[Cell("ready", "\x1b[32m"), "1"], ["down", "2"]])
    assert lines[1:] == ["\x1b[32mready\x1b[0m  1", "down   2"]


@given(st.text(max_size=30), st.integers(1, 20))
def test_a_cut_text_is_never_wider_than_asked(value: str, width: int) -> None:
    assert columns_of(cut(value, width)) <= width


# ---- texts


def test_moments_of_the_past_are_read_as_people_write_them() -> None:
    now = datetime(2026, 11, 23, 14, 0, 0, tzinfo=UTC)
    for written, seconds in (("90s", 90), ("15m", 900), ("2h", 7200), ("3d ago", 259_200), ("1.5h", 5400)):
        assert (now - (text.past(written, now) or now)).total_seconds() == seconds
    local = now.astimezone()
    earlier, later = text.past(f"{local:%H:%M}", now), text.past(f"{local + timedelta(minutes=1):%H:%M}", now)
    assert earlier == now and later == now + timedelta(minutes=1) - timedelta(days=1)
    assert text.past("2026-11-23T11:00:00Z", now) == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert [text.past(each, now) for each in ("", "tomorrow", "25:00", "5", "m", "5 parsecs")] == [None] * 6


def test_control_characters_are_written_out() -> None:
    assert text.printable("\x1b]0;title\x07 \r\n\t\x9b31m\u202e ü") == r"\x1b]0;title\x07 \x0d\x0a\x09\x9b31m\u202e ü"
    assert text.printable("a\tb\x00", tabs=True) == "a\tb\\x00"


@given(st.text())
def test_what_is_printable_holds_nothing_that_a_terminal_obeys(value: str) -> None:
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in text.printable(value))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (-3, "0s"), (59.9, "59s"), (192, "3m12s"), (7500, "2h05m"), (356_400, "4d03h")],
)
def test_durations_show_their_two_largest_units(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (200 * 2**20, "200 MiB"), (3 * 2**40, "3.0 TiB")],
)
def test_sizes_show_the_unit_that_fits(number: int | None, shown: str) -> None:
    assert text.size(number) == shown


def test_times_are_as_short_as_their_distance_allows() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).astimezone()
    assert text.local(now.isoformat(), now) == now.strftime("%H:%M:%S")
    assert text.local("2026-03-02T12:00:00.000Z", now).startswith("Mar  2 ")
    assert text.local("2024-03-02T12:00:00Z", now) == "2024-03-02"
    assert text.local(None) == text.local("yesterday") == "-"
    assert text.ago("2026-11-23T11:58:00Z", now) == "2m00s"
    assert text.between("2026-11-23T11:58:00.000Z", "2026-11-23T11:58:00.310Z") == "0.31s"


def test_a_line_of_the_journal_is_a_sentence() -> None:
    entry: dict[str, Any] = {
        "at": "2024-03-02T12:00:00Z",
        "pipeline": "digits",
        "node": "train",
        "incarnation": 3,
        "event": "family-gone",
        "from": "killing",
        "to": "backoff",
        "reason": "waits 0.5 s after: SIGKILL",
    }
    assert sentence(entry) == "2024-03-02 digits/train (process 3) waits 0.5 s before it is started again: SIGKILL"
    assert sentence(entry, with_pipeline=False).startswith("2024-03-02 train (process 3) waits ")
    wish = {**entry, "event": "desired", "from": "up", "to": "down", "reason": "stopped by a user"}
    assert sentence(wish).endswith(" is wanted down from now on: stopped by a user")
    assert sentence(
        {**entry, "node": None, "from": None, "to": None, "event": "was-moved", "reason": "x\x1b"}
    ).endswith(" digits was moved: x\\x1b")


@pytest.mark.parametrize(
    ("event", "before", "after", "reason", "expected"),
    [
        ("may-start", "down", "starting", "started by a user", "is started: started by a user"),
        ("beat", "starting", "ready", "set up", "is ready"),
        ("exited", "ready", "killing", "killed by SIGSEGV", "has ended: killed by SIGSEGV"),
        ("exited", "stopping", "killing", "stopped; seeing that nothing of it is left", "has ended as asked: stopped"),
        ("deadline", "ready", "killing", "no heartbeat for 30 s", "is killed: no heartbeat for 30 s"),
        ("family-gone", "killing", "starting", "started again at once after: x", "is started again at once after: x"),
        ("family-gone", "killing", "down", "stopped by a user", "is down: stopped by a user"),
        ("may-stop", "ready", "stopping", "removed by a user", "is asked to stop: removed by a user"),
        (
            "family-gone",
            "killing",
            "failed",
            "exited with code 1; spent",
            "has failed, and stays down until a person restarts it: exited with code 1; spent",
        ),
    ],
)
def test_each_change_of_phase_is_told_in_words(event: str, before: str, after: str, reason: str, expected: str) -> None:
    entry = {"at": "2024-03-02T12:00:00Z", "pipeline": "digits", "node": "train", "incarnation": 1}
    told = sentence({**entry, "event": event, "from": before, "to": after, "reason": reason})
    assert told == f"2024-03-02 digits/train (process 1) {expected}"


# ---- drawings


def node(name: str, *predecessors: str, kind: str = "action") -> dict[str, Any]:
    return {"name": name, "kind": kind, "type": "T", "predecessors": list(predecessors)}


DIAMOND = [
    node("store", kind="metadata_store"),
    node("left", "store", kind="resource"),
    node("right", "store", kind="resource"),
    node("join", "left", "right"),
]


def test_a_diamond_parts_and_comes_together() -> None:
    assert draw(DIAMOND) == [
        "◆  store  (metadata store: T)",
        "├─╮",
        "■ │  left  (resource: T)",
        "│ │",
        "│ ■  right  (resource: T)",
        "│ │",
        "├─╯",
        "●  join  (action: T)",
    ]


def test_where_lines_cannot_be_drawn_it_is_all_ascii() -> None:
    assert all(line.isascii() for line in draw(DIAMOND, ascii_only=True))


@st.composite
def graphs(draw_from: st.DrawFn) -> list[dict[str, Any]]:
    nodes = [node("n0", kind="metadata_store")]
    for number in range(1, draw_from(st.integers(1, 9))):
        before = draw_from(st.sets(st.sampled_from([each["name"] for each in nodes]), min_size=1))
        nodes.append(node(f"n{number}", *sorted(before)))
    return nodes


@given(graphs())
def test_every_node_stands_in_the_drawing_once_and_no_lane_is_left_over(nodes: list[dict[str, Any]]) -> None:
    lines = draw(nodes)
    for each in nodes:
        assert sum(f"  {each['name']}  (" in line for line in lines) == 1
    assert not set(lines[-1].split("  ")[0]) & set("│├┼")
    assert all(line.strip() for line in lines)


def test_graphviz_gets_its_own_language() -> None:
    assert dot({"name": 'a "b"', "nodes": DIAMOND[:2]}).splitlines() == [
        'digraph "a \\"b\\"" {',
        '  "store" [shape=cylinder];',
        '  "left" [shape=folder];',
        '  "store" -> "left";',
        "}",
    ]


def wide_graph(width: int) -> list[dict[str, Any]]:
    resources = [f"r{number}" for number in range(width)]
    store = node("store", kind="metadata_store")
    return [store, *(node(each, "store", kind="resource") for each in resources), node("join", *resources)]


def test_a_graph_that_is_too_wide_for_the_terminal_is_listed_by_stages() -> None:
    lines = picture(wide_graph(60), 80)
    assert len(lines) == 62
    assert (lines[0], lines[1]) == ("   1  ◆  store", "   2  ■  r0  ← store")
    assert lines[-1] == "   3  ●  join  ← r0, r1, r2 and 57 more"
    assert picture(wide_graph(3), 80)[1] == "├─┬─╮"
    assert picture(wide_graph(60), None) == draw(wide_graph(60)), "what goes to a file is as wide as it likes"


def test_no_line_of_a_thousand_nodes_is_wider_than_the_terminal() -> None:
    chain = [node("a0"), *(node(f"a{number}", f"a{number - 1}") for number in range(1, 1000))]
    for nodes in (chain, wide_graph(998)):
        lines = picture(nodes, 40)
        assert 1000 <= len(lines) <= 1001
        assert max(map(columns_of, lines)) <= 40
