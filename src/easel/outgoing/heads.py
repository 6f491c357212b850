"""The head of a request to a proxy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from easel.outgoing.hosts import LONGEST_NAME

LONGEST_HEAD = 16 * 1024
"""Maximum number of bytes of the head of a request to the proxy."""

_AUTHORITY = re.compile(
    rf"(?P<host>\[[0-9A-Fa-f:.]{{2,45}}\]|[A-Za-z0-9_.-]{{1,{LONGEST_NAME}}})(?::(?P<port>[0-9]{{1,5}}))?"
)
_METHOD = re.compile(r"[A-Z]{1,20}")
_TARGET = re.compile(r"[\x21-\x7e]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00\r\n]*")
_OWN = frozenset({"host", "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"})
"""Headers that apply to this connection alone (RFC 9110 §7.6.1), and Host, which the address determines."""


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """A proxy request: the host and port, the credentials, and the head to forward (empty for `CONNECT`)."""

    host: str
    port: int
    credentials: str
    forwarded: bytes


def read_request(head: bytes) -> ProxyRequest | None:
    """Parses a head that ends with an empty line. Returns None if the head is not a proxy request."""
    try:
        first, *headers = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
    except ValueError:
        return None
    if version not in ("HTTP/1.1", "HTTP/1.0") or not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        return None
    if not all(map(_HEADER.fullmatch, headers)):
        return None
    scheme, _, rest = ("", "", target) if method == "CONNECT" else target.partition("://")
    if method != "CONNECT" and scheme.lower() != "http":
        return None
    authority, slash, path = rest.partition("/")
    if method != "CONNECT" and not slash:
        authority, mark, query = authority.partition("?")
        path = mark + query
    found = _AUTHORITY.fullmatch(authority)
    if found is None or (method == "CONNECT" and (slash or not found["port"])):
        return None
    port = int(found["port"] or 80)
    if not 0 < port < 65536:
        return None
    credentials = next((line.partition(":")[2].strip() for line in headers if _name(line) == "proxy-authorization"), "")
    forwarded = b""
    if method != "CONNECT":
        passed = [line for line in headers if _name(line) not in _OWN]
        lines = [f"{method} /{path} HTTP/1.1", f"Host: {authority}", *passed, "Connection: close", "", ""]
        forwarded = "\r\n".join(lines).encode("latin-1")
    return ProxyRequest(found["host"].lower(), port, credentials, forwarded)


def _name(line: str) -> str:
    return line.partition(":")[0].lower()
