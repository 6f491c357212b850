"""/openapi.json: titles, operation ids and schemas as in the source document."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from easel.errors import ErrorResponse

API_VERSION = "0.82"
TITLE = "Easel API"
DESCRIPTION = "The Apps API (version 0.82) of this Easel: upload a zip, get an immutable version, live at once."

_ERRORS = {
    "400": "Bad Request",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "409": "Conflict",
    "413": "Content Too Large",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "501": "Not Implemented",
    "503": "Service Unavailable",
}


def info() -> dict[str, Any]:
    """Title, version and where the documents are, for FastAPI."""
    return {"title": TITLE, "version": API_VERSION, "description": DESCRIPTION, "redoc_url": None}


def install(app: FastAPI) -> None:
    """Makes the application give the finished document, which is made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = finish(
                get_openapi(title=TITLE, version=API_VERSION, description=DESCRIPTION, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every error answer of every operation, and the models they are in."""
    schemas = document["components"]["schemas"]
    model = ErrorResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in model.pop("$defs", {}).items():
        schemas[name] = schema
    schemas["ErrorResponse"] = model
    # A 422 is both shapes at once.
    schemas["HTTPValidationError"] = {
        "title": "HTTPValidationError",
        "type": "object",
        "properties": {
            "detail": {
                "items": {"$ref": "#/components/schemas/ValidationError"},
                "type": "array",
                "title": "Detail",
            }
        },
    }
    schemas["ValidationError"] = {
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
    }
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            for status, description in _ERRORS.items():
                responses[status] = _answer(description, "ErrorResponse")
            responses["422"] = _answer("Validation Error", "HTTPValidationError")
    return document


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
