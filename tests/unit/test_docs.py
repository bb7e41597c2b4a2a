"""What the documents say is what the code does, where a machine can tell."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_protocol", ROOT / "docs/generate_protocol.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_protocol_page_is_what_the_messages_in_the_code_say(generator: ModuleType) -> None:
    assert (ROOT / "docs/protocol.md").read_text() == generator.page(), "out of date; write it again with `make docs`"


def test_every_message_has_a_direction_on_the_protocol_page(generator: ModuleType) -> None:
    assert not generator.undocumented()


@pytest.fixture(scope="module")
def manual() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_man", ROOT / "docs/generate_man.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manual_pages_are_what_help_says(manual: ModuleType) -> None:
    assert manual.stale() == [], "out of date; write them again with `make docs`"


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs the Debian package groff")
def test_the_manual_pages_are_good_troff() -> None:
    pages = [str(each) for each in sorted((ROOT / "docs/man").glob("*.1"))]
    command = ["groff", "-man", "-Tutf8", "-ww", "-rLL=200n", "-Kutf8", *pages]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_readme_names_every_command_and_no_other() -> None:
    from anacostia_daemon.ctl.cli import COMMANDS

    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    cells = re.findall(r"`([^`]+)`", " ".join(rows))
    assert {cell.split()[0] for cell in cells} == set(COMMANDS)


def test_the_python_of_the_sdk_page_works_in_the_order_it_is_read(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/sdk.md").read_text(), re.DOTALL)
    (output,) = (block for block in blocks if "save_artifact" in block)
    page: dict[str, Any] = {}
    for block in blocks:
        if block is not output:
            exec(compile(block, "docs/sdk.md", "exec"), page)
    assert page["pipeline"].name == "training"

    class Train(page["Train"]):  # type: ignore[misc]
        def execute(self, *args: Any, **kwargs: Any) -> bool:
            exec(compile(output, "docs/sdk.md", "exec"), {"self": self, "weights": b"w"})
            self.store.log_metrics(loss=0.5)
            return True

    def build(folder: Path) -> Any:
        store = page["SqliteMetadataStore"]("store", f"sqlite:///{folder}/metadata.db")
        inbox = page["Inbox"]("inbox", folder / "inbox", store)
        models = page["FilesystemStoreNode"]("models", folder / "models", store, monitoring=False)
        return page["Pipeline"]([store, inbox, models, Train(inbox, models, store)], name="training")

    page["build"] = build
    page["test_training_logs_its_loss"](tmp_path)
    assert (tmp_path / "models/model.bin").read_bytes() == b"w"


def test_the_constraints_name_versions_and_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)]
    assert not wrong


def test_every_direct_dependency_is_constrained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"[\[<>=!~; ]", each)[0].lower() for each in wanted} - {project["name"]}
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert not names - pinned


def test_the_version_is_the_same_everywhere() -> None:
    from anacostia_daemon import __version__

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text().replace("[", "").replace("]", "")


def test_the_tables_of_the_configuration_page_are_those_that_validate() -> None:
    spec = importlib.util.spec_from_file_location("generate_configuration", ROOT / "docs/generate_configuration.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/configuration.md").read_text() == module.page(), "out of date; write it again: `make docs`"


def test_the_table_of_metrics_is_the_list_in_the_code() -> None:
    spec = importlib.util.spec_from_file_location("generate_observability", ROOT / "docs/generate_observability.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/observability.md").read_text() == module.page(), "out of date; write it again: `make docs`"


def test_the_examples_of_the_observability_page_are_valid() -> None:
    from anacostia_daemon.config.configuration import from_text

    text = (ROOT / "docs/observability.md").read_text()
    traces, rules = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert from_text(traces, None, {}).table("traces")["endpoint"] == "http://127.0.0.1:4318/v1/traces"
    assert set(from_text(rules, None, {}).named("notify")) == {"chat", "on-call", "ticket"}
    (metrics,) = re.findall(r"^    (\[metrics\]\n    .*?)\n\n", text, re.DOTALL | re.MULTILINE)
    assert from_text(metrics.replace("    ", ""), None, {}).table("metrics")["port"] == 9464


def test_the_example_of_the_configuration_page_is_valid(tmp_path: Path) -> None:
    from anacostia_daemon.config.configuration import load

    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/configuration.md").read_text(), re.DOTALL)
    (tmp_path / "anacostia.toml").write_text(example)
    assert load(tmp_path / "anacostia.toml", {}).pipelines["digits"].nodes["train"]["memory_limit"] == 4 << 30
