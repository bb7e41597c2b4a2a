"""Tables of artifacts and metrics, as `artifacts`, `metrics` and `run` show them."""

from __future__ import annotations

from typing import Any

from anacostia_daemon.ctl.screen import show_table, word
from anacostia_daemon.ctl.table import Column, Row
from anacostia_daemon.ctl.text import local, shown, size


def show_artifacts(artifacts: list[dict[str, Any]]) -> None:
    """One line per artifact; the whole sha256 is in the JSON."""
    columns = [
        Column("ID", right=True),
        Column("RESOURCE"),
        Column("STATE"),
        Column("RUN", right=True),
        Column("MADE BY"),
        Column("SIZE", right=True),
        Column("SHA256"),
        Column("CREATED"),
        Column("LOCATION", flexible=True),
    ]
    rows: list[Row] = [
        [
            shown(each["id"]),
            shown(each["resource"]),
            word(each["state"]),
            shown(each["run_id"]),
            _maker(each["produced_by"]),
            size(each["size"]),
            shown((each["sha256"] or "")[:12]),
            local(each["created_at"]),
            shown(each["location"]),
        ]
        for each in artifacts
    ]
    show_table(columns, rows, "no artifact")


def show_metrics(metrics: list[dict[str, Any]]) -> None:
    """One line per value."""
    columns = [
        Column("RUN", right=True),
        Column("NODE"),
        Column("KEY", flexible=True),
        Column("VALUE", right=True),
        Column("STEP", right=True),
        Column("AT"),
    ]
    rows: list[Row] = [
        [
            shown(each["run_id"]),
            shown(each["node"]),
            shown(each["key"]),
            shown(each["value"]),
            shown(each["step"]),
            local(each["logged_at"]),
        ]
        for each in metrics
    ]
    show_table(columns, rows, "no metric")


def _maker(produced_by: dict[str, Any] | None) -> str:
    return "-" if produced_by is None else f"{shown(produced_by['node'])} in {produced_by['run_id']}"
