"""Who may write to the folder of a resource decides what is in it, and nothing else: no link leads a pipeline out of
it, neither to read there nor to write, and no name is taken for anything but a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from node_sdk.errors import InvalidValue
from node_sdk.resources import inside
from tests.integration.test_filesystem import Scene


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret\n")
    return folder


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    with made.rehearsal:
        made.watch()
        Path(made.models.resource_path).mkdir(exist_ok=True)
        yield made
        made.inbox.stop_monitoring()


def test_an_artifact_that_is_replaced_by_a_link_is_not_read_through_it(scene: Scene, outside: Path) -> None:
    (scene.folder / "sub").mkdir()
    (scene.folder / "sub/secret").write_text("harmless")
    (scene.folder / "a").write_text("harmless")
    assert scene.inbox.load_artifact("a") == scene.inbox.load_artifact("sub/secret") == "harmless"
    (scene.folder / "a").unlink()
    (scene.folder / "a").symlink_to(outside / "secret")
    (scene.folder / "sub").rename(scene.folder / "other")
    (scene.folder / "sub").symlink_to(outside)
    for name in ("a", "sub/secret", str(scene.folder / "sub/secret")):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            scene.inbox.load_artifact(name)


def test_an_artifact_that_is_replaced_by_a_pipe_does_not_hold_up_its_reader(scene: Scene) -> None:
    os.mkfifo(scene.folder / "a")
    with pytest.raises(OSError, match="it is no regular file"):
        scene.inbox.load_artifact("a")


@pytest.mark.parametrize("location", ["../outside/secret", "/etc/passwd", "sub/../../outside/secret"])
def test_a_location_that_leads_out_of_the_folder_is_not_read(scene: Scene, outside: Path, location: str) -> None:
    with pytest.raises(InvalidValue, match=r"cannot use .* as an artifact of resource 'inbox'"):
        scene.inbox.load_artifact(location)


@pytest.mark.parametrize(
    ("link", "location"), [("sub", "sub/model"), (".anacostia", "model"), (".anacostia/staging", "model")]
)
def test_an_output_is_not_written_through_a_link(scene: Scene, outside: Path, link: str, location: str) -> None:
    place = Path(scene.models.resource_path) / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside)

    def job() -> bool:
        with scene.models.save_artifact(location) as path:
            path.write_text("weights")
        return True

    scene.step.job = job  # type: ignore[method-assign, assignment]
    result = scene.rehearsal.execute("step", scene.rehearsal.start_run())
    assert (result.state, result.outputs) == ("error", [])
    assert f"{place} is a link, not followed inside a resource" in str(result.error)
    assert [each.name for each in outside.iterdir()] == ["secret"]


def test_a_folder_that_is_swapped_for_a_link_just_before_the_rename_does_not_lead_it_out(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "staged").write_text("weights")
    replace = os.replace

    def swap_and_replace(*names: str, **folders: int) -> None:
        (root / "sub").rename(root / "aside")
        (root / "sub").symlink_to(outside)
        replace(*names, **folders)

    monkeypatch.setattr(os, "replace", swap_and_replace)
    inside.move(root, "staged", "sub/model")

    assert [each.name for each in outside.iterdir()] == ["secret"]
    assert (root / "aside/model").read_text() == "weights"
    with pytest.raises(NotADirectoryError):
        inside.move(root, "aside/model", "sub/model")


HOSTILE = ["-rf", "--help", "a\nb", "\x1b]0;owned\x07", "$(touch owned)", "; rm -rf *", "\u202egnp.exe", "%s%n", "'\"`"]


def test_a_hostile_name_is_a_name(scene: Scene) -> None:
    for name in HOSTILE:
        (scene.folder / name).write_text(name)
    (scene.folder / os.fsdecode(b"\xff\xfe")).write_text("no text")
    scene.look_until(lambda: scene.inbox.get_num_artifacts("new") == len(HOSTILE) + 1)
    assert {scene.inbox.load_artifact(path) for path in scene.inbox.list_artifacts("new")} == {*HOSTILE, "no text"}
