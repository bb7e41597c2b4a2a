"""What a daemon makes of the rows that another one left."""

from __future__ import annotations

from dataclasses import replace

from anacostia_daemon.core.node import new_node
from anacostia_daemon.journal.journal import NodeRow
from anacostia_daemon.process.identity import boot_id
from anacostia_daemon.supervisor import record
from anacostia_daemon.supervisor.loop import Loop
from anacostia_daemon.supervisor.moments import Moments
from anacostia_daemon.supervisor.watched import Watched
from node_sdk.graph import NodeSpec

TRAIN = NodeSpec(name="train", kind="action", type="T", base_type="B")
ROW = NodeRow(pipeline="p", name="train", desired="up", phase="ready", incarnation=3, pid=1, started=0.5)


def moments() -> Moments:
    return Moments(lambda: 100.0)


def test_a_node_of_another_boot_is_gone_without_looking_and_not_to_blame() -> None:
    end = record.certain_end(replace(ROW, boot_id="another"))
    assert end is not None
    assert (end.incarnation, end.fault, end.how) == (3, False, record.REBOOTED)
    assert record.certain_end(replace(ROW, boot_id=boot_id())) is None


def test_a_node_that_is_added_again_goes_on_from_its_last_number() -> None:
    state, wanted = record.node_of(TRAIN, None, 7, "up", moments())
    assert (state.incarnation, state.highest, wanted) == (7, 7, "up")


def test_an_orphan_that_was_not_found_yet_is_one_for_the_next_daemon_too() -> None:
    loop = Loop()
    orphan = Watched(loop, new_node(TRAIN, 3, orphan=True), "up", lambda: None)
    row = record._node_row("p", "train", orphan, moments())
    loop.close()
    assert row.phase == "starting"
    again, _ = record.node_of(TRAIN, row, 3, "up", moments())
    assert again.orphan
