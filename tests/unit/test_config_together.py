"""Keys of the configuration that are right one by one and must fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from anacostia_daemon.config.configuration import from_text
from anacostia_daemon.config.problems import ConfigError
from anacostia_daemon.supervisor.companion import wanted

RULE = "[notify.ops]\ncommand = ['true']\n"


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        from_text(text, Path("/etc/anacostia.toml"), {})
    return str(caught.value)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7"])
def test_metrics_beyond_this_machine_need_a_token(address: str) -> None:
    text = f"[metrics]\nport = 9464\naddress = '{address}'\n"
    assert "line 3, metrics.address: others could read the metrics there; name a token_file" in refused(text)
    assert from_text(text + "token_file = '/t'\n", None, {}).table("metrics")["token_file"] == "/t"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
def test_metrics_of_this_machine_need_none(address: str) -> None:
    config = from_text(f"[metrics]\nport = 0\naddress = '{address}'\n", None, {})
    assert wanted(config) == {"metrics": {"port": 0, "address": address}}


@pytest.mark.parametrize("address", ["''", "'localhost'", "1", "'127.0.0.1:9464'"])
def test_an_address_to_listen_at_is_an_ip_address(address: str) -> None:
    assert "is to be an IP address of this machine" in refused(f"[metrics]\naddress = {address}\n")


def test_nothing_is_started_that_nobody_asked_for() -> None:
    assert wanted(from_text("", None, {})) == {}
    assert wanted(from_text("[metrics]\naddress = '::1'\n", None, {})) == {}


def test_a_rule_is_given_to_the_notifier_with_its_defaults() -> None:
    rules = wanted(from_text(RULE, None, {}))["notify"]["rules"]
    assert rules["ops"]["command"] == ("true",)
    assert rules["ops"]["events"] == ("node-failed", "run-failed", "pipeline-back")
    assert rules["ops"]["at_most"] == 10


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[notify.ops]\nat_most = 3\n", "line 1, [notify.ops]: tells nobody"),
        ("[notify.ops]\nwebhook = 'http://h/'\nwebhook_file = '/f'\n", "has webhook and webhook_file; one of them"),
        (RULE + "smtp_user = 'me'\n", "has one of smtp_user and its password"),
        (RULE + "smtp_password_file = '/p'\n", "has one of smtp_user and its password"),
        (RULE + "smtp_user = 'me'\nsmtp_password_file = '/p'\n", "would send a password in the clear"),
        (RULE + "events = ['node_failed']\n", 'one of "node-failed"'),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_its_reason(text: str, why: str) -> None:
    assert why in refused(text)


def test_a_webhook_that_is_no_address_is_refused_and_not_shown() -> None:
    said = refused("[notify.ops]\nwebhook = 'hooks.example/secret'\n")
    assert "is to be an address like" in said and "secret" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_a_dashboard_beyond_this_machine_needs_a_token(host: str) -> None:
    text = f"[web]\nhost = '{host}'\n"
    assert "line 2, web.host: others could stop your pipelines there; name a token_file" in refused(text)
    assert wanted(from_text(text + "token_file = '/t'\n", None, {}))["web"]["token_file"] == "/t"


def test_a_dashboard_is_served_where_its_table_stands_be_it_empty_or_in_the_environment() -> None:
    default = {"host": "127.0.0.1", "port": 8420, "read_only": False, "allowed_hosts": ()}
    assert wanted(from_text("[web]\n", None, {})) == {"web": default}
    assert wanted(from_text("", None, {"ANACOSTIA_WEB_PORT": "8000"})) == {"web": {**default, "port": 8000}}
    assert wanted(from_text("", None, {})) == {}
