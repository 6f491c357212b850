"""/openapi.json describes the deploy operation word for word like the contract's document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from testbed.running import Platform

SOURCE: dict[str, Any] = json.loads(Path(__file__).with_name("deploy_operation.json").read_text())
MORE = {"maxLength", "minLength", "pattern", "maxProperties", "propertyNames"}
"""Constraints that a schema of Easel may add to the contract's constraints. They are narrower, and contradict
nothing."""


@pytest.fixture(scope="module")
def document(platform: Platform) -> dict[str, Any]:
    with platform.client() as http:
        found: dict[str, Any] = http.get("/openapi.json").json()
    return found


def without_more(schema: Any) -> Any:
    """Returns the schema without the added constraints."""
    if isinstance(schema, dict):
        return {name: without_more(inner) for name, inner in schema.items() if name not in MORE}
    return [without_more(inner) for inner in schema] if isinstance(schema, list) else schema


def test_the_document_names_the_contracts_version(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == SOURCE["info"]["version"]


def test_the_deploy_operation_is_the_source_documents(document: dict[str, Any]) -> None:
    path, methods = next(iter(SOURCE["paths"].items()))
    wanted, found = methods["post"], document["paths"][path]["post"]
    for part in ("tags", "summary", "description", "operationId", "parameters", "requestBody"):
        assert found[part] == wanted[part], part
    for status, answer in wanted["responses"].items():
        assert found["responses"][status] == answer, status


@pytest.mark.parametrize("name", SOURCE["components"]["schemas"])
def test_the_documents_models_are_those_of_the_contract(document: dict[str, Any], name: str) -> None:
    wanted = SOURCE["components"]["schemas"][name]
    found = document["components"]["schemas"][name]
    assert without_more(found["properties"]) == wanted["properties"]
    for part in ("type", "required", "title", "description"):
        assert found.get(part) == wanted.get(part), part


def test_every_operation_asks_for_a_bearer_key_and_names_its_errors(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["BearerAuth"]["scheme"] == "bearer"
    ids = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            ids.append(operation["operationId"])
            assert operation["security"] == [{"BearerAuth": []}], (method, path)
            assert {"400", "401", "403", "404", "422", "429", "500", "503"} <= set(operation["responses"])
            assert operation["summary"]
    assert len(ids) == len(set(ids))
