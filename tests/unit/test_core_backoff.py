"""The arithmetic of restarts."""

from __future__ import annotations

import pytest

from anacostia_daemon.core.backoff import Budget, delay, spend
from node_sdk.policy import RestartPolicy

PLAIN = RestartPolicy(jitter=0.0)


@pytest.mark.parametrize(
    ("streak", "seconds"), [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (10_000, 30.0)]
)
def test_the_wait_grows_by_its_factor_up_to_its_cap(streak: int, seconds: float) -> None:
    assert delay(PLAIN, streak, "seed") == seconds


def test_the_jitter_stays_within_its_share_and_is_the_same_for_the_same_seed() -> None:
    policy = RestartPolicy(jitter=0.1)
    waits = [delay(policy, 2, f"train/{number}") for number in range(200)]
    assert all(0.9 <= each <= 1.1 for each in waits)
    assert len(set(waits)) == 200
    assert min(waits) < 0.95 and max(waits) > 1.05
    assert waits == [delay(policy, 2, f"train/{number}") for number in range(200)]


def test_restarts_beyond_the_window_do_not_count() -> None:
    budget = Budget()
    for now in (0.0, 100.0, 200.0, 300.0):
        spent = spend(budget, RestartPolicy(max_restarts=1, window=60.0), now, "seed", True)
        assert spent is not None
        budget, wait = spent
        assert wait == 0.0  # the first of its window


def test_a_spent_budget_gives_no_restart() -> None:
    policy = RestartPolicy(max_restarts=2, window=60.0)
    assert spend(Budget((0.0, 1.0), 2), policy, 59.9, "seed", True) is None
    assert spend(Budget((0.0, 1.0), 2), policy, 60.0, "seed", True) is not None


def test_no_restart_is_allowed_where_the_limit_is_0() -> None:
    assert spend(Budget(), RestartPolicy(max_restarts=0), 0.0, "seed", True) is None


def test_a_restart_that_is_not_to_be_at_once_waits_though_it_is_the_first() -> None:
    assert spend(Budget(), PLAIN, 0.0, "seed", False) == (Budget((0.0,), 1), 0.5)


def test_without_a_limit_the_budget_does_not_grow() -> None:
    budget = Budget()
    for now in range(1000):
        spent = spend(budget, RestartPolicy(max_restarts=None), float(now), "seed", True)
        assert spent is not None
        budget = spent[0]
    assert budget == Budget((999.0,), 1000)
