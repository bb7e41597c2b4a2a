"""Power: what is acknowledged is on the disk before, and what the disk refuses is not
acknowledged. Seen from outside, in the system calls of real processes.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chaos.sweep import Course, World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (Debian: apt install strace)"),
]

CALLS = "pwrite64,write,fsync,fdatasync,sendto,sendmsg,rename,renameat,renameat2,exit_group"
SLOW_DISK = "inject=fsync,fdatasync:delay_enter=100000"  # microseconds; what did not wait for the disk shows
BROKEN_DISK = "inject=fsync,fdatasync:error=EIO"


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    opened = World()
    before = request.session.testsfailed
    yield opened
    opened.close(failed=request.session.testsfailed > before)


@pytest.fixture
def course(world: World) -> Course:
    """A pipeline that makes artifacts; one run of it has ended."""
    course = Course(world, "output", "p")
    course.plan(())
    course.start()
    course.drop()
    world.until(course.settled, course.trouble)
    return course


@dataclass
class Traced:
    """The system calls of a process, in order; those that wait stand where they end."""

    path: Path
    calls: list[str] = field(default_factory=list)

    def read(self) -> None:
        begun: dict[str, str] = {}
        for line in self.path.read_text().splitlines():
            pid, _, call = line.partition(" ")
            call = re.sub(r"\)\s+= ", ") = ", call.strip())
            if call.endswith("<unfinished ...>") and call.startswith(("fs", "fd", "ren")):
                begun[pid] = call.removesuffix("<unfinished ...>").strip()
            elif resumed := re.match(r"<\.\.\. (fsync|fdatasync|rename\w*) resumed>(.*)", call):
                self.calls.append(begun.pop(pid) + resumed[2].strip())
            elif not call.startswith("<..."):
                self.calls.append(call)

    def find(self, *words: str, after: int = -1) -> int:
        """Where the first call that has all these words stands, after another one."""
        for at in range(after + 1, len(self.calls)):
            if all(word in self.calls[at] for word in words):
                return at
        raise AssertionError("no {} after call {} in\n{}".format(" … ".join(words), after, "\n".join(self.calls)))

    def has(self, *words: str, after: int = -1) -> bool:
        return any(all(word in call for word in words) for call in self.calls[after + 1 :])


@contextmanager
def traced(course: Course, node: str, *options: str) -> Iterator[Traced]:
    """While the block lasts, the process of `node` is traced, and meets what `options` inject."""
    [pipeline] = course.world.ask("status", pipeline=course.name)["pipelines"]
    [pid] = [each["pid"] for each in pipeline["nodes"] if each["name"] == node]
    found = Traced(course.world.root / "strace.txt")
    injected = [word for option in options for word in ("-e", option)]
    command = ["strace", "-f", "-yy", "-s", "300", "-o", str(found.path), "-e", f"trace={CALLS}", *injected]
    tracer = subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "Operation not permitted" in said:
        tracer.communicate()
        pytest.skip(f"strace may not attach to processes here (kernel.yama.ptrace_scope, or a container): {said}")
    assert "attached" in said, said
    try:
        yield found
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
        found.read()


def test_the_store_answers_only_after_the_disk_has_said_yes(course: Course) -> None:
    with traced(course, "store", SLOW_DISK) as store:
        course.drop()
        course.world.until(course.settled, course.trouble)

    written = store.find("pwrite64(", "metadata.db-wal")
    synced = store.find("sync(", "metadata.db-wal", ") = 0", after=written)
    answered = store.find("send", "StoreReply", after=written)  # a question before it may have been answered before
    assert written < synced < answered
    # The first of several: the run has others, and each write goes to the disk.
    again = store.find("pwrite64(", "metadata.db-wal", after=answered)
    assert store.find("sync(", "metadata.db-wal", ") = 0", after=again)
    assert course.faults() == []


def test_an_output_is_on_the_disk_before_it_is_recorded_and_its_name_before_it_is_called_published(
    course: Course,
) -> None:
    with traced(course, "maker", SLOW_DISK) as maker:
        course.drop()
        course.world.until(course.settled, course.trouble)

    models = f"{course.root}/models"
    at = -1
    for name in ("model-2.txt", "latest.txt"):
        staging = f"{models}/.anacostia/staging/2-maker/1"
        at = maker.find("write(", f"{staging}/{name}>", after=at)
        at = maker.find("fsync(", f"{staging}/{name}>) = 0", after=at)
        for folder in (staging, f"{models}/.anacostia/staging/2-maker", f"{models}/.anacostia/staging", models):
            at = maker.find("fsync(", f"<{folder}>) = 0", after=at)
    at = completed = maker.find("send", "Complete", after=at)
    for name in ("model-2.txt", "latest.txt"):
        at = maker.find("renameat(", f'<{models}>, "{name}")', "= 0", after=at)
        at = maker.find("fsync(", f"<{models}>) = 0", after=at)
    maker.find("send", "Published", after=at)
    assert maker.find("rename") > completed
    assert maker.find("send", "Published") > at
    assert course.faults() == []


def test_what_the_disk_of_the_store_refuses_is_acknowledged_to_nobody(course: Course) -> None:
    with traced(course, "store", BROKEN_DISK) as store:
        course.drop()
        course.world.until(lambda: store.path.read_text().count("EIO") >= 9, course.trouble)  # it has tried again
    course.world.until(course.settled, course.trouble)  # the disk is well again

    written = store.find("pwrite64(", "metadata.db-wal")
    store.find("sync(", "metadata.db-wal", "EIO", after=written)
    assert not store.has("send", "StoreReply", after=written)
    assert not store.has("send", "Signal", after=written)
    assert course.faults() == []


def test_an_output_that_the_disk_refuses_is_never_recorded(course: Course) -> None:
    with traced(course, "maker", BROKEN_DISK) as maker:
        course.failing.add(course.drop())
        course.world.until(course.settled, course.trouble)

    assert maker.find("fsync(", "model-2.txt>", "EIO") < maker.find("send", "Complete", "error")
    assert not maker.has("rename")
    assert not (course.root / "models" / "model-2.txt").exists()
    assert course.faults() == []
