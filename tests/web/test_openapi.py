"""The API against its own description: whatever is asked, each answer is one that the description promises."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from web.dashboard import NAME, Dashboard

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

EXAMPLES = 6  # of each operation
REAL = {"pipeline": NAME, "node": "double", "run_id": 1, "artifact_id": 2}


@pytest.mark.filterwarnings("ignore")
def test_every_operation_keeps_to_its_description(dashboard: Dashboard) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

    document = httpx.get(f"{dashboard.url}/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events"):
            continue  # it never ends; test_bad_requests listens to it

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            if case.method == "GET":  # of what is there; what would be done is done to what is not
                case.path_parameters.update({key: REAL[key] for key in case.path_parameters if key in REAL})
            answer = case.call(base_url=dashboard.url)
            case.validate_response(
                answer, checks=(not_a_server_error, status_code_conformance, response_schema_conformance)
            )

        ask()
        tried += 1
    assert tried >= 25


def test_the_description_names_what_each_error_looks_like(dashboard: Dashboard) -> None:
    document = httpx.get(f"{dashboard.url}/api/v1/openapi.json").json()
    for path, operations in document["paths"].items():
        assert path.startswith("/api/v1/")
        for operation in operations.values():
            assert operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("/Failure")
            assert operation.get("description"), path
