"""The ways to tell: a command, a webhook, a mail. Each `send` takes its time, bounded, and raises CannotSend; none ever
shows an address or a password that may be a secret.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import smtplib
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from anacostia_daemon.companions.notify.notices import Notice

_TAIL = 300  # bytes of what a command said on its standard error
_TRY_LATER = (408, 425, 429)  # refusals by a web server that another attempt may not meet


class CannotSend(Exception):
    """Nobody was told; the message says why. `for_good`: another attempt would be no better."""

    def __init__(self, why: str, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


class Channel(Protocol):
    """One way."""

    name: str

    def send(self, notice: Notice) -> None: ...


def channels(settings: Mapping[str, Any]) -> list[Channel]:
    """Those that a rule asks for. Raises CannotSend where a secret cannot be had."""
    found: list[Channel] = []
    if "command" in settings:
        found.append(Command(settings["command"], settings["timeout"]))
    url = secret(settings, "webhook")
    if url is not None:
        found.append(Webhook(url, settings["timeout"]))
    if "email" in settings:
        found.append(Mail(settings, secret(settings, "smtp_password")))
    return found


def secret(settings: Mapping[str, Any], name: str) -> str | None:
    """What stands under `name`, in the file `name_file` or in the variable `name_variable`; None where nothing does."""
    if name in settings:
        return str(settings[name])
    if f"{name}_file" in settings:
        path = Path(settings[f"{name}_file"])
        try:
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CannotSend(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    variable = settings.get(f"{name}_variable")
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise CannotSend(f"the environment of the daemon has no {variable}")
    return os.environ[variable]


class Command:
    """A program without a shell: the notice is on its standard input as JSON, the main parts in its environment."""

    name = "command"

    def __init__(self, command: list[str], timeout: float) -> None:
        self._command, self._timeout = command, timeout

    def send(self, notice: Notice) -> None:
        content = notice.content()
        environment = {
            **os.environ,
            **{f"ANACOSTIA_NOTICE_{key.upper()}": str(value) for key, value in content.items() if value is not None},
        }
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
            given.write(json.dumps(content).encode())
            given.seek(0)
            try:
                process = subprocess.Popen(
                    self._command,
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    cwd="/",
                    env=environment,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or error
                raise CannotSend(f"cannot run {self._command[0]}: {why}", for_good=True) from None
            self._wait(process)
            if process.returncode != 0:
                said.seek(max(0, said.seek(0, os.SEEK_END) - _TAIL))
                words = said.read().decode(errors="replace").strip()
                how = f"{self._command[0]} ended with code {process.returncode}"
                raise CannotSend(f"{how}: {words}" if words else how)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise CannotSend(f"{self._command[0]} took more than {self._timeout:g} s and was killed") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What was addressed to one server is not for another."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Webhook:
    """POST of the notice as JSON. Its `text` is what chat services show."""

    name = "webhook"

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._host = urlsplit(url).hostname or "?"
        if urlsplit(url).scheme not in ("http", "https"):
            raise CannotSend("the address of the webhook is none of http:// or https://")
        self._opener = urllib.request.build_opener(_NoRedirects)

    def send(self, notice: Notice) -> None:
        request = urllib.request.Request(
            self._url,
            json.dumps(notice.content()).encode(),
            {"Content-Type": "application/json", "User-Agent": "anacostia-daemon"},
        )
        try:
            self._opener.open(request, timeout=self._timeout).close()
        except urllib.error.HTTPError as error:
            error.close()
            later = error.code >= 500 or error.code in _TRY_LATER
            raise CannotSend(f"{self._host} answered {error.code}", for_good=not later) from None
        except (OSError, ValueError) as error:
            raise CannotSend(f"cannot reach {self._host}: {getattr(error, 'reason', None) or error}") from None


class Mail:
    """A mail over SMTP."""

    name = "email"

    def __init__(self, settings: Mapping[str, Any], password: str | None) -> None:
        self._settings, self._password = settings, password
        host, _, port = settings["smtp"].rpartition(":")
        named = bool(host) and port.isdigit()
        self._host: str = host if named else settings["smtp"]
        self._port = int(port) if named else 0  # the usual one

    def send(self, notice: Notice) -> None:
        try:
            with self._connected() as server:
                refused = server.send_message(self._message(notice))
        except smtplib.SMTPException as error:
            raise CannotSend(f"{self._host} refused the mail: {type(error).__name__}") from None
        except OSError as error:
            raise CannotSend(f"cannot reach {self._host}: {error.strerror or error}") from None
        if refused:
            raise CannotSend(f"{self._host} took the mail, but not for {', '.join(refused)}", for_good=True)

    def _connected(self) -> smtplib.SMTP:
        security, timeout = self._settings["smtp_security"], self._settings["timeout"]
        if security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=timeout, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=timeout)
        try:
            if security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self._password is not None:
                server.login(self._settings["smtp_user"], self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = " ".join(f"[anacostia] {notice.text}".split())[:150]
        message["From"] = self._settings["email_from"]
        message["To"] = ", ".join(self._settings["email"])
        message.set_content(f"{notice.text}\n\n{json.dumps(notice.content(), indent=2)}\n")
        return message
