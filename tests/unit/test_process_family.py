"""A family is found however its members hide: by mark, by tree, by session. Nobody else is."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from anacostia_daemon.process.family import Head, family, kill
from anacostia_daemon.process.handle import ProcessHandle, hold
from anacostia_daemon.process.marks import ROOM, VARIABLE, Mark, mark_of, marks
from node_sdk.osprocess import facts

MARK = Mark("cafe0000", f"test{os.getpid()}", "train", 3)

# Prints the pids of its descendants, then waits to be killed.
LEADER = """
import os, signal, subprocess, sys
SLEEP = [sys.executable, "-S", "-c", "print(flush=True); import signal; signal.pause()"]
def start(**more):
    child = subprocess.Popen(SLEEP, stdout=subprocess.PIPE, **more)
    child.stdout.readline()
    return child.pid
def orphan(**more):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.write(writer, str(start(**more)).encode())
        os._exit(0)
    os.wait()
    return int(os.read(reader, 20))
clean = {"PATH": os.environ["PATH"]}
print(start(), orphan(), start(env=clean), start(env=clean, start_new_session=True), flush=True)
signal.pause()
"""


class Leader:
    def __init__(self) -> None:
        environment = {**os.environ, VARIABLE: str(MARK).ljust(ROOM)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(LEADER)],
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        names = ("plain child", "double-forked and setsid", "without mark", "without mark, own session")
        self.members = dict(zip(names, map(int, self.process.stdout.readline().split()), strict=True))
        self.pid = self.process.pid
        found = facts(self.pid)
        assert found is not None
        self.started = found.started
        self.head = Head(self.pid, self.started)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def leader() -> Iterator[Leader]:
    made = Leader()
    handles = [handle for pid in made.members.values() if (handle := hold(pid)) is not None]
    yield made
    made.end()
    for handle in handles:
        handle.send(signal.SIGKILL)
        handle.close()
    assert made.process.stdout is not None
    made.process.stdout.close()


def wait_for(handles: list[ProcessHandle]) -> None:
    for handle in handles:
        select.select([handle.fd], [], [])
        handle.close()


def test_while_its_leader_lives_every_descendant_belongs_to_the_family(leader: Leader) -> None:
    found = {each.pid for each in family(MARK, leader.head)}

    assert found == {leader.pid, *leader.members.values()}


def test_after_its_leader_died_those_that_carry_the_mark_or_share_its_session_are_found(leader: Leader) -> None:
    leader.end()

    found = {each.pid for each in family(MARK, leader.head)}

    assert found == {
        leader.members["plain child"],
        leader.members["double-forked and setsid"],
        leader.members["without mark"],
    }


def test_a_killed_family_is_gone_and_its_zombies_do_not_count(leader: Leader) -> None:
    handles = kill(family(MARK, leader.head))
    wait_for(handles)

    assert len(handles) == 5
    assert family(MARK, leader.head) == []


def test_a_stranger_that_got_the_leaders_pid_is_not_touched(leader: Leader) -> None:
    other = Mark(MARK.home, MARK.pipeline, "other", 1)

    assert family(other, Head(leader.pid, leader.started - 1000)) == []


def test_a_session_of_a_head_that_died_unseen_belongs_to_it_as_long_as_a_marked_member_vouches_for_it(
    leader: Leader,
) -> None:
    unseen = Head(leader.pid, leader.started, unseen=True)
    leader.end()
    assert leader.members["without mark"] in {each.pid for each in family(MARK, unseen)}

    vouching = hold(leader.members["plain child"])
    assert vouching is not None
    vouching.send(signal.SIGKILL)
    wait_for([vouching])

    # What is left in the session carries no mark: it may be anybody's who got the number meanwhile.
    assert {each.pid for each in family(MARK, unseen)} == {leader.members["double-forked and setsid"]}


def test_another_incarnation_is_another_family(leader: Leader) -> None:
    assert family(Mark(MARK.home, MARK.pipeline, MARK.node, 4)) == []
    assert {pid for pid, mark in marks() if mark == MARK} == {
        leader.pid,
        leader.members["plain child"],
        leader.members["double-forked and setsid"],
    }


def test_a_mark_is_read_through_its_padding_and_a_blank_is_none() -> None:
    assert Mark.read(str(MARK).ljust(ROOM)) == MARK
    assert Mark.read(" " * ROOM) is None
    assert Mark.read("a/b/c") is None
    assert Mark.read("a/b/c/d") is None


def test_a_variable_that_only_ends_like_the_mark_is_none() -> None:
    environment = {f"NOT_{VARIABLE}": str(MARK), "PATH": os.environ["PATH"]}
    script = "print(flush=True); import signal; signal.pause()"
    child = subprocess.Popen([sys.executable, "-S", "-c", script], stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    child.stdout.readline()

    assert mark_of(child.pid) is None
    child.kill()
    child.wait()
    child.stdout.close()
