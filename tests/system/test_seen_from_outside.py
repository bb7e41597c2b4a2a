"""What looks at the service from outside, under the hardened unit: metrics are scraped, notices and traces arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flow import begin, finish, install
from host import HOME, UNIT, Host, wait_for

PYTHON = "/opt/anacostia/bin/python"
RECEIVED = "/run/received"
KINDS = ("otlp", "http")
TOKEN = "a-token-of-the-test"
CONFIGURATION = f"""
[metrics]
port = 9464
token_file = "/etc/anacostia/token"

[traces]
endpoint = "http://127.0.0.1:{{otlp}}/v1/traces"

[notify.hook]
events = ["node-restarted"]
webhook = "http://127.0.0.1:{{http}}/"

[notify.program]
events = ["node-restarted"]
command = ["/bin/sh", "-c", "cat >> {HOME}/told"]
"""


@pytest.fixture
def ports(host: Host) -> Iterator[dict[str, str]]:
    """Of servers in the host, by their kind; what they get is in RECEIVED."""
    host.sh(f"rm -rf {RECEIVED}; mkdir {RECEIVED}")
    for kind in KINDS:
        command = [PYTHON, "/srv/app/tests/integration/receiver.py", kind, f"{RECEIVED}/{kind}"]
        output = f"StandardOutput=file:{RECEIVED}/{kind}.port"
        host.run("systemd-run", "-q", f"--unit=receiver-{kind}", "-p", output, *command)
    yield {
        kind: wait_for(lambda kind=kind: host.sh(f"cat {RECEIVED}/{kind}.port").strip(), f"{kind} is listened for")  # type: ignore[misc]
        for kind in KINDS
    }
    host.run("systemctl", "stop", *(f"receiver-{kind}" for kind in KINDS), code=None)
    host.sh("rm -rf /etc/anacostia")


def received(host: Host, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in host.sh(f"cat {RECEIVED}/{kind} 2>/dev/null || true").splitlines()]


def scrape(host: Host) -> str:
    script = (
        "import urllib.request as u; print(u.urlopen(u.Request('http://127.0.0.1:9464/metrics', "
        f"headers={{'Authorization': 'Bearer {TOKEN}'}}), timeout=5).read().decode())"
    )
    return host.run(PYTHON, "-c", script, code=None).stdout


def test_metrics_notices_and_traces_work_under_the_hardened_unit(host: Host, ports: dict[str, str]) -> None:
    host.write("/etc/anacostia/anacostia.toml", CONFIGURATION.format(**ports))
    host.write("/etc/anacostia/token", TOKEN)
    install(host, "--hardened")
    wait_for(lambda: host.sh(f"ls {HOME}").count(".json") == 2, "those who tell and trace have begun")
    begin(host)
    wait_for(lambda: 'anacostia_node_phase{node="job",phase="ready",pipeline="gated"} 1.0' in scrape(host), "scraped")

    host.run("kill", "-KILL", str(host.pids()["after"]))
    finish(host)

    [notice] = wait_for(lambda: received(host, "http"), "the webhook is told")
    assert (notice["body"]["event"], notice["body"]["node"]) == ("node-restarted", "after")
    told = wait_for(lambda: host.sh(f"cat {HOME}/told 2>/dev/null || true"), "the command is told")
    assert json.loads(told)["text"] == notice["body"]["text"]
    [trace] = wait_for(lambda: received(host, "otlp"), "the run is traced")
    assert "job" in {span["name"] for span in trace["body"]}
    host.run("systemctl", "stop", UNIT)
    assert host.ours() == []
