"""What may stand in a configuration, what is said when it may not, and what holds in the end."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.config.configuration import Config, changed, find, load, shown
from anacostia_daemon.config.environment_file import BadEnvironmentFile, parse, read_environment_file
from anacostia_daemon.config.kinds import Text
from anacostia_daemon.config.lines import line_of
from anacostia_daemon.config.listed import obstacles
from anacostia_daemon.config.problems import ConfigError
from anacostia_daemon.config.table import Key, Table
from anacostia_daemon.config.tables import TABLES

NODE = "[pipelines.p]\nfile = 'p.py'\n[pipelines.p.nodes.n]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anacostia.toml"


def read(file: Path, text: str, **environ: str) -> Config:
    file.write_text(text)
    return load(file, environ)


def refusal(file: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(file, text, **environ)
    return str(caught.value)


def test_without_a_file_the_defaults_hold() -> None:
    assert load(None, {}).table("daemon") == {
        "load_timeout": 300.0,
        "memory_interval": 2.0,
        "journal_lines": 5000,
        "exit_on_failure": False,
    }
    assert load(None, {}).pipelines == {}


WRONG = {
    "an unknown table": ("[daemom]\n", "line 1, [daemom]: there is no such table (did you mean 'daemon'?)"),
    "an unknown key": (
        "[daemon]\n\nload_timeot = 3\n",
        "line 3, daemon.load_timeot: there is no such key (did you mean 'load_timeout'?)",
    ),
    "an unknown key of a node": (
        f"{NODE}stop_time = 1\n",
        "line 4, pipelines.p.nodes.n.stop_time: there is no such key (did you mean 'stop_timeout'?)",
    ),
    "a wrong type": (
        '[daemon]\nload_timeout = "long"\n',
        'line 2, daemon.load_timeout: is to be a number above 0, in seconds, not "long"',
    ),
    "true for a number": ("[daemon]\njournal_lines = true\n", "is to be a whole number from 100, in lines, not true"),
    "out of range": (f"{NODE}nice = 20\n", "pipelines.p.nodes.n.nice: is to be a whole number from -20 to 19, not 20"),
    "infinite": ("[daemon]\nload_timeout = inf\n", "daemon.load_timeout: is to be a number above 0"),
    "no number": ("[daemon]\nload_timeout = nan\n", "daemon.load_timeout: is to be a number above 0"),
    "a table in the place of a value": ("[daemon.load_timeout]\nx = 1\n", "daemon.load_timeout: is to be a number"),
    "a value in the place of a table": ("daemon = 3\n", "line 1, daemon: is to be a table: [daemon]"),
    "a value in the place of a pipeline": ("pipelines.p = 3\n", "is to be a table: [pipelines.PIPELINE]"),
    "nothing needed": ("[pipelines.p]\nargs = []\n", "line 1, [pipelines.p]: has no file, which is to be the path"),
    "a name that cannot be": ('[pipelines."a/b"]\nfile = "x"\n', '[pipelines."a/b"]: a name has letters, digits'),
    "a size without a unit": (f'{NODE}memory_limit = "2"\n', 'or text like "512 MiB" or "2 GB", not "2"'),
    "a umask that is decimal": (f"{NODE}umask = 27\n", 'is to be text of octal digits, like "027", not 27'),
    "no CPU": (f"{NODE}cpus = []\n", "a list that is not empty"),
    "an unknown limit": (f"{NODE}rlimits = {{ nofil = 1 }}\n", "there is no limit 'nofil' (did you mean 'nofile'?)"),
    "a limit below nothing": (f"{NODE}rlimits = {{ core = -1 }}\n", 'core is to be a whole number from 0, or "unlim'),
    "an unknown policy": (f'{NODE}restart.when = "often"\n', 'one of "always", "on-failure", "never", not "often"'),
    "an unknown user": (
        "[pipelines.p]\nfile='x'\nuser='nobody9'\n",
        "line 3, pipelines.p.user: this machine has no us",
    ),
    "an unknown group": ("[pipelines.p]\nfile='x'\ngroup='nobody9'\n", "this machine has no group 'nobody9'"),
    "a variable that cannot be": ("[pipelines.p]\nfile='x'\nenvironment={'a b'='1'}\n", "'a b' cannot be the name"),
    "a zero byte": ('[pipelines.p]\nfile="a\\u0000b"\n', "pipelines.p.file: is to be the path of a file"),
    "a folder seen from nowhere": ('[daemon]\nsockets = "s"\n', 'daemon.sockets: is to be an absolute path, not "s"'),
    "a number without an end": (f"[daemon]\nload_timeout = 1{'0' * 400}\n", "is to be a number above 0"),
    "a number that nobody can read": (f"[daemon]\nload_timeout = 1{'0' * 5000}\n", "it is not TOML: Exceeds the"),
    "a size without an end": (f'{NODE}memory_limit = "{"9" * 400} GiB"\n', "memory_limit: is to be a number of bytes"),
    "too deep": (f"a = {'[' * 5000}{']' * 5000}\n", "it is nested too deep"),
    "no TOML": ("[daemon]\nload_timeout = \n", "it is not TOML: Invalid value (at line 2, column 16)"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_said_with_line_and_key_and_what_is_allowed(file: Path, fault: str) -> None:
    text, words = WRONG[fault]
    said = refusal(file, text)
    assert said.startswith(f"cannot use the configuration {file}: ")
    assert words in said


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file(file: Path) -> None:
    said = refusal(file, "[daemon]\nfoo = 1\nload_timeout = -1\n[pipelines.p]\n").splitlines()
    assert said[0].endswith("3 things are wrong in it:")
    assert [line.split(",")[0].strip() for line in said[1:]] == ["line 2", "line 3", "line 4"]


def test_a_secret_is_not_shown_when_it_is_wrong(file: Path) -> None:
    said = refusal(file, "[pipelines.p]\nfile='x'\nenvironment = { TOKEN = 1234567 }\n")
    assert "the value of TOKEN is to be text" in said and "1234567" not in said


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a", "list"), 3),
        (("a", "text"), 7),
        (("a", "after"), 11),
        (("a", "b", "deep"), 12),
        (("c d", "e"), 14),
        (("c d",), 13),
        (("missing",), None),
    ],
)
def test_the_line_of_a_key_is_where_it_begins_whatever_stands_before(path: tuple[str, ...], line: int | None) -> None:
    text = (
        "# list = 1\n[a]\nlist = [\n  1,\n  2,\n]\n"
        'text = """\nafter = 1\n[c]\n"""\nafter = 1\nb.deep = 2\n["c d"]\ne = { f = 1 }\n'
    )
    assert line_of(text, path) == line


def test_the_environment_counts_over_the_file_and_the_file_over_the_default(file: Path) -> None:
    config = read(file, "[daemon]\nload_timeout = 9\njournal_lines = 200\n", ANACOSTIA_DAEMON_LOAD_TIMEOUT="7.5")
    assert config.table("daemon") == {
        "load_timeout": 7.5,
        "memory_interval": 2.0,
        "journal_lines": 200,
        "exit_on_failure": False,
    }
    sources = {each["key"]: each["source"] for each in shown(config) if each["key"].startswith("daemon.")}
    assert sources == {
        "daemon.load_timeout": "ANACOSTIA_DAEMON_LOAD_TIMEOUT",
        "daemon.memory_interval": "default",
        "daemon.journal_lines": str(file),
        "daemon.exit_on_failure": "default",
    }


@pytest.mark.parametrize("text", ["/run/x", "/'quoted'", "/true"])
def test_text_from_the_environment_is_taken_as_it_is(text: str) -> None:
    assert load(None, {"ANACOSTIA_DAEMON_SOCKETS": text}).table("daemon")["sockets"] == text


def test_a_variable_that_is_wrong_is_named() -> None:
    with pytest.raises(ConfigError, match=r"ANACOSTIA_DAEMON_LOAD_TIMEOUT: is to be a number .* not \"soon\""):
        load(None, {"ANACOSTIA_DAEMON_LOAD_TIMEOUT": "soon"})
    with pytest.raises(ConfigError, match=r"ANACOSTIA_DAEMON_LOAD_TIME: no key .*'ANACOSTIA_DAEMON_LOAD_TIMEOUT'"):
        load(None, {"ANACOSTIA_DAEMON_LOAD_TIME": "3"})
    assert load(None, {"ANACOSTIA_HOME": "/x", "ANACOSTIA_SOMETHING": "else"}).settings


def test_values_of_nodes_are_read_into_what_the_code_would_say(file: Path) -> None:
    config = read(
        file,
        NODE + 'cpus = [0, 2]\numask = "027"\nmemory_limit = "1.5 GiB"\nessential = true\n'
        'rlimits = { nofile = 64, core = "unlimited" }\nrestart = { when = "never", max_restarts = "unlimited" }\n',
    )
    assert config.pipelines["p"].nodes == {
        "n": {
            "cpus": [0, 2],
            "umask": 0o27,
            "memory_limit": 3 << 29,
            "essential": True,
            "rlimits": {"nofile": 64, "core": -1},
            "restart": {"when": "never", "max_restarts": None},
        }
    }


def test_paths_are_seen_from_the_folder_of_the_file(file: Path) -> None:
    (file.parent / "venv/bin").mkdir(parents=True)
    text = "[pipelines.p]\nfile='sub/p.py'\ninterpreter='venv'\nenvironment_file='../x.env'\nworking_directory='/tmp'\n"
    found = read(file, text).pipelines["p"]
    assert found.file == str(file.parent / "sub/p.py")
    assert found.program == str(file.parent / "venv/bin/python")
    assert found.environment_file == str(file.parent.parent / "x.env")
    assert found.working_directory == "/tmp"
    plain = read(file, "[pipelines.p]\nfile='sub/p.py'\n").pipelines["p"]
    assert (plain.program, plain.working_directory) == (sys.executable, str(file.parent / "sub"))


def test_secrets_are_shown_by_name_only(file: Path) -> None:
    config = read(file, "[pipelines.p]\nfile='p.py'\nenvironment = { TOKEN = 'hush' }\n")
    assert config.pipelines["p"].environment == {"TOKEN": "hush"}
    assert "hush" not in repr(shown(config))
    assert {"key": "pipelines.p.environment", "value": {"TOKEN": "***"}, "source": str(file)} in shown(config)


OBSTACLES = {
    "file": ("file = 'gone.py'", "its file {}/gone.py is not there"),
    "interpreter": ("interpreter = '/no/such/python'", "its interpreter /no/such/python is no program that can be"),
    "directory": ("working_directory = 'gone'", "its working directory {}/gone is not there"),
    "environment": ("environment_file = 'gone.env'", "cannot read the environment file {}/gone.env: No such file"),
    "user": ("user = 'daemon'", "it is to run as user daemon, and nodes run as the user of their daemon"),
    "group": ("group = 'daemon'", "it is to run as group daemon, and nodes run as the group of their daemon"),
}


@pytest.mark.parametrize("what", OBSTACLES)
def test_what_this_machine_lacks_for_a_listed_pipeline_is_said(file: Path, what: str) -> None:
    line, words = OBSTACLES[what]
    (file.parent / "p.py").touch()
    given = line if what == "file" else f"file = 'p.py'\n{line}"
    assert list(obstacles(read(file, "[pipelines.p]\nfile = 'p.py'\n").pipelines["p"])) == []
    (said,) = obstacles(read(file, f"[pipelines.p]\n{given}\n").pipelines["p"])
    assert words.format(file.parent) in said


def test_the_user_of_the_daemon_is_no_obstacle(file: Path) -> None:
    (file.parent / "p.py").touch()
    config = read(file, f"[pipelines.p]\nfile = 'p.py'\nuser = '{getpass.getuser()}'\n")
    assert list(obstacles(config.pipelines["p"])) == []


def test_the_file_is_the_one_named_or_the_one_in_the_home_or_that_of_the_system(tmp_path: Path) -> None:
    system = tmp_path / "system.toml"
    assert find(tmp_path, {}, system) is None
    system.touch()
    assert find(tmp_path, {}, system) is None
    assert find(Path("/var/lib/anacostia"), {}, system) == system
    (tmp_path / "anacostia.toml").touch()
    assert find(tmp_path, {}, system) == tmp_path / "anacostia.toml"
    assert find(tmp_path, {"ANACOSTIA_CONFIG": "/x/y.toml"}, system) == Path("/x/y.toml")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"#" * (1 << 20) + b"##"], ids=["missing", "no text", "huge"])
def test_a_file_that_cannot_be_read_is_an_error(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"cannot use the configuration .*: (No such file|it is no UTF-8|it has more)"
    ):
        load(file, {})


def test_what_changed_is_known_with_what_is_gone(file: Path) -> None:
    before = read(file, "[daemon]\nload_timeout = 1\nsockets = '/x'\n")
    after = read(file, "[daemon]\nload_timeout = 2\n")
    assert [(each.name, each.key.live) for each in changed(before, after)] == [
        ("daemon.load_timeout", True),
        ("daemon.sockets", False),
    ]


def test_a_table_of_another_part_is_read_checked_and_shown_like_ours(file: Path) -> None:
    secret = Key(name="password", kind=Text(), secret=True, meaning="…")
    tables = (
        *TABLES,
        Table(name="panel", meaning="…", keys=(Key(name="host", kind=Text(), default="::1", meaning="…"), secret)),
    )
    file.write_text("[panel]\npassword = 'hush'\n")
    config = load(file, {"ANACOSTIA_PANEL_HOST": "here"}, tables)
    assert config.table("panel") == {"host": "here", "password": "hush"}
    assert "hush" not in repr(shown(config))


VARIABLES = {
    "A=1\nB=2": {"A": "1", "B": "2"},
    "# A=0\n\n export A=1  # one\n": {"A": "1"},
    "A=": {"A": ""},
    "A=100%\nB=$HOME/${X}`id`": {"A": "100%", "B": "$HOME/${X}`id`"},
    "URL=http://x/y#z": {"URL": "http://x/y#z"},
    "A='it is \"so\" $x \\n'": {"A": 'it is "so" $x \\n'},
    'A="say \\"hi\\" \\\\ \\$x \\n"': {"A": 'say "hi" \\ $x \\n'},
    "A='one\ntwo'\nB=3": {"A": "one\ntwo", "B": "3"},
    "A=a\\ b'c d'\"e f\"": {"A": "a bc de f"},
    "A=1\r\nB=2\r\n": {"A": "1", "B": "2"},
    "A=1\nA=2": {"A": "2"},
}


@pytest.mark.parametrize("text", VARIABLES)
def test_a_file_of_variables_is_read_as_a_shell_would_but_nothing_is_expanded(text: str) -> None:
    assert parse(text) == VARIABLES[text]


@pytest.mark.parametrize("text", ["A=1\nB=hush hush", "A=1\nhush", "A=1\n1B=hush", "A=1\nB='hush", "A=1\nB=hush\0"])
def test_a_line_that_is_no_assignment_is_named_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.env"
    path.write_text(text)
    with pytest.raises(BadEnvironmentFile, match=f"cannot read the environment file {path}: line 2") as caught:
        read_environment_file(path)
    assert "hush" not in str(caught.value)


def test_the_kinds_say_in_words_what_they_read(file: Path) -> None:
    def keys(tables: Any) -> Any:
        for table in tables:
            yield from table.keys
            yield from keys(table.tables)

    for key in keys(TABLES):
        assert key.kind.allowed and key.meaning.endswith("."), key.name
        assert key.required or key.default is not None or key.default_words, f"{key.name} has no default in words"
