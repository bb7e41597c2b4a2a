"""The tables of what looks at the daemon from outside: metrics, notifications."""

from __future__ import annotations

from anacostia_daemon.config.kinds import Absolute, Choice, Flag, Ip, ListOf, Number, Text, Url
from anacostia_daemon.config.table import Key, Table

EVENTS = ("node-failed", "node-restarted", "pipeline-back", "run-failed")

_PATTERN = Text("a name, or a pattern like `train-*`")

METRICS = Table(
    name="metrics",
    meaning="Metrics for Prometheus over HTTP. Needs the extra `metrics`. See [observability.md](observability.md).",
    keys=(
        Key(
            name="port",
            kind=Number(0, 65535, whole=True),
            default_words="no metrics are served",
            meaning="Where to listen; 0: any port that is free, which is said in the daemon's log.",
        ),
        Key(
            name="address",
            kind=Ip(),
            default="127.0.0.1",
            meaning="Where to listen. Beyond this machine only with a `token_file`.",
        ),
        Key(
            name="token_file",
            kind=Absolute(),
            default_words="none is asked for",
            meaning="A file with the token that scrapes are to bring along (`Authorization: Bearer TOKEN`); 16 "
            "characters or more.",
        ),
    ),
)

TRACES = Table(
    name="traces",
    meaning="Traces of runs for OpenTelemetry. Needs the extra `otel`. See "
    "[observability.md](observability.md#traces).",
    keys=(
        Key(
            name="endpoint",
            kind=Url(),
            default_words="no traces are sent",
            secret=True,
            meaning='Where to send them by OTLP over HTTP, like "http://127.0.0.1:4318/v1/traces".',
        ),
        Key(
            name="headers_file",
            kind=Absolute(),
            default_words="none",
            meaning="A file with lines of `Name: value` that are sent along; for tokens.",
        ),
        Key(name="pipelines", kind=ListOf(_PATTERN, some=True), default=("*",), meaning="Of which pipelines."),
        Key(
            name="timeout",
            kind=Number(0, 600, above=True),
            default=10.0,
            unit="seconds",
            meaning="How long sending the spans of one run may take.",
        ),
    ),
)

WEB = Table(
    name="web",
    meaning="The dashboard and its API over HTTP, where the table is there, be it empty. Needs the extra `web`. See "
    "[dashboard.md](dashboard.md).",
    keys=(
        Key(
            name="host",
            kind=Ip(),
            default="127.0.0.1",
            meaning="The address to listen at. Beyond this machine only with a `token_file`.",
        ),
        Key(
            name="port",
            kind=Number(0, 65535, whole=True),
            default=8420,
            meaning="Where to listen; 0: any port that is free. `anacostiactl web` says where it is.",
        ),
        Key(
            name="token_file",
            kind=Absolute(),
            default_words="none is asked for",
            meaning="A file with the token that people log in with, and programs bring along (`Authorization: Bearer "
            "TOKEN`); 16 characters or more.",
        ),
        Key(
            name="read_only",
            kind=Flag(),
            default=False,
            meaning="Whether it only shows, and refuses whatever would change something.",
        ),
        Key(
            name="allowed_hosts",
            kind=ListOf(Text()),
            default=(),
            meaning="Names by which browsers may reach it besides its address and localhost, like "
            '"dashboard.example.org" behind a proxy.',
        ),
    ),
)

NOTIFY = Table(
    name="notify",
    named="RULE",
    meaning="Tells people or programs what has happened: a command, a webhook, a mail, or several of them. See "
    "[observability.md](observability.md#notifications).",
    keys=(
        Key(
            name="events",
            kind=ListOf(Choice(EVENTS), some=True),
            default=("node-failed", "run-failed", "pipeline-back"),
            meaning="Of what to tell.",
        ),
        Key(name="pipelines", kind=ListOf(_PATTERN, some=True), default=("*",), meaning="Of which pipelines."),
        Key(
            name="nodes",
            kind=ListOf(_PATTERN, some=True),
            default=("*",),
            meaning="Of which nodes; events of a whole pipeline or of a run are told all the same.",
        ),
        Key(
            name="command",
            kind=ListOf(Text(empty=True), some=True),
            default_words="none",
            meaning="A program and its arguments, run without a shell; the notice is on its standard input as JSON.",
        ),
        Key(
            name="webhook",
            kind=Url(),
            default_words="none",
            secret=True,
            meaning="An address that the notice is sent to as JSON (POST).",
        ),
        Key(
            name="webhook_file",
            kind=Absolute(),
            default_words="none",
            meaning="A file with that address, where it is a secret.",
        ),
        Key(
            name="webhook_variable",
            kind=Text("the name of a variable"),
            default_words="none",
            meaning="The variable of the daemon's environment with that address.",
        ),
        Key(name="email", kind=ListOf(Text(), some=True), default_words="nobody", meaning="Addresses to mail to."),
        Key(name="email_from", kind=Text(), default="anacostia@localhost", meaning="Who those mails are from."),
        Key(name="smtp", kind=Text("HOST or HOST:PORT"), default="localhost:25", meaning="The server that takes them."),
        Key(
            name="smtp_security",
            kind=Choice(("none", "starttls", "tls")),
            default="none",
            meaning="How the connection to it is kept private. A password is sent over `starttls` and `tls` only.",
        ),
        Key(name="smtp_user", kind=Text(), default_words="nobody logs in", meaning="The user there."),
        Key(
            name="smtp_password_file",
            kind=Absolute(),
            default_words="none",
            meaning="A file with that user's password.",
        ),
        Key(
            name="smtp_password_variable",
            kind=Text("the name of a variable"),
            default_words="none",
            meaning="The variable of the daemon's environment with that password.",
        ),
        Key(
            name="at_most",
            kind=Number(1, 10_000, whole=True),
            default=10,
            meaning="How many notices within `within`; what is held back is summed up in one when that is over.",
        ),
        Key(name="within", kind=Number(0, above=True), default=600.0, unit="seconds", meaning="See `at_most`."),
        Key(
            name="attempts",
            kind=Number(1, 100, whole=True),
            default=6,
            meaning="How often one notice is tried before it is given up.",
        ),
        Key(
            name="retry_delay",
            kind=Number(0, 3600),
            default=2.0,
            unit="seconds",
            meaning="The wait before the second attempt; before each further one twice as long, at most 5 minutes.",
        ),
        Key(
            name="timeout",
            kind=Number(0, 600, above=True),
            default=10.0,
            unit="seconds",
            meaning="How long one attempt may take.",
        ),
    ),
)
