"""The contract of resources as tests: run them against a resource of your own.

    from node_sdk.testing.resources import StoredContract

    class TestMyResource(StoredContract):
        def make(self, name, store, **settings):
            return MyResource(name, f"my://{self.folder}/{name}", store, **settings)

        def put(self, name, data): ...      # into the resource called "data", as its users do
        def remove(self, name): ...

`InputContract` is for those that only give, `StoredContract` for those that also keep what runs make.
Put `pytest.register_assert_rewrite("node_sdk.testing")` in your conftest for failures that show values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node_sdk.errors import ArtifactNotFound, InvalidValue
from node_sdk.metadata.sqlite import SqliteMetadataStore
from node_sdk.nodes.action import BaseActionNode
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.pipeline import Pipeline
from node_sdk.testing import Rehearsal, TaskResult

LARGE = 12 * 1024 * 1024  # bytes; more than any part of an upload


class Job(BaseActionNode):
    """Does what the test says."""

    job: Callable[[], Any] = staticmethod(lambda: None)

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        return self.job() is not False


class Scene:
    """A pipeline of the resource `data`, an action `job`, and where there are outputs the resource `models`."""

    def __init__(self, store: SqliteMetadataStore, data: Any, models: Any) -> None:
        self.data, self.models = data, models
        self.job = Job("job", [data])
        nodes = [store, data, self.job, *([] if models is None else [models])]
        self.rehearsal = Rehearsal(Pipeline(nodes, name="tested"))

    def new(self) -> list[str]:
        """What a run would claim, after a look."""
        self.rehearsal.look()
        assert self.data.trouble() is None
        return sorted(self.data.to_location(each) for each in self.data.list_artifacts("new"))

    def run(self, job: Callable[[], Any] = lambda: None) -> TaskResult:
        """A run that claims what is new."""
        self.job.job = job
        return self.rehearsal.execute("job", self.rehearsal.start_run())


class InputContract:
    """What every watched resource promises."""

    names = ("a.txt", "b.txt")
    can_change = True  # what is at a name may be replaced
    forgets = True  # what is gone before it was claimed is not offered any longer

    def make(self, name: str, store: SqliteMetadataStore, **settings: Any) -> BaseResourceNode:
        raise NotImplementedError("give the resource to test: override make")

    def put(self, name: str, data: bytes) -> None:
        raise NotImplementedError("put an artifact into the resource 'data': override put")

    def remove(self, name: str) -> None:
        raise NotImplementedError("remove an artifact from the resource 'data': override remove")

    def open_scene(self, **settings: Any) -> Scene:
        store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
        return Scene(store, self.make("data", store, **settings), None)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        scene = self.open_scene()
        with scene.rehearsal:
            yield scene

    def test_what_is_there_is_new_once(self, scene: Scene) -> None:
        assert scene.new() == []
        for name in self.names:
            self.put(name, b"x" + name.encode())
        assert scene.new() == scene.new() == sorted(self.names)
        assert scene.data.get_num_artifacts("new") == scene.data.get_num_artifacts() == len(self.names)

    def test_what_a_run_has_claimed_is_not_new_again(self, scene: Scene) -> None:
        self.put(self.names[0], b"one")
        assert scene.new() == [self.names[0]]
        claimed: list[str] = []
        assert scene.run(lambda: claimed.extend(scene.data.list_artifacts("current"))).state == "succeeded"
        assert [scene.data.to_location(each) for each in claimed] == [self.names[0]]
        self.put(self.names[1], b"two")
        assert scene.new() == [self.names[1]]

    def test_the_bytes_are_read_where_they_are(self, scene: Scene) -> None:
        text = "ü 1\n2\n"
        self.put(self.names[0], text.encode())
        scene.new()
        read: list[Any] = []

        def job() -> None:
            (path,) = scene.data.list_artifacts("current")
            with scene.data.open_artifact(path) as file:
                read.append(file.read())
            with scene.data.open_artifact(path, "r") as file:
                read.append(list(file))

        result = scene.run(job)
        assert (result.state, result.error) == ("succeeded", None)
        assert read == [text.encode(), ["ü 1\n", "2\n"]]

    def test_other_bytes_under_the_same_name_are_a_new_version(self, scene: Scene) -> None:
        if not self.can_change:
            return
        self.put(self.names[0], b"one")
        scene.new()
        scene.run()
        self.put(self.names[0], b"other")
        assert scene.new() == [self.names[0]]
        assert scene.data.get_num_artifacts() == 2

    def test_what_changes_before_it_is_claimed_is_claimed_once(self, scene: Scene) -> None:
        if not self.can_change:
            return
        self.put(self.names[0], b"one")
        scene.new()
        self.put(self.names[0], b"other")
        assert scene.new() == [self.names[0]]
        assert scene.data.get_num_artifacts() == 1

    def test_what_is_gone_before_it_was_claimed_is_not_offered(self, scene: Scene) -> None:
        if not self.forgets:
            return
        for name in self.names:
            self.put(name, b"x")
        scene.new()
        self.remove(self.names[0])
        assert scene.new() == [self.names[1]]

    def test_bytes_that_are_gone_are_told_from_a_resource_that_is_away(self, scene: Scene) -> None:
        self.put(self.names[0], b"one")
        scene.new()

        def job() -> None:
            (path,) = scene.data.list_artifacts("current")
            self.remove(self.names[0])
            scene.data.open_artifact(path).read()

        result = scene.run(job)
        assert result.state == "error"
        assert "cannot read artifact" in (result.error or "") and "gone" in (result.error or "")

    def test_what_was_there_at_the_first_start_need_not_be_new(self) -> None:
        scene = self.open_scene(init_state="old")
        with scene.rehearsal:
            self.put(self.names[0], b"x")
            assert scene.new() == []
            assert scene.data.get_num_artifacts("old") == 1
            self.put(self.names[1], b"x")
            assert scene.new() == [self.names[1]]


class StoredContract(InputContract):
    """And what a resource promises that keeps what runs make (law 5)."""

    def open_scene(self, **settings: Any) -> Scene:
        store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
        models = self.make("models", store, monitoring=False)
        models.setup()
        return Scene(store, self.make("data", store, **settings), models)

    def kept(self, scene: Scene, name: str) -> bytes | None:
        """What stands at `name` in the resource `models`; None where nothing does."""
        try:
            with scene.models.open_artifact(name) as file:
                data: bytes = file.read()
                return data
        except ArtifactNotFound:
            return None

    def test_an_output_appears_when_its_task_has_completed(self, scene: Scene) -> None:
        early: list[bytes | None] = []

        def job() -> None:
            with scene.models.save_artifact("deep/model.bin") as path:
                path.write_bytes(b"weights")
            early.append(self.kept(scene, "deep/model.bin"))

        result = scene.run(job)
        assert (result.state, result.error, early) == ("succeeded", None, [None])
        assert self.kept(scene, "deep/model.bin") == b"weights"
        assert [each.removesuffix("deep/model.bin") != each for each in scene.models.list_artifacts()] == [True]

    def test_a_large_output_comes_whole(self, scene: Scene) -> None:
        data = bytes(range(256)) * (LARGE // 256)

        def job() -> None:
            with scene.models.save_artifact("large.bin") as path:
                path.write_bytes(data)

        assert scene.run(job).state == "succeeded"
        assert self.kept(scene, "large.bin") == data
        with scene.models.open_artifact("large.bin") as file:
            file.seek(LARGE - 300)
            assert file.read(300) == data[-300:]

    def test_nothing_of_a_task_that_raised_appears(self, scene: Scene) -> None:
        def job() -> None:
            with scene.models.save_artifact("whole.bin") as path:
                path.write_bytes(b"whole")
            with scene.models.save_artifact("half.bin") as path:
                path.write_bytes(b"ha")
                raise ArithmeticError

        assert scene.run(job).state == "error"
        assert scene.models.list_artifacts() == []
        assert self.kept(scene, "half.bin") is None

    def test_publishing_again_changes_nothing(self, scene: Scene) -> None:
        outputs: list[Any] = []

        def job() -> None:
            with scene.models.save_artifact("model.bin") as path:
                path.write_bytes(b"weights")
            outputs.extend(scene.models.bound("test").task.outputs)

        scene.run(job)
        scene.models.publish(outputs[0])
        scene.models.publish(outputs[0])
        assert self.kept(scene, "model.bin") == b"weights"

    def test_an_output_whose_bytes_are_lost_is_said_to_be_lost(self, scene: Scene) -> None:
        outputs: list[Any] = []

        def job() -> None:
            with scene.models.save_artifact("model.bin") as path:
                path.write_bytes(b"weights")
            outputs.extend(scene.models.bound("test").task.outputs)
            scene.models.clear_staging(scene.models.bound("test").task.run_id, "job")
            scene.models.bound("test").task.outputs.clear()

        scene.run(job)
        with pytest.raises(ArtifactNotFound, match="cannot publish artifact"):
            scene.models.publish(outputs[0])

    def test_a_later_output_takes_the_place_of_an_earlier_one(self, scene: Scene) -> None:
        for data in (b"one", b"two"):

            def job(data: bytes = data) -> None:
                with scene.models.save_artifact("model.bin") as path:
                    path.write_bytes(data)

            assert scene.run(job).state == "succeeded"
            assert self.kept(scene, "model.bin") == data

    def test_an_output_in_a_watched_resource_is_new_once(self, scene: Scene) -> None:
        def job() -> None:
            with scene.data.save_artifact("made.txt") as path:
                path.write_bytes(b"made")

        assert scene.run(job).state == "succeeded"
        assert scene.new() == scene.new() == ["made.txt"]
        assert scene.data.get_num_artifacts() == 1
        scene.run()
        assert scene.new() == []

    @pytest.mark.parametrize("name", ["", "../x", "/etc/x", "a/../../x", ".anacostia/x", "x.tmp", "a\0b"])
    def test_a_name_that_leads_elsewhere_or_would_not_count_is_refused(self, scene: Scene, name: str) -> None:
        refused: list[bool] = []

        def job() -> None:
            with pytest.raises(InvalidValue), scene.models.save_artifact(name):
                pass
            refused.append(True)

        scene.run(job)
        assert refused == [True]

    def test_of_what_is_old_only_the_newest_is_listed(self) -> None:
        scene = self.open_scene(max_old_samples=1)
        with scene.rehearsal:
            for name in self.names:
                self.put(name, b"x")
                scene.new()
                scene.run()
            assert [scene.data.to_location(each) for each in scene.data.list_artifacts("old")] == [self.names[-1]]
            assert scene.data.get_num_artifacts("old") == 1
