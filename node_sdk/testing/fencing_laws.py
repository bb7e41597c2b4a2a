"""The law of fencing as tests, for any store: no request of an older incarnation is taken, of whatever kind it is.
Part of `node_sdk.testing.contracts.StoreContract`.
"""

from __future__ import annotations

import pytest

from node_sdk.errors import Fenced
from node_sdk.testing.asking import Asker
from node_sdk.wire.store import (
    AskDue,
    Begin,
    Complete,
    Count,
    EndAttempt,
    EndRun,
    ForgetArtifacts,
    Found,
    Hello,
    LogMetrics,
    LogParams,
    Offer,
    Operation,
    Published,
    RecordArtifacts,
    RetryRun,
    Select,
    SetTags,
    StartRun,
    TagArtifact,
    TagRun,
    UpdateArtifact,
)

# One of each kind, as a process may say it that was stopped in its task of run 1.
WORDS: tuple[Operation, ...] = (
    Hello(),
    AskDue(1),
    RecordArtifacts("data", (Found("b", "x", 1),)),
    ForgetArtifacts("data", ("a",)),
    UpdateArtifact(1, "old"),
    TagArtifact(1, {"key": 1}),
    TagRun(1, {"key": 1}),
    Offer("data", True, 1),
    StartRun("wish"),
    Begin(1, 2),
    Complete(1, 1, "succeeded"),
    Published(1),
    EndAttempt(1, 1, "failed", None, 0.0),
    EndRun(1, "cancelled"),
    RetryRun(1, None, "wish"),
    LogMetrics(1, 1, 0, {"loss": 1.0}),
    LogParams(1, 1, {"rate": 0.1}),
    SetTags(1, 1, {"tag": "x"}),
    Select("runs", {}),
    Count("runs", {}),
)


class FencingLaws:
    """Needs the fixture `asker` of LedgerLaws."""

    @pytest.mark.parametrize("operation", WORDS, ids=lambda operation: type(operation).__name__)
    def test_no_word_of_an_older_incarnation_is_taken(self, asker: Asker, operation: Operation) -> None:
        run = asker.run("a")
        asker.begin("first", run)
        asker.hello("first", interrupted_run=run)
        tables = ("runs", "tasks", "artifacts", "metrics", "params", "tags", "artifact_tags", "retries")
        before = [asker.tables.select(table, {}) for table in tables]
        asker.incarnations["first"] = 1
        with pytest.raises(Fenced) as fenced:
            asker.ask("first", operation)
        assert fenced.value.current == 2
        assert [asker.tables.select(table, {}) for table in tables] == before
