"""Turns the errors of all layers into responses in the contract's envelope."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from psycopg.errors import DiskFull
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from easel.envelope import envelope
from easel.errors import EaselError, LimitReachedError, NotFoundError, ServiceUnavailableError
from easel.storage.errors import StorageFullError
from easel.storage.transient_errors import TRANSIENT, is_transient

logger = logging.getLogger(__name__)

REFUSED = Counter("easel_api_refused", "Requests refused because of a limit of their organisation", ["limit"])

_NAMES = {
    400: ("BadRequestError", "bad_request"),
    404: ("NotFoundError", "route_not_found"),
    405: ("MethodNotAllowedError", "method_not_allowed"),
    413: ("RequestTooLargeError", "request_too_large"),
    415: ("UnsupportedMediaTypeError", "unsupported_media_type"),
}


_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class InternalServerError(EaselError):
    """Easel failed unexpectedly. Easel's operator can find the details in the server log under the request id
    {request_id}."""

    status = 500
    code = "internal_error"


class AddressInvalidError(NotFoundError):
    """The URL contains a NUL character, so there is nothing at this URL."""

    code = "route_not_found"


def error_answer(error: EaselError) -> JSONResponse:
    """Returns the response for an error, with a Retry-After header if a retry makes sense."""
    headers = {}
    if isinstance(error, LimitReachedError):
        REFUSED.labels(error.limit).inc()
    retry_after = error.details.get("retry_after_seconds")
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if error.status in (408, 413):
        # The connection is closed, because the rest of the request's body is not read.
        headers["Connection"] = "close"
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = envelope(error)
    if error.status == 422:
        body["detail"] = error.details.get("validation_errors", [])
    return JSONResponse(body, error.status, headers)


def validation_answer(errors: list[dict[str, Any]]) -> JSONResponse:
    """Returns the 422 response for invalid fields. It has two formats at once: `detail`, as in the contract, and the
    envelope of all errors."""
    fields = [
        {"loc": list(error["loc"]), "msg": str(error["msg"]), "type": str(error["type"])} for error in errors[:100]
    ]
    named = "; ".join(f"{'.'.join(map(str, f['loc'][1:])) or f['loc'][0]}: {f['msg']}" for f in fields[:3])
    body = {
        "success": False,
        "status": 422,
        "error": {
            "message": f"The request is not valid: {named}",
            "type": "ValidationError",
            "code": "validation_error",
            "details": {"validation_errors": fields},
        },
        "detail": fields,
    }
    # The message may quote the input, which may contain characters that JSON in UTF-8 cannot hold.
    return JSONResponse(json.loads(json.dumps(body).encode("ascii", "replace")), 422)


def _allowed(request: Request) -> list[str]:
    """Returns all methods of the address (RFC 9110 §15.5.6). The router's own error contains only the methods of the
    first matching route."""
    template = getattr(request.scope.get("route"), "path", None)
    if described := request.app.openapi()["paths"].get(template):
        return sorted(method.upper() for method in described)
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.router.routes
        )
    ]


def add_error_handlers(app: FastAPI) -> None:
    """Makes the application respond to every error with the envelope."""

    async def easel_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, EaselError)
        if isinstance(error, LimitReachedError):
            # In a lane, the response passes the limit's name to the api, which counts the refusal.
            request.state.refused_by = error.limit
        if error.status >= 500 and error.status != 501:
            logger.error("%s: %s", error.type, error.message)
        return error_answer(error)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return validation_answer(list(error.errors()))

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        type_, code = _NAMES.get(error.status_code, ("HTTPError", f"http_{error.status_code}"))
        message = (
            f"There is nothing at {request.method} {request.url.path}" if error.status_code == 404 else error.detail
        )
        body = {
            "success": False,
            "status": error.status_code,
            "error": {"message": str(message), "type": type_, "code": code},
        }
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(request))
        return JSONResponse(body, error.status_code, headers)

    async def database_error(request: Request, error: Exception) -> JSONResponse:
        if not is_transient(error):
            raise error
        logger.error("the database does not respond: %s", error)
        if isinstance(getattr(error, "orig", error), DiskFull):
            return error_answer(StorageFullError())
        return error_answer(ServiceUnavailableError(part="the database", retry_after_seconds=1, retryable=True))

    app.add_exception_handler(EaselError, easel_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    for kind in (DBAPIError, *TRANSIENT):
        app.add_exception_handler(kind, database_error)
