"""An email as an action."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, Literal, get_args

from node_sdk.actions.secret import Secret
from node_sdk.actions.settings import ReadyActionNode
from node_sdk.errors import AnacostiaError, InvalidPipeline
from node_sdk.nodes.base import BaseNode, Loggers

Security = Literal["starttls", "tls", "none"]

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class EmailFailed(AnacostiaError):
    """The mail server could not be reached, or did not take the message for everybody."""


class EmailActionNode(ReadyActionNode):
    """Sends one email in each run. `subject` and `body` are texts, or functions of this node that give one.

    `security`: "starttls" (the default: nothing is sent before the connection is encrypted and the server's
    certificate is found good), "tls" from the first byte, or "none" for a server on the same machine. `password` is a
    Secret; it is never sent without encryption. Each attempt of a task sends the same Message-ID, by which servers and
    readers know a repetition. `ca_file`: whom to trust instead of the authorities of the system.
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[BaseNode],
        *,
        to: str | Sequence[str],
        subject: str | Callable[..., str],
        body: str | Callable[..., str] = "",
        sender: str = "anacostia@localhost",
        host: str = "localhost",
        port: int | None = None,
        security: Security = "starttls",
        user: str | None = None,
        password: Secret | None = None,
        response_timeout: float = 30.0,
        ca_file: str | None = None,
        loggers: Loggers = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, predecessors, loggers, settings)
        self.to = [to] if isinstance(to, str) else list(to)
        self.subject, self.body, self.sender = subject, body, sender
        self.host, self.port = host, PORTS.get(security, 0) if port is None else port
        self.security, self.user, self.password = security, user, password
        self.response_timeout, self.ca_file = response_timeout, ca_file
        self._check()

    def message(self) -> EmailMessage:
        """The message of the task in progress; override it for attachments."""
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Subject"] = self.value_of(self.subject)
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{self.task_key.replace('/', '.')}@anacostia.localhost>"
        message.set_content(self.value_of(self.body))
        return message

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        """Send the email."""
        message = self.message()
        words = f"cannot send the email of action {self.name!r} through {self.host}:{self.port}:"
        try:
            with self._connect() as server:
                if self.user is not None and self.password is not None:
                    server.login(self.user, self.password.read())
                refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise EmailFailed(f"{words} {_refusals(error.recipients)}") from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise EmailFailed(f"{words} {error}") from error
        if refused:
            raise EmailFailed(f"{words} sent, but not to everybody: {_refusals(refused)}")
        self.log(f"told {', '.join(self.to)}", "INFO")
        return True

    def _connect(self) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.response_timeout, context=self._trust())
        server = smtplib.SMTP(self.host, self.port, timeout=self.response_timeout)
        if self.security == "starttls":
            try:
                server.starttls(context=self._trust())
            except BaseException:
                server.close()
                raise
        return server

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    def _check(self) -> None:
        words = f"cannot make action {self.name!r}:"
        if self.security not in get_args(Security):
            raise InvalidPipeline(
                f"{words} its security is {self.security!r}, one of 'starttls', 'tls', 'none' is needed"
            )
        if not self.to or not all(isinstance(each, str) and "@" in each for each in self.to):
            raise InvalidPipeline(f"{words} {self.to!r} is no list of addresses to send to")
        if self.password is not None and not isinstance(self.password, Secret):
            raise InvalidPipeline(f"{words} give its password as from_file(…) or from_environment(…), not as it is")
        if (self.user is None) != (self.password is None):
            raise InvalidPipeline(f"{words} user and password go together")
        if self.password is not None and self.security == "none":
            raise InvalidPipeline(f"{words} a password is not sent without encryption; say security='starttls'")


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{who}: {code} {words.decode('utf-8', 'replace')}" for who, (code, words) in refused.items())
