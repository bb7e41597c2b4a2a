"""Emails as actions, through a mail server in another process."""

from __future__ import annotations

import email.policy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from node_sdk import BaseResourceNode, InvalidPipeline, Pipeline
from node_sdk.actions import EmailActionNode, from_environment
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing import Rehearsal, TaskResult

PASSWORD = "only between us"


@contextmanager
def mail_server(folder: Path, *words: str | Path) -> Iterator[int]:
    """Its port."""
    folder.mkdir()
    command = [sys.executable, str(Path(__file__).with_name("mail_server.py")), str(folder), *map(str, words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the Debian package openssl")
    folder = tmp_path_factory.mktemp("tls")
    where = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", "-x509", *kind, *name, *where], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def node(port: int, **given: Any) -> EmailActionNode:
    store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
    data = BaseResourceNode("data", "/nowhere", store)
    settings = {"to": "you@example.org", "subject": "done", "host": "127.0.0.1", "port": port, **given}
    return EmailActionNode("tell", [data], **settings)


def executed(port: int, **given: Any) -> TaskResult:
    made = node(port, **given)
    data = made.predecessors[0]
    with Rehearsal(Pipeline([data.predecessors[0], data, made], name="tiny")) as rehearsal:
        return rehearsal.execute("tell", rehearsal.start_run())


def messages(folder: Path) -> list[EmailMessage]:
    paths = sorted(folder.glob("*.eml"))
    found = [email.message_from_bytes(each.read_bytes(), policy=email.policy.default) for each in paths]
    return [each for each in found if isinstance(each, EmailMessage)]


def test_a_message_arrives_with_what_functions_say_of_the_run(tmp_path: Path) -> None:
    with mail_server(tmp_path / "mail") as port:
        result = executed(
            port,
            to=["you@example.org", "them@example.org"],
            subject=lambda node: f"run {node.run_id}: größer",
            body=lambda node: f"attempt {node.attempt}\n",
            security="none",
        )
    assert (result.state, result.error) == ("succeeded", None)
    (message,) = messages(tmp_path / "mail")
    assert (message["To"], message["Subject"]) == ("you@example.org, them@example.org", "run 1: größer")
    assert message.get_content().splitlines() == ["attempt 1"]
    assert message["Message-ID"].endswith(".1.tell@anacostia.localhost>")


def test_a_password_is_sent_over_starttls_to_who_proves_to_be_the_server(
    tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    login = {"user": "anna", "password": from_environment("MAIL_PASSWORD")}
    with mail_server(tmp_path / "mail", *certificate, "anna", PASSWORD) as port:
        trusted = {"ca_file": str(certificate[0]), **login}
        assert (result := executed(port, **trusted)).state == "succeeded", result.error
        monkeypatch.setenv("MAIL_PASSWORD", "wrong")
        assert "Authentication" in (executed(port, **trusted).error or "")
        assert "certificate verify failed" in (executed(port, **login).error or "")  # signed by nobody we trust
        assert "starttls" in (executed(port, security="none").error or "").lower()
    assert len(messages(tmp_path / "mail")) == 1


def test_a_server_without_starttls_is_sent_nothing(tmp_path: Path) -> None:
    with mail_server(tmp_path / "mail") as port:
        result = executed(port)
    assert result.state == "error" and "STARTTLS" in (result.error or "")
    assert messages(tmp_path / "mail") == []


def test_whom_the_server_refuses_is_named(tmp_path: Path) -> None:
    with mail_server(tmp_path / "mail") as port:
        alone = executed(port, to="nobody@example.org", security="none")
        one_of_two = executed(port, to=["you@example.org", "nobody@example.org"], security="none")
    refusal = "nobody@example.org: 550 no such user here"
    assert alone.state == "error" and refusal in (alone.error or "")
    assert one_of_two.state == "error" and f"not to everybody: {refusal}" in (one_of_two.error or "")
    result = executed(port, security="none")  # it has ended
    assert f"cannot send the email of action 'tell' through 127.0.0.1:{port}:" in (result.error or "")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"security": "ssl"}, "its security is 'ssl'"),
        ({"to": []}, r"\[\] is no list of addresses"),
        ({"user": "anna", "password": "secret"}, "give its password as from_file"),
        ({"user": "anna"}, "user and password go together"),
        (
            {"user": "anna", "password": from_environment("X"), "security": "none"},
            "a password is not sent without encryption",
        ),
    ],
)
def test_settings_that_cannot_work_or_would_tell_a_secret_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidPipeline, match=words):
        node(25, **given)
