"""Limits as data, what a configuration lays over them, and how they are put on a process."""

from __future__ import annotations

import dataclasses
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from anacostia_daemon.core.node import NodeState, new_node
from anacostia_daemon.core.plan import given_up
from anacostia_daemon.process import footprint
from anacostia_daemon.process.footprint import Scales, children, relatives
from anacostia_daemon.process.marks import ROOM, VARIABLE, Mark
from anacostia_daemon.process.usage import Usage
from anacostia_daemon.supervisor.memory_watch import too_much
from node_sdk.errors import InvalidPipeline
from node_sdk.graph import GraphSpec, NodeSpec
from node_sdk.osprocess import facts
from node_sdk.overriding import override
from node_sdk.policy import Limits, RestartPolicy
from node_sdk.wire.codec import from_map, to_map

LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def a_node(**more: Any) -> NodeSpec:
    return NodeSpec(name="train", kind="action", type="T", base_type="B", **more)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nice": 20},
        {"nice": True},
        {"umask": 0o1000},
        {"memory_limit": 0},
        {"memory_limit": 1.5},
        {"oom_score_adj": -1001},
        {"cpus": ()},
        {"cpus": (-1,)},
        {"rlimits": {"nofile": -2}},
    ],
    ids=str,
)
def test_limits_that_make_no_sense_are_refused_by_the_name_of_their_field(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidPipeline, match=r"cannot use (rlimit )?" + str(next(iter(wrong)))[:4]):
        Limits(**wrong)


def test_an_unknown_rlimit_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidPipeline, match=r"cannot use rlimit 'no_file': .* \(did you mean 'nofile'\?\)"):
        Limits(rlimits={"no_file": 3})


def test_limits_travel_with_the_graph() -> None:
    node = a_node(limits=Limits(nice=3, cpus=(0, 1), rlimits={"core": -1}), essential=True)
    assert from_map(to_map(node), NodeSpec) == node


def test_a_configuration_counts_over_the_code_setting_by_setting() -> None:
    limits = Limits(nice=1, umask=0o22, rlimits={"core": 0, "nofile": 10})
    spec = a_node(stop_timeout=5.0, limits=limits, restart=RestartPolicy(max_restarts=1, window=9.0))
    wanted = {"stop_timeout": 7.0, "nice": 2, "rlimits": {"nofile": 20}, "restart": {"max_restarts": None}}
    (found,) = override(GraphSpec(name="p", nodes=(spec,)), {"train": wanted}).nodes
    assert found.stop_timeout == 7.0
    assert found.limits == Limits(nice=2, umask=0o22, rlimits={"core": 0, "nofile": 20})
    assert found.restart == RestartPolicy(max_restarts=None, window=9.0)


def test_a_configuration_of_a_node_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidPipeline, match=r"no such node in pipeline 'p' \(did you mean 'train'\?\)"):
        override(GraphSpec(name="p", nodes=(a_node(),)), {"trian": {}})


def test_a_pipeline_is_given_up_with_its_essential_nodes_and_with_no_others() -> None:
    def failed(spec: NodeSpec) -> NodeState:
        return dataclasses.replace(new_node(spec), phase="failed", reason="exited with code 3")

    for essential, words in ((True, "essential node 'train' failed: exited with code 3"), (False, "")):
        spec = a_node(essential=essential)
        graph = GraphSpec(name="p", nodes=(spec,))
        assert given_up(graph, {"train": failed(spec)}) == words
        assert given_up(graph, {"train": new_node(spec)}) == ""


PUT_ON = """
import os, sys
from node_sdk.policy import Limits
from node_sdk.runtime.limits import CannotLimit, put_on
{before}
try:
    put_on({limits}, "train")
except CannotLimit as error:
    sys.exit(str(error))
{then}
"""


def put_on(limits: Limits, before: str = "", then: str = "") -> subprocess.CompletedProcess[str]:
    script = PUT_ON.format(limits=limits, before=before, then=then)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_limits_hold_for_the_process_and_what_it_starts() -> None:
    then = "os.execvp('sh', ['sh', '-c', 'umask; ulimit -Sn; ulimit -Hn; nice'])"
    nice = os.getpriority(os.PRIO_PROCESS, 0) + 1
    done = put_on(Limits(umask=0o27, nice=min(nice, 19), rlimits={"nofile": 77}), then=then)
    assert done.stdout.split() == ["0027", "77", "77", str(min(nice, 19))], done.stderr


def test_what_needs_privileges_is_said_with_the_way_out() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = put_on(Limits(rlimits={"nofile": hard + 1}), before="os.getuid() or os.setuid(65534)  # root may do it")
    assert f"cannot limit node 'train' to rlimit nofile {hard + 1}: " in done.stderr
    assert "needs privileges which the daemon does not have" in done.stderr


@LINUX_ONLY
def test_a_cpu_that_is_not_there_is_an_error_and_not_passed_over() -> None:
    cpu = min(os.sched_getaffinity(0))
    done = put_on(Limits(cpus=(cpu, 4095)))
    assert f"cannot limit node 'train' to cpus {cpu}, 4095: the daemon may use CPUs" in done.stderr


def until_equal(look: Callable[[], object], expected: object) -> None:
    deadline = time.monotonic() + 20
    while (found := look()) != expected:
        assert time.monotonic() < deadline, found


@LINUX_ONLY
def test_memory_is_counted_over_children_and_orphans_and_nobody_else() -> None:
    mark = Mark("cafe0003", f"test{os.getpid()}", "train", 1)
    # One write for each line: they share a pipe.
    orphan = "import os, signal; os.fork() and os._exit(0); os.write(1, b'orphan %d\\n' % os.getpid()); signal.pause()"
    child = "import os, signal, subprocess, sys; p = subprocess.Popen([sys.executable, '-S', '-c', {!r}]); p.wait();"
    child = (
        child.format(orphan)
        + "q = subprocess.Popen(['sleep', '60']); os.write(1, b'below %d\\n' % q.pid); signal.pause()"
    )
    environment = {**os.environ, VARIABLE: str(mark).ljust(ROOM)}
    head = subprocess.Popen([sys.executable, "-S", "-c", child], env=environment, stdout=subprocess.PIPE, text=True)
    stranger = subprocess.Popen(["sleep", "60"])
    assert head.stdout is not None
    said: dict[str, str] = {}
    try:
        said.update(head.stdout.readline().split() for _ in range(2))
        left, below = int(said["orphan"]), int(said["below"])
        found = facts(left)
        assert found is not None
        until_equal(lambda: children(head.pid), {below})
        until_equal(lambda: relatives(head.pid, mark, [], ()), {head.pid, below})
        # Where many processes come and go, as below process 1, one look may pass it over.
        until_equal(lambda: relatives(head.pid, mark, [found.parent], ()), {head.pid, below, left})
        assert Scales().used_above("", 1 << 20, {head.pid, left, below}) is not None
        assert Scales().used_above("", 1 << 40, {head.pid, left, below}) is None
        assert Scales().used_above("", 1, {2**22 + 1}) is None  # gone
    finally:
        for number in said.values():
            os.kill(int(number), 9)
        for each in (head, stranger):
            each.kill()
            each.wait()
        head.stdout.close()


@LINUX_ONLY
def test_shared_memory_is_weighed_again_when_a_family_has_grown_or_after_some_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes, weighed = {"resident": 150, "proportional": 80}, []
    monkeypatch.setattr(footprint, "usage", lambda pid: Usage(0.0, sizes["resident"]))
    monkeypatch.setattr(footprint, "_proportional", lambda pid: weighed.append(pid) or sizes["proportional"])
    scales = Scales()
    assert [scales.used_above("a", 100, {1}) for _ in range(3)] == [None] * 3 and len(weighed) == 1
    sizes.update(resident=170, proportional=101)  # it grew by what was left of its limit
    assert scales.used_above("a", 100, {1}) == 101
    sizes.update(resident=171, proportional=99)
    assert scales.used_above("a", 100, {1}) is None
    sizes.update(proportional=120)  # it wrote to what it had shared: nothing is added
    assert [scales.used_above("a", 100, {1}) for _ in range(12)].index(120) == 10
    scales.keep(())
    del weighed[:]
    assert scales.used_above("a", 100, {1}) == 120 and weighed == [1]


def test_what_was_too_much_is_said_in_units_of_people() -> None:
    assert too_much(629145600, 512 << 20) == "used 600 MiB of memory, more than its memory_limit of 512 MiB"
    assert too_much(1234567, 1 << 20) == "used 1.177 MiB of memory, more than its memory_limit of 1 MiB"
