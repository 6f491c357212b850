"""Reads a visitor's request from an ASGI scope, for the chain of stages that decides the response."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from easel.connections.heads import VISITORS, Bound, Heeded, value_of
from easel.serving.models import Request

Scope = MutableMapping[str, Any]
_LONGEST_COUNTRY: Final = 16
Fields = Mapping[bytes, tuple[str, int]]
"""Maps a header's name to the `Request` attribute that holds the header's value, and to the maximum length of the value
in bytes."""


def fields(country_header: bytes) -> Fields:
    """Returns the headers whose values become attributes of a `Request`. `country_header` is the header in which an
    operator's proxy sends the visitor's country. It is empty if there is no such proxy."""
    names = (
        *("accept", "accept-encoding", "accept-language", "cookie", "if-none-match", "if-modified-since", "if-range"),
        *("range", "sec-fetch-dest", "sec-fetch-mode", "service-worker"),
    )
    known = {name.encode(): name.removeprefix("sec-").replace("-", "_") for name in names}
    found = {name: (field, VISITORS[name].most) for name, field in known.items()}
    return {**found, country_header: ("country", _LONGEST_COUNTRY)} if country_header else found


def heeded(known: Fields) -> Heeded:
    """Returns the headers that a connection reads, each with its maximum length: the headers in `known`, and the
    headers that every connection reads."""
    return {**VISITORS, **{name: Bound(most) for name, (_, most) in known.items() if name not in VISITORS}}


def request_of(scope: Scope, host: str, scheme: str, known: Fields) -> Request:
    """Returns the visitor's request in an ASGI scope. `host` is the requested host name in lower case, and `known`
    lists the headers to read."""
    values: dict[str, str] = {}
    repeated: set[bytes] = set()
    for name, value in scope["headers"]:
        field = known.get(name)
        if field is not None:
            if field[0] in values:
                repeated.add(name)
            values[field[0]] = value.decode("latin-1") if len(value) <= field[1] else ""
    for name in repeated:
        lines = [line for other, line in scope["headers"] if other == name]
        values[known[name][0]] = value_of(lines, known[name][1]).decode("latin-1")
    query = scope["query_string"]
    target = scope["raw_path"].decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    return Request(scope["method"], target, host=host, scheme=scheme, **values)
