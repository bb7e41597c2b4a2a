"""Each example does what its README says, started as its README says."""

from __future__ import annotations

import math
import socket
import sys
import tarfile
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from place import ROOT, Place, rows, wait_for

HAIKU = "an old silent pond\na frog jumps into the pond\nsplash! silence again\n"
SONNET = "Shall I compare thee to a summer's day?\n"


def test_haiku_measures_each_text_against_shakespeare(place: Place) -> None:
    place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", place.root)
    place.write("haikus/pond.txt", HAIKU)
    place.run_ended("haiku", 1)
    place.write("haikus/sonnet.txt", SONNET)
    place.run_ended("haiku", 2)
    pond, sonnet = (
        {each["key"]: each["value"] for each in place.json("metrics", "haiku", "--run", run)} for run in ("1", "2")
    )
    assert 0 < sonnet["shakespeare_test_loss"] < pond["shakespeare_test_loss"]
    assert math.isclose(pond["perplexity"], math.exp(pond["shakespeare_test_loss"]))


def test_haiku_fails_a_run_whose_texts_are_empty_and_goes_on(place: Place) -> None:
    place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", place.root)
    place.write("haikus/empty.txt", "")
    place.run_ended("haiku", 1, "failed")
    place.write("haikus/pond.txt", HAIKU)
    place.run_ended("haiku", 2)


def test_the_demo_keeps_its_promises(place: Place) -> None:
    demo = place.spawn(sys.executable, ROOT / "examples/digits/demo.py")
    said, _ = demo.communicate(timeout=100)
    assert demo.returncode == 0, said
    assert "kill -9" in said and "all of it was so" in said


def test_digits_gets_better_and_keeps_the_best_model(place: Place) -> None:
    place.ctl("start", ROOT / "examples/digits/pipeline.py", "--", place.root)
    cut = [sys.executable, ROOT / "examples/digits/cut.py", place.root / "batches", "1"]
    for run in (1, 2, 3):
        assert place.spawn(*cut).wait(30) == 0
        place.run_ended("digits", run)
    values = [each["value"] for each in place.json("metrics", "digits", "--key", "accuracy")]
    assert len(values) == 3 and values == sorted(values) and values[-1] > values[0] + 0.1
    losses = [each["value"] for each in place.json("metrics", "digits", "--key", "loss")]
    assert losses == sorted(losses, reverse=True)
    made = {(each["resource"], each["location"]) for each in place.json("artifacts", "digits") if each["produced_by"]}
    assert made >= {("features", "run-1.npz"), ("models", "run-3.npz"), ("registry", "best.npz")}
    params = rows(place.root / "metadata.db", "select key, value from params where run_id = 3 and key = 'images'")
    assert [row["value"] for row in params] == ["200"]


def test_nightly_packs_the_folder_and_keeps_the_newest_seven_archives(place: Place) -> None:
    place.write("data/letter.txt", "dear you")
    for number in range(8):
        place.write(f"backups/2000-01-01T00000{number}.tar.gz", "old")
    place.ctl("start", ROOT / "examples/nightly/pipeline.py", "--", place.root, "1")
    place.run_ended("nightly", 1)
    place.ctl("pause", "nightly/nightly")
    wait_for(lambda: all(each["state"] == "succeeded" for each in place.runs("nightly")), "what has begun has ended")
    kept = sorted(each.name for each in (place.root / "backups").glob("*.tar.gz"))
    assert len(kept) == 7 and "2000-01-01T000000.tar.gz" not in kept
    with tarfile.open(place.root / "backups" / kept[-1]) as archive:
        assert "data/letter.txt" in archive.getnames()


def test_nightly_is_due_at_three_in_berlin_unless_told_otherwise(place: Place) -> None:
    place.ctl("start", ROOT / "examples/nightly/pipeline.py", "--", place.root)
    begun = wait_for(lambda: place.ask("artifacts", pipeline="nightly", limit=9), "the timetable is in force")
    assert [each["location"][:6] for each in begun] == ["begun "]
    assert begun[0]["sha256"] == "cron 0 3 * * * (Europe/Berlin)"


class Mailbox:
    """Keeps what an SMTP server is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"


def test_alert_sends_one_email_for_each_run(place: Place) -> None:
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        address = f"127.0.0.1:{server.port}"
        place.ctl("start", ROOT / "examples/alert/pipeline.py", "--", place.root, address, "you@example.org")
        place.write("inbox/one.txt", "1")
        place.run_ended("alert", 1)
        place.write("inbox/two.txt", "2")
        place.run_ended("alert", 2)
    finally:
        server.stop()
    assert [each["To"] for each in mailbox.messages] == ["you@example.org"] * 2
    store, *numbers = zip(*(each["Message-ID"].split(".", 1) for each in mailbox.messages), strict=True)
    assert numbers == [("1.email@anacostia.localhost>", "2.email@anacostia.localhost>")]
    assert len(set(store)) == 1 and len(store[0]) > 16  # unlike that of any other pipeline
    assert "two.txt" in mailbox.messages[1].get_payload()


def test_alert_without_a_mail_server_fails_the_run_and_says_why(place: Place) -> None:
    place.ctl("start", ROOT / "examples/alert/pipeline.py", "--", place.root, f"127.0.0.1:{free_port()}")
    place.write("inbox/one.txt", "1")
    run = place.run_ended("alert", 1, "failed")
    (task,) = (each for each in run["tasks"] if each["node"] == "email")
    assert task["state"] == "error" and "refused" in task["error"]
    assert [each["state"] for each in place.json("artifacts", "alert")] == ["failed"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
