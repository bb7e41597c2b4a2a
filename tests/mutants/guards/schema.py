"""Guards of the tables: what may exist only once, and what can never be so. The database holds them, and the store in
memory from the same declaration.
"""

from __future__ import annotations

from tests.mutants.guard import Guard

SCHEMA = "node_sdk/metadata/schema.py"
ONCE = "law 4 and exactly-once: the database holds the promise"
NEVER = "rows that break a law cannot be"
SQL = "tests/contract/test_stores.py::TestSqlUrl::test_"
MEMORY = "tests/contract/test_stores.py::TestMemory::test_"

# What may exist once: its name in words, how it is declared, the case of the contract that tries it.
_UNIQUE = (
    ("one run for each wish", 'uniques=(Unique("runs_token", ("token",)),),', "token"),
    ("one task for each run and node", 'uniques=(Unique("tasks_run_node", ("run_id", "node")),),', "task"),
    ("one artifact for each version", 'Unique("artifacts_version", ("resource", "location", "version")),', "version"),
    (
        "one latest version of each location",
        'Unique("artifacts_latest", ("resource", "location"), when=("latest", True)),',
        "latest",
    ),
    (
        "one artifact of each location that can be claimed",
        'Unique("artifacts_new", ("resource", "location"), when=("state", "new")),',
        "new",
    ),
    (
        "each metric logged once",
        'uniques=(Unique("metrics_logged_once", ("run_id", "node", "attempt", "n", "key")),),',
        "metric",
    ),
    ("one value of each param and tag", 'uniques=(Unique(f"{name}_key", ("run_id", "node", "key")),),', "param"),
    (
        "one value of each tag of an artifact",
        'uniques=(Unique("artifact_tags_key", ("artifact_id", "key")),),',
        "artifact tag",
    ),
    ("one row for each node", 'uniques=(Unique("nodes_name", ("name",)),),', "node"),
    ("one retry for each wish", 'uniques=(Unique("retries_token", ("token",)),),', "retry"),
    ("one identity of a database", 'uniques=(Unique("identity_number", ("number",)),),', "identity"),
)

# What each row must fulfil: as SQL for a database, as a function for the store in memory.
_CHECKS = (
    (
        "states are known ones",
        'f"{column} IN ({listed})"',
        "lambda row: row[column] in allowed)",
        "unknown state",
    ),
    (
        "a run has an end when it is over, and only then",
        "\"(state = 'running') = (ended_at IS NULL)\"",
        'lambda row: (row["state"] == "running") == (row["ended_at"] is None),',
        "ended without a time",
    ),
    (
        "a task has an end when it is over, and only then",
        "\"(state IN ('pending', 'executing')) = (ended_at IS NULL)\"",
        'lambda row: (row["state"] in ("pending", "executing")) == (row["ended_at"] is None),',
        "task ended without a time",
    ),
    (
        "there is one identity",
        '"number = 1"',
        'lambda row: row["number"] == 1)',
        "second identity",
    ),
)

_OWNER = "what is new belongs to no run, what is current to one"


def _holds(function: str) -> str:
    """The same, and always true."""
    return f"lambda row: True{function[-1]}"


GUARDS: tuple[Guard, ...] = (
    *(
        Guard(
            name=name,
            keeps=ONCE,
            file=SCHEMA,
            take=declared,
            put="",
            caught_by=(f"{SQL}what_may_exist_once_exists_once[{case}]",),
        )
        for name, declared, case in _UNIQUE
    ),
    *(
        Guard(
            name=f"{name} (in a database)",
            keeps=NEVER,
            file=SCHEMA,
            take=sql,
            put='"1 = 1"',
            caught_by=(f"{SQL}rows_that_cannot_be_are_refused[{case}]",),
        )
        for name, sql, _, case in _CHECKS
    ),
    *(
        Guard(
            name=f"{name} (in memory)",
            keeps=NEVER,
            file=SCHEMA,
            take=function,
            put=_holds(function),
            caught_by=(f"{MEMORY}rows_that_cannot_be_are_refused[{case}]",),
        )
        for name, _, function, case in _CHECKS
    ),
    Guard(
        name=f"{_OWNER} (in a database)",
        keeps=NEVER,
        file=SCHEMA,
        take="\"(state <> 'new' OR run_id IS NULL) AND (state <> 'current' OR run_id IS NOT NULL)\"",
        put='"1 = 1"',
        caught_by=(f"{SQL}rows_that_cannot_be_are_refused[new but owned]",),
    ),
    Guard(
        name="what is current belongs to a run (in memory)",
        keeps=NEVER,
        file=SCHEMA,
        take='and (row["state"] != "current" or row["run_id"] is not None)',
        put="and True",
        caught_by=(f"{MEMORY}rows_that_cannot_be_are_refused[current but not owned]",),
    ),
    Guard(
        name="a column that must have a value has one (in memory)",
        keeps=NEVER,
        file="node_sdk/metadata/memory.py",
        take="if row[column.name] is None and not column.nullable:",
        put="if False:",
        caught_by=(f"{MEMORY}rows_that_cannot_be_are_refused[null]",),
    ),
)
