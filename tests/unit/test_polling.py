"""When a polled resource is looked at again, and what of a listing is news."""

from __future__ import annotations

import pytest

from node_sdk import InvalidPipeline
from node_sdk.resources import Polling
from node_sdk.resources.listing import Listed, differing, mark_of

STEADY = Polling(interval=10, backoff_initial=1, backoff_max=60, jitter=0)


def test_while_all_is_well_the_interval_counts() -> None:
    assert STEADY.wait(0, 0.7) == 10


def test_after_failures_the_pause_doubles_up_to_its_bound() -> None:
    assert [STEADY.wait(n, 0.5) for n in (1, 2, 3, 6, 7, 1000)] == [1, 2, 4, 32, 60, 60]


def test_many_nodes_do_not_come_at_once() -> None:
    jittered = Polling(interval=10, jitter=0.2)
    assert (jittered.wait(0, 0.0), jittered.wait(0, 1.0)) == (8, 12)


def test_who_asks_for_a_pause_gets_it_but_not_for_ever() -> None:
    assert STEADY.wait(1, 0.5, asked=30) == 30
    assert STEADY.wait(7, 0.5, asked=30) == 60
    assert STEADY.wait(1, 0.5, asked=1e9) == 3600


@pytest.mark.parametrize(
    "settings",
    [{"interval": 0}, {"interval": True}, {"interval": float("inf")}, {"backoff_max": "1"}, {"jitter": 1}],
    ids=str,
)
def test_what_is_no_policy_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InvalidPipeline):
        Polling(**settings)


def test_news_is_what_the_store_knows_otherwise_or_not_at_all() -> None:
    known = {
        "same": {"size": 1, "mtime_ns": 7},
        "larger": {"size": 1, "mtime_ns": 7},
        "other": {"size": 1, "mtime_ns": 7},
    }
    page = [Listed("same", 1, 7), Listed("larger", 2, 7), Listed("other", 1, 8), Listed("unknown", 1, 7)]
    assert [each.location for each in differing(page, known)] == ["larger", "other", "unknown"]


def test_a_mark_fits_the_store_and_differs_where_a_fact_does() -> None:
    marks = {mark_of("etag", 1), mark_of("etag", 2), mark_of("etag1", ""), mark_of("\udcff")}
    assert len(marks) == 4
    assert all(0 <= each < 2**63 for each in marks)
