"""Prepared answers: complete but for the date and the request's id, which change with every request."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from easel.serving.models import Answer, Encoding

PREPARED_LARGEST = 64 * 1024
"""The largest body (bytes) that is kept ready in memory. Larger ones are streamed from the bundle."""

Key = tuple[bytes, int]
"""The path as it was asked for, without its query, and the code of the encodings the client accepts."""

_JOINED_LARGEST = 8 * 1024
"""The largest body (bytes) that is written in one piece with its head. Copying a larger one, for every one of many
connections, costs more than handing the system two pieces: the copies do not fit in the processor's cache."""
_OVERHEAD = 600
_PREFIX: Final = secrets.token_hex(4).encode()
_LAST_DIGITS: Final = tuple(b"%02x\r\n" % number for number in range(256))
_codes: dict[tuple[Encoding, ...], int] = {}


def code_of(accepted: tuple[Encoding, ...]) -> int:
    """A small number for the encodings a client accepts, best first; there are few such tuples."""
    return _codes.setdefault(accepted, len(_codes))


@dataclass(frozen=True, slots=True)
class Prepared:
    """The parts of an answer on the wire that follow the lines of a `Stamp`: a GET's (in one piece, or in two), a
    HEAD's, and a 304's."""

    first: bytes
    rest: bytes | None
    head: bytes
    not_modified: bytes
    etag: bytes

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory."""
        return len(self.first) + len(self.rest or b"") + len(self.head) + len(self.not_modified) + _OVERHEAD


def prepare(answer: Answer, body: bytes) -> Prepared:
    """The prepared form of a 200 that has an ETag."""
    lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
    # RFC 9110 §15.4.5: a 304 repeats what concerns caching and leaves out what describes the body.
    kept = [line for line in lines if not line.startswith((b"content-", b"accept-ranges"))]
    head = b"".join(lines) + b"\r\n"
    return Prepared(
        first=head + body if len(body) <= _JOINED_LARGEST else head,
        rest=body if len(body) > _JOINED_LARGEST else None,
        head=head,
        not_modified=b"".join(kept) + b"\r\n",
        etag=next(value for name, value in answer.headers if name == b"etag"),
    )


class Stamp:
    """The first lines of prepared answers: status, what uvicorn adds to every answer (the date), the request's id.

    All but the id's last two digits is made once for 256 answers, or until the date changes.
    """

    __slots__ = ("_number", "changed", "defaults", "unchanged")

    def __init__(self) -> None:
        self._number = 0
        self.defaults: list[tuple[bytes, bytes]] | None = None
        self.changed = b""
        """For a 200."""
        self.unchanged = b""
        """For a 304."""

    def next(self, defaults: list[tuple[bytes, bytes]]) -> bytes:
        """Counts one answer on and gives the last digits of its id; what goes before them is in the two fields."""
        self._number = number = self._number + 1
        last = number & 0xFF
        if last == 0 or defaults is not self.defaults:
            self._renew(number >> 8, defaults)
        return _LAST_DIGITS[last]

    def _renew(self, block: int, defaults: list[tuple[bytes, bytes]]) -> None:
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in defaults)
        lines += b"x-request-id: req_%b%08x" % (_PREFIX, block)
        self.changed = b"HTTP/1.1 200 OK\r\n" + lines
        self.unchanged = b"HTTP/1.1 304 Not Modified\r\n" + lines
        self.defaults = defaults
