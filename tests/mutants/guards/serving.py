"""Guards of a store in PostgreSQL: one owner, commits that outlive the server, errors told apart, no password shown."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

POSTGRESQL = "tests/contract/test_postgresql_store.py::test_"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/metadata/postgresql.py",
        "a database has one writer",
        (
            "one connection at a time has the lease of a schema",
            '        connection.execute("SELECT pg_advisory_lock(%s)", (key,))\n',
            "        pass\n",
            f"{POSTGRESQL}a_second_store_is_refused_and_told_who_has_the_schema_until_that_one_is_dead",
        ),
        (
            "each schema has a lease of its own",
            "    key = _LEASES | found[0]\n",
            "    key = _LEASES\n",
            f"{POSTGRESQL}stores_in_two_schemas_of_one_database_know_nothing_of_each_other",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/postgresql.py",
        "what is acknowledged survives the server's death",
        (
            "each commit waits for the server's disk",
            'connection.execute("SET synchronous_commit = on")',
            "pass",
            f"{POSTGRESQL}commits_wait_for_the_disk_also_where_the_server_is_told_otherwise",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/postgresql.py",
        "whatever a node says can be recorded",
        (
            "a NUL is written as its symbol",
            'obj.replace("\\0", "\\N{SYMBOL FOR NULL}")',
            "obj",
            f"{POSTGRESQL}a_text_with_a_nul_can_be_recorded",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/faults.py",
        "one bad request costs the others nothing, a harmed database is waited for",
        (
            "a value that a server refuses is a fault of its statement",
            '_OF_ONE_STATEMENT = ("22", "54")',
            "_OF_ONE_STATEMENT = ()",
            f"{POSTGRESQL}a_value_that_cannot_be_kept_costs_only_its_own_statement",
        ),
        (
            "a table that is gone is a fault of the database",
            'return "statement" if state.startswith(_OF_ONE_STATEMENT) else "unavailable"',
            'return "statement"',
            f"{POSTGRESQL}a_database_that_was_harmed_is_waited_for",
        ),
    ),
    *guards_in(
        "node_sdk/metadata/connect.py",
        "the laws hold on each store",
        (
            "a database on which nobody has tried the laws is refused",
            'if url.get_backend_name() not in ("postgresql", "sqlite"):',
            "if False:",
            "tests/contract/test_sqlite_store.py::test_a_url_that_sqlalchemy_cannot_use_is_refused_without_its_password",
        ),
    ),
)
