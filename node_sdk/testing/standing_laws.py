"""The laws of resources whose trigger condition the store tells by itself, as tests, for any store. Part of
`node_sdk.testing.contracts.StoreContract`.
"""

from __future__ import annotations

from dataclasses import replace

from node_sdk.graph import GraphSpec
from node_sdk.testing.asking import action, graph
from node_sdk.testing.laws import Open


def standing(made: GraphSpec, *names: str) -> GraphSpec:
    """`made`, in which the resources in `names` offer whenever there is something new."""
    return replace(made, nodes=tuple(replace(each, starts_on_new=each.name in names) for each in made.nodes))


class StandingLaws:
    """Needs the fixture `opened` of LedgerLaws."""

    def test_a_standing_offer_starts_a_run_for_each_arrival_without_being_repeated(self, opened: Open) -> None:
        asker = opened(standing(graph(action("first", "data")), "data"))
        assert asker.offer() == 0
        for run in (1, 2, 3):
            asker.record(f"file-{run}")
            assert asker.ledger_last_run() == run
            asker.complete("first", run)

    def test_what_arrives_while_a_run_is_under_way_is_in_the_next_which_starts_as_it_ends(self, opened: Open) -> None:
        asker = opened(standing(graph(action("first", "data")), "data"))
        asker.offer()
        asker.record("a")
        asker.record("b", "c")
        assert asker.ledger_last_run() == 1
        asker.complete("first", 1)
        assert [row["location"] for row in asker.rows("artifacts", run_id=2)] == ["b", "c"]
        asker.complete("first", 2)
        assert asker.ledger_last_run() == 2

    def test_each_of_several_resources_must_have_something_new(self, opened: Open) -> None:
        made = graph(action("join", "left", "right"), resources=("left", "right"))
        asker = opened(standing(made, "left", "right"))
        asker.offer("left")
        asker.offer("right")
        asker.record("a", resource="left")
        assert asker.ledger_last_run() == 0
        asker.record("b", resource="right")
        assert asker.ledger_last_run() == 1

    def test_one_that_is_asked_and_one_that_is_not_go_together(self, opened: Open) -> None:
        made = graph(action("join", "left", "right"), resources=("left", "right"))
        asker = opened(standing(made, "left"))
        asker.offer("left")
        asker.record("a", resource="left")
        asker.record("b", resource="right")
        assert asker.ledger_last_run() == 0  # whether the condition of the other holds, it has not said
        assert asker.offer("right") == 1

    def test_an_offer_that_is_taken_back_starts_nothing(self, opened: Open) -> None:
        asker = opened(standing(graph(action("first", "data")), "data"))
        asker.offer()
        asker.offer(holds=False)
        asker.record("a")
        assert asker.ledger_last_run() == 0
        assert asker.offer() == 1

    def test_a_new_incarnation_has_to_offer_for_itself(self, opened: Open) -> None:
        asker = opened(standing(graph(action("first", "data")), "data"))
        asker.offer()
        asker.hello("data")
        asker.record("a")
        assert asker.ledger_last_run() == 0
        assert asker.offer() == 1

    def test_a_store_that_was_restarted_knows_of_it(self, opened: Open) -> None:
        asker = opened(standing(graph(action("first", "data")), "data"))
        asker.offer()
        asker.restart_store()
        asker.record("a")
        assert asker.ledger_last_run() == 1

    def test_who_is_asked_for_its_condition_hears_that_a_run_has_ended(self, opened: Open) -> None:
        made = graph(action("join", "left", "right"), resources=("left", "right"))
        asker = opened(standing(made, "left"))
        asker.offer("left")
        asker.record("a", resource="left")
        asker.record("b", resource="right")
        assert asker.offer("right") == 1
        asker.signals.clear()
        asker.complete("join", 1)
        assert asker.signals == [("right", 1)]  # its condition may look at what the run has recorded
