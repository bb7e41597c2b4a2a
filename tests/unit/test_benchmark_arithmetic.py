"""What the benchmarks make of their samples: percentiles, ratios, goals, tables, and what is kept of them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import FIGURES
from benchmarks.harness.figure import Figure, Goal, at_least, at_most, percentile
from benchmarks.harness.peers import PeerMissing, opened
from benchmarks.harness.record import BEGIN, END, PAGE, read, write, write_page
from benchmarks.harness.table import number, terminal
from benchmarks.harness.turns import take_turns

RESTART = Figure(
    name="restart",
    title="SIGKILL until ready",
    unit="ms",
    rows={"anacostia": [4.0, 5.0, 6.0], "limit": [2.0, 2.5, 3.0], "slow": [100.0], "fast": [50.0], "other": [1.0]},
    apart=("other",),
    goals=[at_most("p50 ≤ 2.5 × the limit", 2.0, 2.5), at_most("faster", 9.0, 3.0, unmet="the wait for the store")],
    notes=["said beside it"],
    missing={"gone": "cannot install gone.txt"},
    parts={"anacostia": {"fork": 1.0, "hello": 4.0}},
)


def test_a_percentile_lies_between_the_two_nearest_samples() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([1.0, 2.0], 50) == 1.5
    assert percentile([0.0, 10.0], 99) == pytest.approx(9.9)
    assert percentile([7.0], 99) == 7.0


def test_a_row_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="has no samples"):
        percentile([], 50)


def test_ratios_are_those_of_medians_to_the_limit_and_to_the_best_peer() -> None:
    assert RESTART.peers == ("slow", "fast")
    assert RESTART.best_peer == "fast"
    assert RESTART.of_limit("anacostia") == 2.0
    assert RESTART.than_best_peer("anacostia") == 10.0


def test_where_more_is_better_the_best_peer_has_most_and_the_tail_is_what_nearly_all_reach() -> None:
    rate = Figure("rate", "runs", "1/s", {"anacostia": [90.0, 100.0, 110.0], "a": [5.0], "b": [2.0]}, better="more")
    rate = replace(rate, limit=None)
    assert rate.best_peer == "a"
    assert rate.than_best_peer("anacostia") == 20.0
    assert rate.of_limit("anacostia") is None
    assert rate.summary("anacostia").p99 == pytest.approx(90.2)


def test_without_a_peer_nothing_is_compared_with_one() -> None:
    alone = replace(RESTART, rows={"anacostia": [1.0], "limit": [1.0]}, apart=())
    assert alone.best_peer is None and alone.than_best_peer("anacostia") is None


def test_a_goal_is_met_up_to_and_with_its_bound_and_none_where_nothing_was_measured() -> None:
    assert at_most("few", 2.5, 2.5) == Goal("few", 2.5, True)
    assert at_most("few", 2.51, 2.5, "why") == Goal("few", 2.51, False, "why")
    assert at_least("many", 20.0, 20.0) == Goal("many", 20.0, True)
    assert at_least("many", 19.9, 20.0) == Goal("many", 19.9, False)
    assert at_most("few", None, 1.0) is None and at_least("many", None, 1.0) is None


def test_the_table_shows_ours_first_then_the_limit_and_says_what_is_left_of_a_goal_and_who_is_missing() -> None:
    lines = terminal(RESTART).splitlines()
    assert [line.split()[0] for line in lines[2:7]] == ["anacostia", "limit", "slow", "fast", "other"]
    assert lines[2].split() == ["anacostia", "3", "5.00", "5.98", "2.00", "×", "10.0", "×"]
    assert lines[6].split() == ["other", "1", "1.00", "1.00"], "a row apart is compared with nothing"
    assert "met: p50 ≤ 2.5 × the limit: 2.00." in lines
    assert "NOT met: faster: 9.00. Left: the wait for the store" in lines
    assert "gone did not take part: cannot install gone.txt" in lines


def test_numbers_show_three_digits_that_count() -> None:
    assert [number(each) for each in (0.0123, 1.234, 12.34, 123.4, 12345.6)] == [
        "0.012",
        "1.23",
        "12.3",
        "123",
        "12,346",
    ]


def test_what_is_written_down_is_read_back_with_the_same_table(tmp_path: Path) -> None:
    path = write(RESTART, {"cores": 4}, tmp_path)
    assert terminal(read(path)) == terminal(RESTART)
    assert read(path).parts == RESTART.parts


def test_the_page_gets_the_figures_in_their_order_and_keeps_the_words_around_them(tmp_path: Path) -> None:
    results, page = tmp_path / "results", tmp_path / "performance.md"
    for name in ("hop", "restart-heavy", "restart"):
        write(replace(RESTART, name=name), {"cores": 4}, results)
    page.write_text(f"Before.\n{BEGIN}\nold\n{END}\nAfter.\n")
    write_page(["restart", "hop"], page, results)
    text = page.read_text()
    assert text.startswith("Before.\n") and text.endswith("\nAfter.\n") and "old" not in text
    heads = [line for line in text.splitlines() if line.startswith("### ")]
    assert heads == ["### restart", "### restart-heavy", "### hop"]
    write_page(["restart", "hop"], page, results)
    assert page.read_text() == text, "written again, it is the same"


def test_the_page_of_this_tree_is_what_the_results_say(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    write_page(list(FIGURES), page)
    assert page.read_text() == PAGE.read_text(), "out of date; write it again with `make docs`"


def test_a_page_without_marker_lines_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("words\n")
    with pytest.raises(ValueError, match="cannot write the figures"):
        write_page([], page, tmp_path)
    assert page.read_text() == "words\n"


def test_a_peer_that_cannot_be_installed_is_told_of_and_the_others_take_part() -> None:
    def gone() -> contextlib.AbstractContextManager[str]:
        raise PeerMissing("cannot install gone.txt")

    with contextlib.ExitStack() as stack:
        found, missing = opened(stack, {"gone": gone, "there": lambda: contextlib.nullcontext("running")})
    assert found == {"there": "running"}
    assert missing == {"gone": "cannot install gone.txt"}


def test_all_ways_take_turns_and_warm_rounds_do_not_count() -> None:
    called: list[str] = []

    def way(name: str, result: float | list[float]) -> float | list[float]:
        called.append(name)
        return result

    found = take_turns({"a": lambda: way("a", 1.0), "b": lambda: way("b", [2.0, 3.0])}, times=2, warm=1)
    assert found == {"a": [1.0, 1.0], "b": [2.0, 3.0, 2.0, 3.0]}
    assert called == ["b", "a", "a", "b", "b", "a"]
