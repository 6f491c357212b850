"""/openapi.json, with titles, operation ids and schemas as in the contract."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from easel.api.http.envelope import ErrorResponse

API_VERSION = "0.82"
TITLE = "Easel API"
DESCRIPTION = "The Apps API (version 0.82) of this Easel: upload a zip, get an immutable version, live at once."

_ALWAYS = {
    "400": "Bad Request",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "503": "Service Unavailable",
}
_REF = "#/components/schemas/{model}"

_VALIDATION_SCHEMAS: dict[str, Any] = {
    "HTTPValidationError": {
        "properties": {
            "detail": {
                "items": {"$ref": _REF.format(model="ValidationError")},
                "type": "array",
                "title": "Detail",
            }
        },
        "type": "object",
        "title": "HTTPValidationError",
    },
    "ValidationError": {
        "properties": {
            "loc": {
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "type": "array",
                "title": "Location",
            },
            "msg": {"type": "string", "title": "Message"},
            "type": {"type": "string", "title": "Error Type"},
        },
        "type": "object",
        "required": ["loc", "msg", "type"],
        "title": "ValidationError",
    },
}
"""The schemas of validation errors. FastAPI's own schemas are not used, because they have fields that Easel does not
send (`input` would repeat secrets)."""


def info() -> dict[str, Any]:
    """Returns FastAPI's arguments for the API's OpenAPI document: the title, the version, and the addresses of the
    documents."""
    return {"title": TITLE, "version": API_VERSION, "description": DESCRIPTION, "redoc_url": None}


def install(app: FastAPI) -> None:
    """Makes the application serve the API's OpenAPI document, which is generated once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = finish(
                get_openapi(title=TITLE, version=API_VERSION, description=DESCRIPTION, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the OpenAPI document with the error responses of every operation, and their models."""
    schemas = document["components"]["schemas"]
    model = ErrorResponse.model_json_schema(ref_template=_REF)
    schemas.update(model.pop("$defs", {}), ErrorResponse=model)
    _drop_null_defaults(schemas["ErrorDetail"])
    # A response with 422 has two formats at once, but the contract's document describes only `HTTPValidationError`.
    schemas.update(_VALIDATION_SCHEMAS)
    # The contract has no description here, where FastAPI would put the docstring.
    schemas["DeployResponse"].pop("description", None)
    for path in document["paths"].values():
        for method, operation in path.items():
            _add_errors(method, operation)
    return document


def _add_errors(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status, description in _ALWAYS.items():
        responses[status] = _answer(description, "ErrorResponse")
    if method != "get":
        responses["409"] = _answer("Conflict", "ErrorResponse")
    if "requestBody" in operation:
        responses["413"] = _answer("Content Too Large", "ErrorResponse")
    responses["422"] = _answer("Validation Error", "HTTPValidationError")


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": _REF.format(model=schema)}}},
    }


def _drop_null_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        if field.get("default", ...) is None:
            del field["default"]
