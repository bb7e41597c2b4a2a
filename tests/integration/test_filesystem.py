"""A real folder, watched: which files count, when, and how often. The store is the ledger in memory."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node_sdk import AnacostiaError, ArtifactNotFound, BaseActionNode, InvalidValue, NotRunning, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode
from node_sdk.resources.inotify import FolderWatch
from node_sdk.testing import Rehearsal


class Step(BaseActionNode):
    """Does what the test says."""

    job: Callable[[Step], bool] = lambda self: True

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        return self.job()


class Scene:
    """A watched inbox and an output folder in a rehearsal."""

    def __init__(self, root: Path, **settings: Any) -> None:
        store = SqliteMetadataStore("store", f"sqlite:///{root}/unused.db")
        self.inbox = FilesystemStoreNode("inbox", root / "inbox", store, **settings)
        self.models = FilesystemStoreNode("models", root / "models", store, monitoring=False)
        self.step = Step("step", [self.inbox])
        self.pipeline = Pipeline([store, self.inbox, self.models, self.step], name="scene")
        self.folder = root / "inbox"
        self.rehearsal = Rehearsal(self.pipeline)

    def watch(self) -> None:
        self.rehearsal._bind("inbox")
        self.inbox.setup()
        self.inbox.start_monitoring()

    def look_until(self, condition: Callable[[], bool]) -> None:
        """Look whenever the kernel says there is something, until the condition holds."""
        deadline = time.monotonic() + 10
        descriptor = self.inbox.watched_fd()
        assert descriptor is not None
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not within 10 s; artifacts: {self.names('all')}"
            select.select([descriptor], [], [], left)
            self.inbox.look()

    def names(self, state: str = "new") -> list[str]:
        return sorted(os.path.relpath(each, self.folder) for each in self.inbox.list_artifacts(state))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    with made.rehearsal:
        made.watch()
        yield made
        made.inbox.stop_monitoring()


def test_a_file_counts_when_it_is_closed_not_when_it_appears(scene: Scene) -> None:
    with (scene.folder / "slow.txt").open("w") as file:
        file.write("half")
        file.flush()
        scene.inbox.look()
        assert scene.names() == []
        (scene.folder / "marker.txt").write_text("!")
        scene.look_until(lambda: "marker.txt" in scene.names())
        assert scene.names() == ["marker.txt"]
        file.write(" and whole")
    scene.look_until(lambda: "slow.txt" in scene.names())
    (row,) = [row for row in scene.inbox._select("new") if row["location"] == "slow.txt"]
    assert row["size"] == len("half and whole")


def test_a_file_that_cannot_be_read_is_named_once_and_counts_when_it_can_be(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.open

    def as_somebody(path: Any, flags: int, *more: Any, **named: Any) -> int:  # root may read whatever its mode
        if os.path.basename(path) == "secret.txt" and not os.stat(path).st_mode & 0o444:
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", as_somebody)
    secret = scene.folder / "secret.txt"
    (outside := scene.folder.parent / "outside").write_text("x")
    outside.chmod(0)
    outside.rename(secret)
    (scene.folder / "marker.txt").write_text("!")
    scene.look_until(lambda: scene.names() == ["marker.txt"])
    scene.inbox.scan()
    said = [each for each in caplog.records if "secret.txt" in each.getMessage()]
    assert [each.levelname for each in said] == ["WARNING"]
    assert "ignored until it can be read (Permission denied)" in said[0].getMessage()
    secret.chmod(0o200)
    scene.look_until(lambda: len([each for each in caplog.records if "secret.txt" in each.getMessage()]) == 2)
    secret.chmod(0o600)
    scene.look_until(lambda: scene.names() == ["marker.txt", "secret.txt"])


def test_a_change_of_mode_is_no_change_of_the_file(tmp_path: Path) -> None:
    """Programs that copy set the mode while they still write."""
    watch = FolderWatch(str(tmp_path))
    with (tmp_path / "half.txt").open("w") as file:
        file.write("half")
        file.flush()
        (tmp_path / "half.txt").chmod(0o600)
        changes = watch.changes()
    assert (changes.files, changes.permitted) == ({}, {str(tmp_path / "half.txt")})
    watch.close()


def test_a_folder_that_is_opened_to_us_later_counts_with_its_files(tmp_path: Path) -> None:
    (folder := tmp_path / "deep").mkdir()
    watch = FolderWatch(str(tmp_path))
    for descriptor in [each for each, path in watch._folders.items() if path == str(folder)]:
        watch._forget(descriptor)  # as where the kernel refused to watch it
    (folder / "a.txt").write_text("a")
    folder.chmod(0o755)
    assert list(watch.changes().folders) == [str(folder)]
    (folder / "b.txt").write_text("b")
    assert watch.changes().files == {str(folder / "b.txt"): True}
    watch.close()


def test_a_file_moved_in_counts_at_once(scene: Scene, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("x")
    outside.rename(scene.folder / "inside.txt")
    scene.look_until(lambda: scene.names() == ["inside.txt"])


def test_write_then_rename_inside_the_folder_counts_once_under_its_last_name(scene: Scene) -> None:
    (scene.folder / "a.tmp").write_text("x")
    (scene.folder / "a.tmp").rename(scene.folder / "a.txt")
    scene.look_until(lambda: scene.names() == ["a.txt"])


def test_names_that_are_ignored_do_not_count(scene: Scene) -> None:
    for name in (".hidden", "a.part", "b~", "c.tmp"):
        (scene.folder / name).write_text("x")
    (scene.folder / ".git").mkdir()
    (scene.folder / ".git" / "config").write_text("x")
    (scene.folder / "counts.txt").write_text("x")
    scene.look_until(lambda: scene.names() == ["counts.txt"])
    assert scene.names("all") == ["counts.txt"]


def test_a_folder_moved_in_whole_and_one_made_inside_count_with_their_files(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "batch" / "deep").mkdir(parents=True)
    (tmp_path / "batch" / "1.txt").write_text("1")
    (tmp_path / "batch" / "deep" / "2.txt").write_text("2")
    (tmp_path / "batch").rename(scene.folder / "batch")
    (scene.folder / "made").mkdir()
    (scene.folder / "made" / "3.txt").write_text("3")
    expected = ["batch/1.txt", "batch/deep/2.txt", "made/3.txt"]
    scene.look_until(lambda: scene.names() == expected)
    (scene.folder / "batch" / "deep" / "4.txt").write_text("4")
    scene.look_until(lambda: "batch/deep/4.txt" in scene.names())


def test_only_regular_files_count(scene: Scene, tmp_path: Path) -> None:
    os.mkfifo(scene.folder / "pipe")
    (tmp_path / "target.txt").write_text("x")
    (scene.folder / "link.txt").symlink_to(tmp_path / "target.txt")
    (tmp_path / "linked.txt").write_text("y")
    os.link(tmp_path / "linked.txt", scene.folder / "hard.txt")
    scene.look_until(lambda: scene.names() == ["hard.txt"])
    scene.inbox.scan()
    assert scene.names("all") == ["hard.txt"]


def test_a_file_written_anew_is_a_new_version_and_the_same_bytes_are_no_news(scene: Scene) -> None:
    path = scene.folder / "a.txt"
    path.write_text("one")
    scene.look_until(lambda: scene.names() == ["a.txt"])
    scene.rehearsal.start_run()
    path.write_text("one")
    (scene.folder / "marker.txt").write_text("!")
    scene.look_until(lambda: "marker.txt" in scene.names())
    assert scene.names() == ["marker.txt"]
    path.write_text("two")
    scene.look_until(lambda: scene.names() == ["a.txt", "marker.txt"])


def test_a_file_deleted_before_its_use_is_no_longer_offered(scene: Scene) -> None:
    (scene.folder / "sub").mkdir()
    (scene.folder / "a.txt").write_text("x")
    (scene.folder / "sub" / "b.txt").write_text("x")
    scene.look_until(lambda: len(scene.names()) == 2)
    (scene.folder / "a.txt").unlink()
    scene.look_until(lambda: scene.names() == ["sub/b.txt"])
    (scene.folder / "sub").rename(scene.folder.parent / "away")
    scene.look_until(lambda: scene.names() == [])


def test_names_that_are_no_text_survive_and_can_be_read(scene: Scene) -> None:
    name = os.fsdecode(b"caf\xe9 \n.txt")
    (scene.folder / name).write_text("x")
    (scene.folder / "with space.txt").write_text("y")
    scene.look_until(lambda: len(scene.names()) == 2)
    assert name in scene.names()
    assert scene.inbox.load_artifact(str(scene.folder / name)) == "x"


def test_a_file_that_is_being_written_at_the_scan_waits_for_its_closing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    (tmp_path / "inbox").mkdir(exist_ok=True)
    with (tmp_path / "inbox" / "open.txt").open("w") as file, scene.rehearsal:
        file.write("half")
        file.flush()
        scene.watch()
        assert scene.names() == []
        file.write(" whole")
        file.close()
        scene.look_until(lambda: scene.names() == ["open.txt"])
        scene.inbox.stop_monitoring()


def test_init_state_old_holds_for_what_was_there_at_the_very_first_start_only(tmp_path: Path) -> None:
    scene = Scene(tmp_path, init_state="old")
    scene.folder.mkdir(exist_ok=True)
    (scene.folder / "before.txt").write_text("x")
    with scene.rehearsal:
        scene.watch()
        assert (scene.names("new"), scene.names("old")) == ([], ["before.txt"])
        scene.inbox.stop_monitoring()
        (scene.folder / "between.txt").write_text("y")
        scene.watch()
        assert (scene.names("new"), scene.names("old")) == (["between.txt"], ["before.txt"])
        scene.inbox.stop_monitoring()


def test_a_second_scan_finds_nothing_new_and_hashes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (scene.folder / "a.txt").write_text("x")
    scene.look_until(lambda: scene.names() == ["a.txt"])
    monkeypatch.setattr("node_sdk.resources.staging.hash_of", lambda path: pytest.fail(f"hashed {path} again"))
    scene.inbox.scan()
    assert scene.names("all") == ["a.txt"]


def test_the_folder_itself_deleted_and_made_again_is_watched_on(scene: Scene) -> None:
    scene.folder.rmdir()
    scene.look_until(scene.folder.is_dir)
    (scene.folder / "again.txt").write_text("x")
    scene.look_until(lambda: scene.names() == ["again.txt"])


def test_an_overflow_of_the_kernels_queue_costs_no_file(scene: Scene) -> None:
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for _ in range(room // 2 + 1):  # in turn, for the kernel drops what repeats the event before
        for name in ("a.txt", "b.txt"):
            os.close(os.open(scene.folder / name, os.O_WRONLY | os.O_CREAT))
    (scene.folder / "last.txt").write_text("nobody is told of this one")
    scene.look_until(lambda: scene.names() == ["a.txt", "b.txt", "last.txt"])


def test_our_own_folder_is_never_watched_whatever_is_ignored(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ignore=())
    with scene.rehearsal:
        staged = scene.folder / ".anacostia" / "staging" / "1-step" / "half.txt"
        staged.parent.mkdir(parents=True)
        staged.write_text("half")
        (scene.folder / ".whole").write_text("whole")
        scene.watch()
        assert scene.names() == [".whole"]
        scene.inbox.stop_monitoring()


def test_files_that_appear_while_folders_appear_are_each_recorded_once(scene: Scene) -> None:
    def rain() -> None:
        for number in range(40):
            folder = scene.folder / f"d{number}"
            folder.mkdir()
            for each in range(5):
                (folder / f"{each}.txt").write_text(f"{number} {each}")

    writer = threading.Thread(target=rain)
    writer.start()
    scene.look_until(lambda: len(scene.names()) == 200)
    writer.join()
    assert len(scene.inbox._select("all")) == 200


def test_max_old_samples_limits_what_is_listed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, init_state="old", max_old_samples=2)
    scene.folder.mkdir(exist_ok=True)
    for number in range(5):
        (scene.folder / f"{number}.txt").write_text("x")
    with scene.rehearsal:
        scene.watch()
        assert len(scene.names("old")) == 2
        assert scene.inbox.get_num_artifacts("old") == 2
        assert scene.inbox.get_num_artifacts("all") == 5
        scene.inbox.stop_monitoring()


# ---- outputs


def test_an_output_appears_whole_after_the_task_and_is_recorded(scene: Scene) -> None:
    def job() -> bool:
        with scene.models.save_artifact("sub/model.bin") as path:
            path.write_bytes(b"weights")
            assert not (Path(scene.models.resource_path) / "sub/model.bin").exists()
        return True

    scene.step.job = job  # type: ignore[method-assign, assignment]
    scene.models.setup()
    run_id = scene.rehearsal.start_run()
    result = scene.rehearsal.execute("step", run_id)
    assert result.state == "succeeded", result.error
    assert [path.read_bytes() for path in result.outputs] == [b"weights"]
    (row,) = scene.models._select("all")
    assert (row["location"], row["size"], row["made_by_run"], row["made_by_node"]) == (
        "sub/model.bin",
        7,
        run_id,
        "step",
    )


def test_an_exception_while_saving_records_nothing(scene: Scene) -> None:
    def job() -> bool:
        with scene.models.save_artifact("model.bin") as path:
            path.write_bytes(b"half")
            raise RuntimeError("out of ideas")

    scene.step.job = job  # type: ignore[method-assign, assignment]
    result = scene.rehearsal.execute("step", scene.rehearsal.start_run())
    assert result.state == "error"
    assert "out of ideas" in str(result.error)
    assert (result.outputs, scene.models._select("all")) == ([], [])


@pytest.mark.parametrize("location", ["../out.bin", "/abs.bin", "", "a/../../b", "x.tmp", ".anacostia/x", "dir/"])
def test_an_output_cannot_leave_its_folder_or_be_hidden(scene: Scene, location: str) -> None:
    refused: list[str] = []

    def job() -> bool:
        with pytest.raises(InvalidValue) as error, scene.models.save_artifact(location):
            pass
        refused.append(str(error.value))
        return True

    scene.step.job = job  # type: ignore[method-assign, assignment]
    scene.rehearsal.execute("step", scene.rehearsal.start_run())
    assert "cannot" in refused[0]


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("best", "there is a folder of that name"),
        ("file/model.bin", "file is no folder"),
        ("dangling/model.bin", "dangling is no folder"),
        ("shared/model.bin", "is on another file system"),
        ("closed/model.bin", "permission denied in"),
    ],
)
def test_an_output_that_could_not_be_put_in_its_place_is_an_error_of_its_task(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, location: str, words: str
) -> None:
    out = Path(scene.models.resource_path)
    for name in ("best", "shared", "closed"):
        (out / name).mkdir(parents=True)
    (out / "file").write_text("")
    (out / "dangling").symlink_to("nowhere")
    access, status = os.access, Path.stat
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and access(path, mode))

    def stat(path: Path, **more: Any) -> os.stat_result:
        found = list(status(path, **more))
        found[2] += path.name == "shared"
        return os.stat_result(found)

    def job() -> bool:
        monkeypatch.setattr(Path, "stat", stat)
        with scene.models.save_artifact(location) as path:
            path.write_text("weights")
        return True

    scene.step.job = job  # type: ignore[method-assign, assignment]
    result = scene.rehearsal.execute("step", scene.rehearsal.start_run())
    assert (result.state, result.outputs) == ("error", [])
    assert f"cannot save artifact '{location}' in resource 'models': " in str(result.error)
    assert words in str(result.error)


def test_a_folder_that_takes_the_place_of_an_output_while_it_is_written_is_noticed(scene: Scene) -> None:
    def job() -> bool:
        with scene.models.save_artifact("best") as path:
            path.write_text("weights")
            (Path(scene.models.resource_path) / "best").mkdir()
        return True

    scene.step.job = job  # type: ignore[method-assign, assignment]
    result = scene.rehearsal.execute("step", scene.rehearsal.start_run())
    assert result.state == "error"
    assert "there is a folder of that name" in str(result.error)


def test_saving_outside_of_a_task_is_refused(scene: Scene) -> None:
    with pytest.raises(NotRunning, match="inside execute"), scene.models.save_artifact("x"):
        pass


# ---- reading


def test_an_artifact_whose_file_vanished_is_said_so(scene: Scene) -> None:
    (scene.folder / "a.txt").write_text("x")
    scene.look_until(lambda: scene.names() == ["a.txt"])
    (scene.folder / "a.txt").unlink()
    with pytest.raises(ArtifactNotFound, match="the file is gone"):
        scene.inbox.load_artifact("a.txt")


def test_an_artifact_is_read_by_path_or_location_as_text_or_bytes(scene: Scene) -> None:
    (scene.folder / "a.txt").write_text("größer")
    assert scene.inbox.load_artifact(str(scene.folder / "a.txt")) == "größer"
    assert scene.inbox.load_artifact("a.txt") == "größer"
    with scene.inbox.open_artifact("a.txt") as file:
        assert file.read() == "größer".encode()


def test_current_means_the_artifacts_of_the_run_whose_task_is_executed(scene: Scene) -> None:
    seen: list[list[str]] = []
    scene.step.job = lambda: bool(seen.append(scene.names("current")) or True)  # type: ignore[method-assign, assignment, func-returns-value]
    (scene.folder / "a.txt").write_text("a")
    scene.look_until(lambda: scene.names() == ["a.txt"])
    first = scene.rehearsal.start_run()
    (scene.folder / "b.txt").write_text("b")
    scene.look_until(lambda: scene.names() == ["b.txt"])
    second = scene.rehearsal.start_run()
    scene.rehearsal.execute("step", second)
    scene.rehearsal.execute("step", first)
    assert seen == [["b.txt"], ["a.txt"]]


def test_an_unknown_state_and_an_unknown_artifact_are_refused(scene: Scene) -> None:
    with pytest.raises(InvalidValue, match="state 'fresh'"):
        scene.inbox.list_artifacts("fresh")
    with pytest.raises(ArtifactNotFound, match="artifact 99"):
        scene.inbox.get_artifact(99)


def test_a_folder_without_permission_is_said_so_at_setup(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    (tmp_path / "inbox").mkdir(mode=0o000)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # root may read everything, so somebody else looks
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            scene.inbox.setup()
        except AnacostiaError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    said = os.read(read, 1000).decode()
    os.close(read)
    assert "cannot use folder" in said
    assert "ermission denied" in said


def test_a_folder_that_is_a_file_is_said_so_at_setup(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    (tmp_path / "inbox").write_text("a file")
    with pytest.raises(AnacostiaError, match=r"cannot use folder .* give another path"):
        scene.inbox.setup()


def test_the_watch_for_other_platforms_reports_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from node_sdk.resources import filesystem
    from node_sdk.resources.observer import ObservedFolder

    monkeypatch.setattr(filesystem, "_watch", ObservedFolder)
    scene = Scene(tmp_path)
    with scene.rehearsal:
        scene.watch()
        try:
            (scene.folder / "a.txt").write_text("a")
            (scene.folder / "sub").mkdir()
            (scene.folder / "sub" / "b.txt").write_text("b")
            scene.look_until(lambda: scene.names() == ["a.txt", "sub/b.txt"])
            (scene.folder / "a.txt").rename(scene.folder / "c.txt")
            scene.look_until(lambda: scene.names() == ["c.txt", "sub/b.txt"])
        finally:
            scene.inbox.stop_monitoring()
