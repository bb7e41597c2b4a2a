"""A daemon with a configuration: what is listed starts, what somebody stopped stays stopped, and a file that cannot be
used changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from anacostia_daemon.control.client import ControlRefused
from anacostia_daemon.process.footprint import children
from tests.integration.daemon_process import TIMEOUT, TINY, Daemon
from tests.integration.test_start import GATED, being_loaded

SECRET = "hush 100% 'it' \"is\" $HOME\nso"
TELLING = (
    TINY
    + """
    import json, os, pathlib, sys
    variables = {name: value for name, value in os.environ.items() if name.startswith("MY_")}
    told = {"argv": sys.argv[1:], "cwd": os.getcwd(), "env": variables}
    pathlib.Path(here, "told.json").write_text(json.dumps(told))
"""
)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Not started yet, with a pipeline file `tiny.py`."""
    folder = Path(tempfile.mkdtemp(prefix="an", dir="/tmp"))
    made = Daemon(folder)
    made.home.path.mkdir(mode=0o700)
    made.write("tiny.py", TELLING)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(folder)


def configure(daemon: Daemon, text: str) -> None:
    (daemon.home.path / "anacostia.toml").write_text(text)


def listed(**more: str) -> str:
    lines = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'[pipelines.tiny]\nfile = "../tiny.py"\n{lines}'


def told(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((daemon.folder / "told.json").read_text())
    return found


def restart(daemon: Daemon) -> None:
    """The daemon ends with its nodes, and another one starts."""
    daemon.ask("shutdown")
    assert daemon.wait() == 0
    daemon.client.close()
    daemon.spawn()


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text().replace("\0", "\n")


def registered(daemon: Daemon) -> list[str]:
    return [each["name"] for each in daemon.ask("status")["pipelines"] if each["nodes"]]  # the others are being loaded


def until_registered(daemon: Daemon) -> None:
    daemon.until(lambda: registered(daemon) == ["tiny"], "the listed pipeline is registered")
    daemon.until_ready()


def test_a_listed_pipeline_starts_with_the_daemon_as_the_file_says(daemon: Daemon) -> None:
    (daemon.folder / "my.env").write_text("MY_FILE='100 % of it'\nMY_BOTH=file\n")
    text = listed(args='["a b", "%d"]', working_directory='"/tmp"', environment_file='"../my.env"')
    configure(daemon, text + f"environment = {{ MY_BOTH = 'table', MY_SECRET = '''{SECRET}''' }}\n")
    daemon.spawn()
    until_registered(daemon)
    assert told(daemon) == {
        "argv": ["a b", "%d"],
        "cwd": "/tmp",
        "env": {"MY_FILE": "100 % of it", "MY_BOTH": "table", "MY_SECRET": SECRET},
    }
    assert {each["reason"] for each in daemon.ask("journal", pipeline="tiny") if each["event"] == "desired"} == {
        "listed in the configuration"
    }


def test_the_values_of_variables_are_in_no_journal_status_or_log(daemon: Daemon) -> None:
    daemon.spawn()
    daemon.start(daemon.folder / "tiny.py", env={"MY_SECRET": SECRET})
    assert told(daemon)["env"] == {"MY_SECRET": SECRET}
    shown = repr([daemon.ask("status"), daemon.ask("journal"), daemon.ask("config")]) + daemon.log
    files = [each for each in daemon.home.path.rglob("*") if each.is_file()]
    holders = [each for each in files if b"hush" in each.read_bytes()]
    assert "hush" not in shown
    assert [each.parent.name for each in holders] == ["tiny"] and holders[0].name.startswith("environment-")
    assert holders[0].stat().st_mode & 0o777 == 0o600

    restart(daemon)  # they survive the daemon
    (daemon.folder / "told.json").unlink()
    daemon.ask("stop", target="tiny")
    daemon.ask("start", target="tiny")
    assert told(daemon)["env"] == {"MY_SECRET": SECRET}
    daemon.ask("remove", pipeline="tiny")
    assert not list(daemon.home.path.rglob("environment-*"))


def test_values_that_an_older_daemon_wrote_into_its_journal_are_taken_out_of_it(daemon: Daemon) -> None:
    daemon.spawn()
    daemon.start(daemon.folder / "tiny.py", env={"MY_SECRET": "old"})
    daemon.ask("shutdown")
    daemon.wait()
    daemon.client.close()
    with contextlib.closing(sqlite3.connect(daemon.home.journal)) as journal, journal:
        journal.execute("""UPDATE pipelines SET env = '{"MY_SECRET": "hush"}', env_kept = NULL""")
    daemon.spawn()
    daemon.until_ready()
    assert told(daemon)["env"] == {"MY_SECRET": "hush"}
    with contextlib.closing(sqlite3.connect(daemon.home.journal)) as journal:
        assert journal.execute("SELECT env FROM pipelines").fetchall() == [('{"MY_SECRET": null}',)]


def test_a_pipeline_whose_values_were_lost_is_not_started_without_them(daemon: Daemon) -> None:
    daemon.spawn()
    daemon.start(daemon.folder / "tiny.py", env={"MY_SECRET": "x"})
    daemon.ask("shutdown")
    daemon.wait()
    daemon.client.close()
    for path in daemon.home.path.rglob("environment-*"):
        path.unlink()
    (daemon.folder / "told.json").unlink()
    daemon.spawn()
    daemon.until(lambda: "the values of its variables were in" in daemon.log, "it says why")
    assert daemon.nodes()["store"]["pid"] is None and not (daemon.folder / "told.json").exists()
    daemon.ask("stop", target="tiny")
    daemon.start(daemon.folder / "tiny.py", env={"MY_SECRET": "y"})
    assert told(daemon)["env"] == {"MY_SECRET": "y"}


def test_a_file_of_variables_is_read_at_each_load_and_its_loss_is_said(daemon: Daemon) -> None:
    file = daemon.folder / "my.env"
    file.write_text("MY_FIRST=50%\n")
    daemon.spawn()
    daemon.start(daemon.folder / "tiny.py", env_file=str(file))
    assert told(daemon)["env"] == {"MY_FIRST": "50%"}
    restart(daemon)
    file.write_text("MY_SECOND='it is'\n")
    daemon.ask("stop", target="tiny")
    daemon.ask("start", target="tiny")
    assert told(daemon)["env"] == {"MY_SECOND": "it is"}
    daemon.ask("stop", target="tiny")
    file.unlink()
    with pytest.raises(ControlRefused, match=f"cannot read the environment file {file}: No such file or directory"):
        daemon.ask("start", target="tiny")


def test_what_somebody_stopped_stays_stopped_whatever_the_file_says(daemon: Daemon) -> None:
    configure(daemon, listed())
    daemon.spawn()
    until_registered(daemon)
    daemon.ask("stop", target="tiny")
    daemon.ask("reload-config")
    restart(daemon)
    configure(daemon, listed(args='["changed"]'))
    said = daemon.ask("reload-config")["said"]
    assert said == ["pipeline 'tiny' is listed with another args now; that counts when it is started"]
    restart(daemon)
    assert daemon.pipeline()["desired"] == "down" and daemon.nodes()["store"]["pid"] is None
    daemon.ask("start", target="tiny")
    assert told(daemon)["argv"] == ["changed"]


def test_a_node_that_somebody_stopped_stays_stopped_when_its_pipeline_is_loaded_as_it_is_listed_now(
    daemon: Daemon,
) -> None:
    configure(daemon, listed())
    daemon.spawn()
    until_registered(daemon)
    daemon.ask("stop", target="tiny/count")
    daemon.ask("shutdown")
    daemon.wait()
    daemon.client.close()
    configure(daemon, listed(args='["new"]'))
    daemon.spawn()
    until_registered(daemon)
    assert told(daemon)["argv"] == ["new"]
    assert daemon.nodes()["count"]["desired"] == "down" and daemon.nodes()["count"]["pid"] is None


def test_a_change_of_its_entry_leaves_what_runs_alone_and_is_said(daemon: Daemon) -> None:
    configure(daemon, listed())
    daemon.spawn()
    until_registered(daemon)
    before = daemon.pids()
    configure(daemon, listed(args='["new"]') + "[pipelines.tiny.nodes.count]\nnice = 3\n")
    said = daemon.ask("reload-config")["said"]
    assert said == [
        "pipeline 'tiny' is listed with another args, settings of nodes now; `anacostiactl reload tiny` has that count"
    ]
    assert daemon.pids() == before
    daemon.kill()
    daemon.spawn()
    daemon.until_ready()
    assert daemon.pids() == before  # adopted, as it was
    daemon.ask("stop", target="tiny")
    daemon.ask("start", target="tiny")
    assert told(daemon)["argv"] == ["new"]
    assert os.getpriority(os.PRIO_PROCESS, daemon.pids()["count"]) == 3


def test_a_reload_of_a_pipeline_follows_what_is_listed_of_its_nodes_and_touches_only_those(daemon: Daemon) -> None:
    configure(daemon, listed())
    daemon.spawn()
    until_registered(daemon)
    before = daemon.pids()
    configure(daemon, listed() + "[pipelines.tiny.nodes.count]\nnice = 3\n")
    daemon.ask("reload-config")
    done = daemon.ask("reload", pipeline="tiny")
    assert (done["changed"], done["unchanged"]) == ({"count": "its settings"}, ["store", "incoming"])
    after = daemon.pids()
    assert {name for name, pid in after.items() if before[name] != pid} == {"count"}
    assert os.getpriority(os.PRIO_PROCESS, after["count"]) == 3
    daemon.kill()
    daemon.spawn()
    daemon.until_ready()
    assert daemon.pids() == after
    assert daemon.ask("reload", pipeline="tiny")["changed"] == {} and daemon.pids() == after


def test_a_reload_of_a_pipeline_that_is_listed_with_other_arguments_has_every_node_make_way(daemon: Daemon) -> None:
    configure(daemon, listed())
    daemon.spawn()
    until_registered(daemon)
    for argument, secret in (("new", "one"), ("newer", "two")):
        before = daemon.pids()
        configure(daemon, listed(args=f'["{argument}"]', environment=f'{{ MY_SECRET = "{secret}" }}'))
        daemon.ask("reload-config")
        changed = daemon.ask("reload", pipeline="tiny")["changed"]
        assert changed == dict.fromkeys(("store", "incoming", "count"), "another args, environment")
        assert told(daemon)["argv"] == [argument]
        after = daemon.pids()
        assert not set(before.values()) & set(after.values())
        assert all(f"MY_SECRET={secret}" in environment_of(pid) for pid in after.values())
        assert secret.encode() not in daemon.home.journal.read_bytes()
    daemon.kill()
    daemon.spawn()
    daemon.until_ready()
    assert daemon.pids() == after
    assert daemon.ask("reload", pipeline="tiny")["changed"] == {} and daemon.pids() == after


def test_a_reload_of_a_pipeline_whose_listed_file_is_gone_changes_nothing(daemon: Daemon) -> None:
    configure(daemon, listed())
    daemon.spawn()
    until_registered(daemon)
    before = daemon.pids()
    (daemon.folder / "tiny.py").unlink()
    with pytest.raises(ControlRefused, match=r"cannot reload pipeline 'tiny': its file .*tiny.py is not there"):
        daemon.ask("reload", pipeline="tiny")
    assert daemon.pids() == before


def test_a_listed_pipeline_that_is_stopped_while_its_file_is_loaded_is_not_tried_again(daemon: Daemon) -> None:
    path = daemon.folder / "tiny.py"
    os.mkfifo(f"{path}.gate")
    path.write_text(GATED + path.read_text())
    configure(daemon, listed())
    daemon.spawn()
    with being_loaded(path):
        daemon.until(lambda: daemon.ask("status")["pipelines"] != [], "it is being loaded")
        daemon.ask("stop", target="tiny")
    daemon.ask("reload-config")
    (waiting,) = daemon.ask("status")["not_started"]
    assert waiting["reason"] == "it was stopped while its file was loaded"
    assert daemon.ask("status")["pipelines"] == []
    path.write_text(path.read_text().removeprefix(GATED))
    daemon.ask("start", target="tiny")
    assert daemon.pipeline()["phase"] == "ready"


def test_a_process_that_stood_by_has_the_limits_of_the_node_that_it_becomes(daemon: Daemon) -> None:
    configure(daemon, listed() + '[pipelines.tiny.nodes.count]\nnice = 3\nrlimits = { core = 0 }\numask = "077"\n')
    daemon.spawn()
    until_registered(daemon)
    loader, nodes = daemon.pipeline()["loader"]["pid"], daemon.pids()
    daemon.until(lambda: len(children(loader) - set(nodes.values())) == 1, "a process stands by")
    (waiting,) = children(loader) - set(nodes.values())
    assert os.getpriority(os.PRIO_PROCESS, waiting) == os.getpriority(os.PRIO_PROCESS, 0)
    os.kill(nodes["count"], signal.SIGKILL)
    daemon.until(lambda: daemon.nodes()["count"]["restarts"] == 1, "it is started again")
    daemon.until_ready()
    assert daemon.pids()["count"] == waiting
    threads = [int(each.name) for each in Path(f"/proc/{waiting}/task").iterdir()]
    assert len(threads) > 1 and {os.getpriority(os.PRIO_PROCESS, each) for each in threads} == {3}
    assert "Umask:\t0077\n" in Path(f"/proc/{waiting}/status").read_text()
    assert psutil.Process(waiting).rlimit(psutil.RLIMIT_CORE) == (0, 0)


def test_what_an_earlier_daemon_has_left_ends_whatever_the_file_says_by_then(daemon: Daemon) -> None:
    configure(daemon, listed())
    daemon.spawn()
    until_registered(daemon)
    daemon.kill()
    assert daemon.living
    configure(daemon, "x")
    command = [sys.executable, "-m", "anacostia_daemon", "--home", str(daemon.home.path), "--end-nodes"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0 and "it is not TOML" in done.stderr
    assert not daemon.living


def test_what_a_reload_lists_anew_starts_and_what_it_lists_no_more_goes_on(daemon: Daemon) -> None:
    daemon.spawn()
    configure(daemon, listed())
    assert daemon.ask("reload-config")["said"] == ["pipeline 'tiny' is listed: starting it"]
    until_registered(daemon)
    before = daemon.pids()
    with pytest.raises(ControlRefused, match="cannot remove pipeline 'tiny': it is listed in"):
        daemon.ask("remove", pipeline="tiny")
    configure(daemon, "")
    (said,) = daemon.ask("reload-config")["said"]
    assert said.startswith("pipeline 'tiny' is not listed any more; it stays registered as it is")
    assert daemon.pids() == before
    daemon.ask("remove", pipeline="tiny")


def test_one_that_was_started_by_hand_and_is_listed_since_is_the_same_pipeline(daemon: Daemon) -> None:
    daemon.spawn()
    daemon.start(daemon.folder / "tiny.py")
    before = daemon.pids()
    configure(daemon, listed())
    assert daemon.ask("reload-config")["said"] == ["nothing has changed"]
    assert daemon.pids() == before
    assert daemon.start(daemon.folder / "tiny.py")["already"]
    with pytest.raises(ControlRefused, match="with other arguments: pipeline 'tiny' is listed in"):
        daemon.start(daemon.folder / "tiny.py", argv=["else"])


def test_a_listed_pipeline_without_autostart_waits_until_somebody_starts_it(daemon: Daemon) -> None:
    configure(daemon, listed(autostart="false", args='["by hand"]'))
    daemon.spawn()
    assert registered(daemon) == [] and daemon.ask("status")["not_started"] == []
    daemon.ask("start", target="tiny")
    assert told(daemon)["argv"] == ["by hand"]


def test_a_listed_pipeline_that_cannot_be_started_is_said_and_starts_once_it_can(daemon: Daemon) -> None:
    configure(daemon, listed(interpreter='"../venv"') + '[pipelines.other]\nfile = "../other.py"\n')
    daemon.write("other.py", TINY.replace('name="tiny"', 'name="x"').replace("metadata.db", "other.db"))
    daemon.spawn()
    daemon.until(lambda: registered(daemon) == ["other"], "the other one starts all the same")
    (waiting,) = daemon.ask("status")["not_started"]
    assert waiting["name"] == "tiny"
    assert waiting["reason"] == f"its interpreter {daemon.folder}/venv is no program that can be executed"
    assert waiting["reason"] in [each["reason"] for each in daemon.ask("journal", pipeline="tiny")]
    with pytest.raises(ControlRefused, match=r"cannot stop pipeline 'tiny': it is listed in .*, but its interpreter"):
        daemon.ask("stop", target="tiny")
    assert daemon.ask("reload-config")["said"][0].startswith("pipeline 'tiny' is listed, and waits: its interpreter")
    (daemon.folder / "venv").symlink_to(sys.prefix)
    daemon.ask("start", target="tiny")
    assert daemon.ask("status")["not_started"] == []


def test_a_pipeline_of_another_user_is_started_by_nobody_in_no_way(daemon: Daemon) -> None:
    if os.geteuid() == pwd.getpwnam("daemon").pw_uid:
        pytest.skip("needs another user than this one")
    daemon.spawn()
    daemon.start(daemon.folder / "tiny.py")
    before = daemon.pids()
    configure(daemon, listed(user='"daemon"'))
    refused = "it is to run as user daemon, and nodes run as the user of their daemon"
    assert refused in daemon.ask("reload-config")["said"][0]
    assert daemon.pids() == before  # it runs already, and was started before anybody said so
    daemon.ask("stop", target="tiny/count")
    for given in ({"target": "tiny"}, {"target": "tiny/count"}, {"file": str(daemon.folder / "tiny.py")}):
        with pytest.raises(ControlRefused, match=f"cannot start pipeline 'tiny': {refused}"):
            daemon.ask("start", **given)
    restart(daemon)
    (waiting,) = daemon.ask("status")["not_started"]
    assert registered(daemon) == [] and waiting["reason"].startswith(refused) and not daemon.living
    with pytest.raises(ControlRefused, match=refused):
        daemon.ask("start", target="tiny")


def test_a_node_that_the_file_names_and_the_code_has_not_is_said_with_the_nearest_name(daemon: Daemon) -> None:
    configure(daemon, listed() + "[pipelines.tiny.nodes.cuont]\nnice = 3\n")
    daemon.spawn()
    daemon.until(lambda: bool(daemon.ask("status")["not_started"][0]["reason"]), "it says why")
    (waiting,) = daemon.ask("status")["not_started"]
    assert "no such node in pipeline 'tiny' (did you mean 'count'?)" in waiting["reason"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_the_file_says_of_a_node_counts_over_its_code_in_the_daemon_and_in_the_node(
    daemon: Daemon, method: str
) -> None:
    code = TINY.replace(
        "class Count(BaseActionNode):", f"class Count(BaseActionNode):\n        start_method = '{method}'"
    )
    daemon.write("tiny.py", code)
    node = 'nice = 4\nmemory_limit = "1 MiB"\nstart_timeout = 77\nrestart = { when = "never" }\n'
    configure(daemon, f"[daemon]\nmemory_interval = 0.1\n{listed()}[pipelines.tiny.nodes.count]\n{node}")
    daemon.spawn()
    daemon.until(lambda: registered(daemon) == ["tiny"], "it is registered")
    daemon.until(lambda: daemon.nodes()["count"]["phase"] == "failed", "it uses more than it may, and is given up")
    reason = daemon.nodes()["count"]["reason"]
    assert reason.endswith("more than its memory_limit of 1 MiB; its restart policy is 'never'"), reason
    graph = {each["name"]: each for each in daemon.ask("graph", pipeline="tiny")["nodes"]}
    assert (graph["count"]["start_timeout"], graph["count"]["limits"]["nice"]) == (77.0, 4)
    assert (graph["store"]["start_timeout"], graph["store"]["limits"]["nice"]) == (300.0, None)

    configure(daemon, f"{listed()}[pipelines.tiny.nodes.count]\nnice = 4\nheartbeat_timeout = 3\n")
    daemon.ask("reload-config")
    daemon.ask("stop", target="tiny")
    daemon.ask("start", target="tiny")
    assert os.getpriority(os.PRIO_PROCESS, daemon.pids()["count"]) == 4


def test_a_file_that_is_no_toml_leaves_a_daemon_that_runs_as_it_was(daemon: Daemon) -> None:
    configure(daemon, "[daemon]\njournal_lines = 200\n" + listed())
    daemon.spawn()
    until_registered(daemon)
    before = daemon.pids()
    configure(daemon, "[daemon]\njournal_lines = 300\nx")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    daemon.until(lambda: "it is not TOML" in daemon.log, "it says why")
    with pytest.raises(ControlRefused, match=r"(?s)cannot use the configuration .*the daemon goes on as it was"):
        daemon.ask("reload-config")
    values = {each["key"]: each["value"] for each in daemon.ask("config")["settings"]}
    assert values["daemon.journal_lines"] == 200 and daemon.pids() == before
    configure(daemon, "[daemon]\njournal_lines = 300\nsockets = '/tmp/elsewhere'\n" + listed())
    assert daemon.ask("reload-config")["said"] == [
        "daemon.journal_lines is 300 now",
        "daemon.sockets has changed; that counts when the daemon is started anew",
    ]


def test_the_sockets_are_where_the_configuration_wants_them(daemon: Daemon) -> None:
    configure(daemon, f"[daemon]\nsockets = '{daemon.folder}/s'\n" + listed())
    daemon.spawn()
    until_registered(daemon)
    assert {each.name for each in (daemon.folder / "s").glob("*/tiny/*.sock")} >= {"loader.sock", "count.sock"}


# ---- a daemon that cannot start says why


def end_of(daemon: Daemon, *before: str, **environ: str) -> tuple[int, str]:
    """Exit code and words of a daemon that cannot start."""
    command = [*before, sys.executable, "-m", "anacostia_daemon", "--home", str(daemon.home.path)]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip()


def test_a_daemon_does_not_start_with_a_file_that_cannot_be_used(daemon: Daemon) -> None:
    configure(daemon, "[daemon]\nload_timeuot = 3\n")
    code, said = end_of(daemon)
    assert code == 78
    assert said == (
        f"anacostiad: cannot use the configuration {daemon.home.path}/anacostia.toml: "
        "line 2, daemon.load_timeuot: there is no such key (did you mean 'load_timeout'?)"
    )
    assert not daemon.home.journal.exists()
    configure(daemon, listed(user='"nobody9"'))
    code, said = end_of(daemon)
    assert (code, said.rpartition(": ")[2]) == (78, "this machine has no user 'nobody9'")
    configure(daemon, "")
    assert end_of(daemon, ANACOSTIA_CONFIG="/no/such.toml") == (
        78,
        "anacostiad: cannot use the configuration /no/such.toml: No such file or directory",
    )


def test_a_daemon_does_not_start_in_a_home_of_somebody_else(daemon: Daemon) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    os.chown(daemon.home.path, 65534, 65534)
    code, said = end_of(daemon)
    assert code == 1
    assert f"cannot use directory {daemon.home.path}: it belongs to user 65534, not to you (0)" in said


def test_a_home_that_others_may_read_is_closed_to_them(daemon: Daemon) -> None:
    daemon.home.path.chmod(0o755)
    daemon.spawn()
    assert daemon.home.path.stat().st_mode & 0o777 == 0o700


needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare, to mount a disk of its own"
)


@needs_mounts
@pytest.mark.parametrize(
    ("disk", "words"),
    [
        ("mount -t tmpfs -o size=16k,mode=700 t {home} && cat /dev/zero > {home}/full", "No space left on device"),
        ("mount -t tmpfs -o nr_inodes=1,mode=700 t {home}", "No space left on device"),
        ("mount -t tmpfs -o ro,mode=700 t {home}", "Read-only file system"),
    ],
    ids=["full", "no inodes", "read-only"],
)
def test_a_daemon_whose_disk_is_full_or_read_only_says_so(daemon: Daemon, disk: str, words: str) -> None:
    script = disk.format(home=daemon.home.path) + ' 2>/dev/null; exec "$@"'
    code, said = end_of(daemon, "unshare", "-m", "sh", "-c", script, "sh")
    assert code == 1
    assert said.startswith("anacostiad: cannot ") and words in said and str(daemon.home.path) in said, said
    assert "ANACOSTIA_HOME" in said or "free" in said, said
