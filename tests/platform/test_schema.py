"""The API as it describes itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from openapi_spec_validator import OpenAPIV31SpecValidator

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    answer = Client().get("/v1/schema")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, each) for path, item in schema["paths"].items() for method, each in item.items() if method in METHODS]


def responses(schema: dict[str, Any], operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By status, with references followed."""
    known = schema["components"]["responses"]
    return {status: known[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for status, each in operation["responses"].items()}


def test_the_description_has_no_error(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(schema).iter_errors()] == []


def test_every_operation_may_fail_in_the_one_way_that_there_is(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        for status, response in responses(schema, operation).items():
            if status[0] in "45":
                assert list(response["content"]) == ["application/problem+json"], (path, method, status)
                reference = response["content"]["application/problem+json"]["schema"]["$ref"]
                assert reference == "#/components/schemas/Problem", (path, method, status)


def test_every_operation_says_what_can_go_wrong(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        statuses = set(operation["responses"])
        assert {"500", "503"} <= statuses, (path, method)
        assert not any(operation.get("security", [])) or {"401", "403", "429"} <= statuses, (path, method)
        assert "requestBody" not in operation or {"400", "413", "415", "422"} <= statuses, (path, method)
        assert "{" not in path or "404" in statuses, (path, method)


def test_every_answer_bears_the_request_s_id(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        assert all("X-Request-Id" in response["headers"] for response in responses(schema, operation).values()), (path, method)


def test_every_answer_is_described(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        assert operation["summary"], (path, method)
        assert all(response["description"] for response in responses(schema, operation).values()), (path, method)


def test_keys_are_the_way_in(schema: dict[str, Any]) -> None:
    assert schema["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


def test_operations_have_names_of_their_own(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(schema)]

    assert len(names) == len(set(names))
