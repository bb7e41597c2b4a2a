"""The laws of tags that people give by hand, as tests, for any store. Part of
`node_sdk.testing.contracts.StoreContract`.
"""

from __future__ import annotations

import pytest

from node_sdk.errors import Refused
from node_sdk.testing.asking import Asker
from node_sdk.wire.store import OPERATOR, SetTags, TagArtifact, TagRun


class TaggingLaws:
    """Needs the fixture `asker` of LedgerLaws."""

    def test_a_tag_by_hand_stands_beside_the_one_that_a_task_gave(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.begin("first", run)
        asker.ask("first", SetTags(run, 1, {"kind": "big"}))
        asker.ask(OPERATOR, TagRun(run, {"kind": "small", "seen": True}))
        asker.ask(OPERATOR, TagRun(run, {"kind": "tiny"}))
        found = {(row["node"], row["key"]): row["value"] for row in asker.rows("tags", run_id=run)}
        assert found == {
            ("first", "kind"): '"big"',
            (OPERATOR, "kind"): '"tiny"',
            (OPERATOR, "seen"): "true",
        }

    def test_only_tags_by_hand_are_taken_away_by_hand(self, asker: Asker) -> None:
        run = asker.run("a")
        asker.begin("first", run)
        asker.ask("first", SetTags(run, 1, {"kind": "big"}))
        asker.ask(OPERATOR, TagRun(run, {"kind": "small"}))
        asker.ask(OPERATOR, TagRun(run, {}, ("kind", "never given")))
        assert [row["node"] for row in asker.rows("tags", run_id=run)] == ["first"]

    def test_a_tag_of_an_artifact_is_taken_away(self, asker: Asker) -> None:
        asker.run("a")
        asker.ask(OPERATOR, TagArtifact(1, {"clean": True, "kept": 1}))
        asker.ask(OPERATOR, TagArtifact(1, {}, ("clean",)))
        assert [row["key"] for row in asker.rows("artifact_tags", artifact_id=1)] == ["kept"]

    def test_a_run_that_is_not_there_cannot_be_tagged(self, asker: Asker) -> None:
        with pytest.raises(Refused) as refused:
            asker.ask(OPERATOR, TagRun(4711, {"kind": "big"}))
        assert refused.value.kind == "not-found"
        assert asker.rows("tags") == []
