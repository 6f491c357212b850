"""The api's connections: with limits, and with refusals of malformed requests in the contract's envelope."""

from __future__ import annotations

import json

from easel.connections.guarded import GuardedProtocol
from easel.connections.heads import CLIENTS
from easel.envelope import envelope
from easel.errors import EaselError


class RequestUnreadableError(EaselError):
    """{reason} Send HTTP/1.1, with a method and an address that this API has."""

    status = 400
    code = "request_unreadable"


class RequestHeadTooLargeError(EaselError):
    """{reason} The limit for a head is 64 KiB and 200 headers."""

    status = 431
    code = "request_head_too_large"


class RequestAddressTooLongError(EaselError):
    """{reason} The limit is 16 KiB, of which the query may take 8 KiB."""

    status = 414
    code = "request_address_too_long"


_KINDS: dict[int, type[EaselError]] = {414: RequestAddressTooLongError, 431: RequestHeadTooLargeError}


class ApiProtocol(GuardedProtocol):
    """uvicorn's protocol, guarded."""

    heeded = CLIENTS
    longest_query = 8 * 1024

    def on_headers_complete(self) -> None:
        """Checks the complete head. Refuses it unless it names exactly one host (RFC 9112 §3.2): a proxy on the way
        might use the other one of two, and upload addresses are built from the host."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            self.break_off(400, "The request does not name exactly one host.")
        super().on_headers_complete()

    def refusal(self, status: int, message: str) -> tuple[bytes, bytes]:
        """The refusal in the envelope."""
        kind = _KINDS.get(status, RequestUnreadableError)
        return b"application/json", json.dumps(envelope(kind(reason=message)), separators=(",", ":")).encode()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client has disconnected: the rest of its body will never arrive, and nobody follows its streams."""
        return False
