"""What a restart policy and a name may be, and what is said when they may not."""

from __future__ import annotations

from typing import Any

import pytest

from node_sdk.errors import InvalidPipeline
from node_sdk.names import MAX_NAME, check_name
from node_sdk.policy import RestartPolicy


@pytest.mark.parametrize(
    "wrong",
    [
        {"when": "sometimes"},
        {"max_restarts": -1},
        {"window": -1.0},
        {"backoff_initial": float("inf")},
        {"backoff_max": float("nan")},
        {"backoff_factor": 0.5},
        {"jitter": 1.0},
        {"healthy_after": -0.1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_restart_policy_that_makes_no_sense_is_refused_by_the_name_of_its_field(wrong: dict[str, Any]) -> None:
    field = next(iter(wrong))
    with pytest.raises(InvalidPipeline, match=f"cannot use .*{field}"):
        RestartPolicy(**wrong)


@pytest.mark.parametrize("name", ["a", "train", "Train-2", "_x", "0", "v1.2", "x" * MAX_NAME])
def test_a_legal_name_is_returned_as_it_is(name: str) -> None:
    assert check_name(name, "node") == name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a/b", "..", ".hidden", "-x", "a\n", "ä", "x" * (MAX_NAME + 1), None, 7]
)
def test_an_illegal_name_is_refused_with_the_rule(name: object) -> None:
    with pytest.raises(InvalidPipeline, match="cannot name a node"):
        check_name(name, "node")
