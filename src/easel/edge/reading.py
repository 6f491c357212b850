"""An ASGI scope as the request that the chain decides on."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from easel.connections.heads import VISITORS, value_of
from easel.serving.models import Request

Scope = MutableMapping[str, Any]
_LONGEST_COUNTRY = 16


def request_of(scope: Scope, host: bytes, scheme: str, country_header: bytes) -> Request:
    """The request. The visitor's country is in the header of the operator's proxy, if it has one of this name."""
    fields: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        fields.setdefault(name, []).append(value)

    def text(name: bytes) -> str | None:
        lines = fields.get(name)
        return value_of(lines, VISITORS[name].most).decode("latin-1") if lines is not None else None

    country = fields.get(country_header)
    query = scope["query_string"]
    target = scope["raw_path"].decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    return Request(
        method=scope["method"],
        target=target,
        accept=text(b"accept"),
        accept_encoding=text(b"accept-encoding"),
        if_none_match=text(b"if-none-match"),
        if_modified_since=text(b"if-modified-since"),
        if_range=text(b"if-range"),
        range=text(b"range"),
        fetch_dest=text(b"sec-fetch-dest"),
        fetch_mode=text(b"sec-fetch-mode"),
        service_worker=text(b"service-worker"),
        host=host.decode("latin-1").lower().rsplit(":", 1)[0].rstrip("."),
        scheme=scheme,
        cookie=text(b"cookie"),
        accept_language=text(b"accept-language"),
        country=None if country is None else value_of(country, _LONGEST_COUNTRY).decode("latin-1"),
    )
