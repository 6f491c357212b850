"""The api's connections: with limits, and with refusals of malformed requests in the contract's envelope."""

from __future__ import annotations

import json

from easel.api.http.rounds import Rounds
from easel.connections.guarded import GuardedProtocol
from easel.connections.heads import CLIENTS
from easel.envelope import envelope
from easel.errors import EaselError

EACH = 2
"""Maximum number of requests of an organisation that begin in one round of the event loop."""


class RequestUnreadableError(EaselError):
    """{reason} Use HTTP/1.1, and a method and an address of this API."""

    status = 400
    code = "request_unreadable"


class RequestHeadTooLargeError(EaselError):
    """{reason} The limit for the head of a request is 64 KiB and 200 headers."""

    status = 431
    code = "request_head_too_large"


class RequestAddressTooLongError(EaselError):
    """{reason} The limit for the address of a request is 16 KiB, including at most 8 KiB of query."""

    status = 414
    code = "request_address_too_long"


_KINDS: dict[int, type[EaselError]] = {414: RequestAddressTooLongError, 431: RequestHeadTooLargeError}


class ApiProtocol(GuardedProtocol):
    """uvicorn's HTTP protocol, with the limits and checks of `GuardedProtocol`."""

    heeded = CLIENTS
    longest_query = 8 * 1024
    rounds = Rounds(each=EACH)
    """The rounds of the event loop. In each round, a few requests begin. Requests of one organisation wait for each
    other, and new connections count as one organisation."""
    _held = b""
    """The received bytes of the next request. The request begins with these bytes when its turn comes."""

    def data_received(self, data: bytes) -> None:
        """Handles bytes from the client. Beginning a request is its longest step, and a thousand requests may arrive
        together, so requests begin in rounds."""
        if self._held:
            self._held += data
            self.flow.pause_reading()
        elif not self.at_border or self._unparsed or self._unheard or self.rounds.begins(self._whose()):
            super().data_received(data)
        else:
            self._held = data
            self._unset_keepalive_if_required()
            self.flow.pause_reading()
            self.rounds.wait(self._whose(), self._begin)

    def _whose(self) -> str:
        """Returns the organisation of the connection's last request, as the gate (`http/gate.py`) has found it."""
        return str(self.scope["state"].get("whose", "")) if self.scope else ""

    def _begin(self) -> bool:
        data, self._held = self._held, b""
        if self.transport.is_closing():
            return False
        self.flow.resume_reading()
        super().data_received(data)
        return True

    def on_headers_complete(self) -> None:
        """Checks the complete head. Refuses a request unless it has exactly one host (RFC 9112 §3.2). If there were
        two, a proxy might use the other host, and upload addresses are built from the host."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            self.break_off(400, "The request must have exactly one Host header.")
        super().on_headers_complete()

    def refusal(self, status: int, message: str) -> tuple[bytes, bytes]:
        """Returns the content type and the body of a refusal: an error in the contract's envelope."""
        kind = _KINDS.get(status, RequestUnreadableError)
        return b"application/json", json.dumps(envelope(kind(reason=message)), separators=(",", ":")).encode()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Returns false, which closes the connection. The client has disconnected, so the rest of its body will never
        arrive, and nobody follows its streams."""
        return False
