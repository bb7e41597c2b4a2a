"""Notices of a real daemon, taken by real servers in processes of their own."""

from __future__ import annotations

import json
import os
import signal

import psutil
import pytest

from .daemon_process import TINY, Daemon, daemon_of_a_test
from .receiving import receiver

pytestmark = pytest.mark.slow

FAILS = TINY.replace("return True\n\n    here", "return not __import__('os').path.exists(here + '/fail')\n\n    here")
ONCE = TINY.replace("max_restarts=2", "max_restarts=0")


def notifier(daemon: Daemon) -> psutil.Process:
    [found] = [
        each
        for each in psutil.process_iter(["cmdline"])
        if (each.info["cmdline"] or [])[-2:] == ["anacostia_daemon.companions.notify", str(daemon.home.path)]
    ]
    return found


def until_it_looks(daemon: Daemon) -> None:
    """The notifier has begun: what happens from here on is news."""
    daemon.until((daemon.home.path / "notify.json").exists, "the notifier has looked for the first time")


def fail_a_run(daemon: Daemon, name: str) -> None:
    before = len(daemon.ask("runs", pipeline="tiny", state="failed"))
    (daemon.folder / "fail").touch()
    (daemon.folder / "incoming" / name).write_text(name)
    daemon.until(lambda: len(daemon.ask("runs", pipeline="tiny", state="failed")) > before, "a run has failed")


def test_a_failed_run_and_node_are_told_by_a_webhook_that_was_down_and_the_pipeline_that_is_back() -> None:
    with receiver("http", 503, 500, 200) as hook:
        text = f"[notify.ops]\nwebhook_file = '{{folder}}/url'\nretry_delay = 0.05\nevents = {EVENTS}\n"
        with daemon_of_a_test(text, url=f"http://127.0.0.1:{hook.port}/hooks/s3cret") as daemon:
            until_it_looks(daemon)
            daemon.start(daemon.write("tiny.py", FAILS.replace("max_restarts=2", "max_restarts=0")))
            daemon.until_ready()
            fail_a_run(daemon, "one")
            daemon.until(lambda: ("run-failed", None, 1) in hook.told, "the failed run is told at the third attempt")
            assert [each["code"] for each in hook.received] == [503, 500, 200]
            assert hook.received[0]["path"] == "/hooks/s3cret"
            assert hook.received[-1]["body"]["text"].startswith("run 1 of pipeline 'tiny' has failed: count:")
            os.kill(daemon.pids()["count"], signal.SIGKILL)
            daemon.until(lambda: ("node-failed", "count", None) in hook.told, "the failed node is told")
            daemon.ask("restart", target="tiny/count")
            daemon.until(lambda: ("pipeline-back", "count", None) in hook.told, "that it is back is told")
            assert [each[0] for each in hook.told] == ["run-failed", "node-failed", "pipeline-back"]
            assert "s3cret" not in daemon.log
            shown = json.dumps(daemon.ask("status")) + json.dumps(daemon.ask("journal"))
            assert "s3cret" not in shown


EVENTS = ["node-failed", "run-failed", "pipeline-back"]


def test_what_waits_while_the_notifier_is_dead_is_told_once_it_is_back() -> None:
    with (
        receiver("http") as hook,
        daemon_of_a_test(f"[notify.ops]\nwebhook = 'http://127.0.0.1:{hook.port}/'\n") as daemon,
    ):
        until_it_looks(daemon)
        daemon.start(daemon.write("tiny.py", ONCE))
        daemon.until_ready()
        first = notifier(daemon)
        first.kill()
        os.kill(daemon.pids()["count"], signal.SIGKILL)
        daemon.until(lambda: daemon.nodes()["count"]["phase"] == "failed", "the node has failed")
        daemon.until(lambda: hook.told == [("node-failed", "count", None)], "it is told by the next notifier")
        assert notifier(daemon).pid != first.pid
        assert "notify: it was killed by signal 9; it is started again in 1 s" in daemon.log


def test_a_mail_says_what_happened_in_its_subject() -> None:
    with receiver("smtp") as post:
        text = f"[notify.mail]\nemail = ['ops@example.org']\nsmtp = '127.0.0.1:{post.port}'\nevents = ['run-failed']\n"
        with daemon_of_a_test(text) as daemon:
            until_it_looks(daemon)
            daemon.start(daemon.write("tiny.py", FAILS))
            daemon.until_ready()
            fail_a_run(daemon, "one")
            daemon.until(lambda: bool(post.received), "the mail has come")
            [mail] = post.received
            assert mail["to"] == ["ops@example.org"] and mail["from"] == "anacostia@localhost"
            assert "Subject: [anacostia] run 1 of pipeline 'tiny' has failed: count:" in mail["content"]


def test_too_many_notices_are_summed_up_and_a_command_that_hangs_holds_up_neither_daemon_nor_webhook() -> None:
    with receiver("http") as hook:
        text = (
            f"[notify.hook]\nwebhook = 'http://127.0.0.1:{hook.port}/'\nat_most = 2\nwithin = 4\n"
            "[notify.stuck]\ncommand = ['sleep', '600']\ntimeout = 600\n"
        )
        with daemon_of_a_test(text) as daemon:
            until_it_looks(daemon)
            daemon.start(daemon.write("tiny.py", FAILS))
            daemon.until_ready()
            for number in range(5):
                fail_a_run(daemon, f"file-{number}")
            daemon.until(lambda: len(hook.told) == 3, "two and a summary have come")
            assert [each[0] for each in hook.told] == ["run-failed", "run-failed", "held-back"]
            assert hook.received[-1]["body"]["reason"] == "3 notices were held back: 3 x run-failed of 'tiny'"
            process = notifier(daemon)
            daemon.kill()
            daemon.until(lambda: not process.is_running() or process.status() == "zombie", "it ended with its daemon")
