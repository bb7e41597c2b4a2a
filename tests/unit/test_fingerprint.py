"""What counts as a change of a node: a file is loaded in an interpreter of its own, edited, and loaded again."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from node_sdk.runtime.source import Script

LOAD = """
import json, sys
from pathlib import Path
from node_sdk.runtime.fingerprint import fingerprinted
from node_sdk.runtime.load import load
from node_sdk.wire.loader import Load
for file in sys.argv[1:]:
    pipeline = load(Load(file=file, cwd=str(Path(file).parent), socket_dir="/", data_dir="/"))
    print(json.dumps({node.name: node.code for node in fingerprinted(pipeline, pipeline.graph).nodes}))
"""

FILE = '''
import threading
from dataclasses import dataclass
from pathlib import Path

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

EPOCHS = 3
LAYERS = []
LAYERS.append(8)


@dataclass
class Options:
    rate: float = 0.1


def loss(x):
    return x * EPOCHS


class Train(BaseActionNode):
    def __init__(self, name, predecessors, models, options, tags=frozenset({"a", "b", "c"})):
        self.models, self.options, self.tags, self.lock = models, options, tags, threading.Lock()
        self.rule = lambda x: x + 1
        super().__init__(name, predecessors)

    def execute(self, *args, **kwargs):
        return loss(len(LAYERS)) > 0


class Report(BaseActionNode):
    """Says what there is."""

    def execute(self, *args, **kwargs):
        return True


if __name__ == "__main__":
    store = SqliteMetadataStore("store", "sqlite:////nowhere/metadata.db")
    data = FilesystemStoreNode("data", "/nowhere/data", store)
    models = FilesystemStoreNode("models", "/nowhere/models", store, monitoring=False)
    train = Train("train", [data], models, Options())
    pipeline = Pipeline([store, data, models, train, Report("report", [train])])
    pipeline.run()
'''

EDITS = [
    ("# a remark\n", "", ""),
    ("    return x * EPOCHS", "    return (x\n            * EPOCHS)  # laid out otherwise", ""),
    ("LAYERS.append(8)", "LAYERS.append(8)\nUNUSED = 1", ""),
    ("        return True", "        return bool(1)", "report"),
    ("EPOCHS = 3", "EPOCHS = 4", "train"),
    ("LAYERS.append(8)", "LAYERS.append(9)", "train"),
    ("return x * EPOCHS", "return x + EPOCHS", "train"),
    ("rate: float = 0.1", "rate: float = 0.2", "train"),
    ("Options())", "Options(rate=0.3))", "train"),
    ('"b", "c"', '"b", "d"', "train"),
    ("x + 1", "x + 2", "train"),
    ("/nowhere/models", "/nowhere/other", "models train"),
    ("/nowhere/data", "/nowhere/other", "data"),
    ("loss(len(LAYERS))", "loss(len(LAYERS) + 1)", "train"),
]


def loaded(*files: Path) -> list[dict[str, str]]:
    command = [sys.executable, "-c", LOAD, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def editions(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The fingerprints of the file as it is, once more, and after each of EDITS; one interpreter for each half."""
    folder = tmp_path_factory.mktemp("editions")
    texts = [FILE, *(FILE.replace(before, after) if before in FILE else FILE + before for before, after, _ in EDITS)]
    files = []
    for number, content in enumerate(texts):
        files.append(folder / f"edition{number}.py")
        files[-1].write_text(content)
    return [*loaded(files[0]), *loaded(*files)]


def test_two_loads_of_one_file_agree(editions: list[dict[str, str]]) -> None:
    assert editions[0] == editions[1]
    assert all(editions[0].values())


@pytest.mark.parametrize("number", range(len(EDITS)), ids=[f"{before}-{after}" for before, after, _ in EDITS])
def test_an_edit_counts_for_the_nodes_that_execute_what_was_edited(editions: list[dict[str, str]], number: int) -> None:
    edited = editions[number + 2]
    assert {name for name, code in edited.items() if code != editions[0][name]} == set(EDITS[number][2].split())


def test_a_module_counts_as_a_whole_and_with_all_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("RATE = 1\n")
    (tmp_path / "nets.py").write_text("from base import RATE\n\ndef net():\n    return RATE\n")
    file = tmp_path / "pipe.py"
    file.write_text("from nets import net\n" + FILE.replace("        return True", "        return bool(net())"))
    [before] = loaded(file)
    (tmp_path / "base.py").write_text("RATE = 2\n")
    [after] = loaded(file)
    assert {name for name in before if before[name] != after[name]} == {"report"}


def test_what_a_file_of_settings_said_as_the_pipeline_was_built_counts_for_those_who_use_it(tmp_path: Path) -> None:
    file = tmp_path / "pipe.py"
    reading = "import json\nSETTINGS = json.loads((Path(__file__).parent / 'settings.json').read_text())\n"
    file.write_text(FILE.replace("EPOCHS = 3", f"{reading}EPOCHS = SETTINGS['epochs']"))
    found = []
    for epochs in (3, 4):
        (tmp_path / "settings.json").write_text(json.dumps({"epochs": epochs}))
        found += loaded(file)
    assert {name for name in found[0] if found[0][name] != found[1][name]} == {"train"}


def test_a_class_that_a_function_makes_counts_with_what_it_was_made_of(tmp_path: Path) -> None:
    file = tmp_path / "pipe.py"
    made = """
def make(value):
    class Report(BaseActionNode):
        def execute(self):
            return value > 0
    return Report


Report = make(1)
"""
    content = FILE.replace("if __name__", f"{made}if __name__")
    file.write_text(content)
    [before] = loaded(file)
    file.write_text(content.replace("make(1)", "make(2)"))
    [after] = loaded(file)
    assert {name for name in before if before[name] != after[name]} == {"report"}


def test_what_counts_is_what_was_executed_also_where_files_are_edited_meanwhile(tmp_path: Path) -> None:
    """Else a next load, of what they are then, would see no change."""
    module, file = tmp_path / "net.py", tmp_path / "pipe.py"
    module.write_text("def net():\n    return 1\n")
    using = "import net\n" + FILE.replace("        return True", "        return bool(net.net())")
    file.write_text(using)
    [plain] = loaded(file)
    edits = f"Path(__file__).write_text({using!r})\nPath(net.__file__).write_text('def net(): return 23')\n"
    file.write_text(using.replace("EPOCHS = 3\n", f"EPOCHS = 4\n{edits}"))
    [before] = loaded(file)
    assert file.read_text() == using
    [after] = loaded(file)
    assert before["train"] != after["train"] == plain["train"]
    assert len({before["report"], after["report"], plain["report"]}) == 3


def test_nothing_in_a_project_makes_a_load_fail(tmp_path: Path) -> None:
    deep = "deep = []\nfor _ in range(100_000):\n    deep = [deep]\n"
    odd = "class Odd:\n    def __reduce_ex__(self, how):\n        raise RuntimeError('no')\n"
    long = f"import odd\nlong = {' + '.join(['1'] * 900)}\n"
    (tmp_path / "odd.py").write_text(
        f"{long.replace('import odd', '')}from pathlib import Path\nPath(__file__).unlink()\n"
    )
    file = tmp_path / "pipe.py"
    file.write_text(
        FILE.replace("EPOCHS = 3", f"{deep}{odd}{long}EPOCHS = 3").replace("x + 1", "x + 1, deep, Odd(), odd")
    )
    [found] = loaded(file)
    assert all(found.values())
    assert set(found) == {"store", "data", "models", "train", "report"}


@pytest.mark.parametrize(
    ("source", "name", "wanted"),
    [
        ("a = 1\nb = a\nc = 2", "b", ["a = 1", "b = a"]),
        ("x = 1\ndef f(x):\n    return x", "f", ["def f(x):\n    return x"]),  # its own x
        ("x = 1\ndef f():\n    global x\n    x = 2", "f", ["x = 1", "def f():\n    global x\n    x = 2"]),
        ("d = {}\nd['k'] = 1\nd.update(z=2)\ne = 3", "d", ["d = {}", "d['k'] = 1", "d.update(z=2)"]),
        ("from m import *\na = 1", "nothing", ["from m import *"]),
        ("class A:\n    y = z\nz = 1", "A", ["class A:\n    y = z", "z = 1"]),
    ],
)
def test_a_name_brings_the_statements_that_have_a_part_in_it(source: str, name: str, wanted: list[str]) -> None:
    found = [ast.unparse(ast.parse(each.text)) for each in Script(source).closure([name])]
    assert found == wanted


def test_what_a_name_is_depends_on_the_conditions_around_it() -> None:
    one, other = (Script(f"fast = {value}\nif fast:\n    a = 1\nelse:\n    a = 2").closure(["a"]) for value in (0, 1))
    assert [each.text for each in one] != [each.text for each in other]
    assert len(one) == 3
