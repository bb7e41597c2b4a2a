"""All guards, in the order in which the page lists them."""

from __future__ import annotations

from tests.mutants.guard import Guard
from tests.mutants.guards import (
    daemon,
    dashboard,
    files,
    loader,
    processes,
    ready,
    remote,
    runs,
    runtime,
    schema,
    security,
    serving,
    storing,
    supervision,
    tasks,
    wire,
)

GUARDS: tuple[Guard, ...] = (
    *runs.GUARDS,
    *tasks.GUARDS,
    *schema.GUARDS,
    *storing.GUARDS,
    *serving.GUARDS,
    *runtime.GUARDS,
    *files.GUARDS,
    *loader.GUARDS,
    *supervision.GUARDS,
    *processes.GUARDS,
    *daemon.GUARDS,
    *wire.GUARDS,
    *security.GUARDS,
    *dashboard.GUARDS,
    *ready.GUARDS,
    *remote.GUARDS,
)
