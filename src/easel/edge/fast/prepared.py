"""Prepared answers: complete except for the date and the request id, which change with every request."""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from easel.edge import weights
from easel.edge.cache.inflated import Borrow
from easel.edge.cache.mapped_body import MappedBody
from easel.edge.recorder import Tally
from easel.serving.models import Answer
from easel.serving.negotiate import Accepted
from easel.serving.respond import Headers, Representations, without_content

PREPARED_LARGEST = 64 * 1024
"""Maximum size in bytes of a body that is held in memory. Larger bodies are sent from the bundle."""
MAPPED_LARGEST = 4 * 1024 * 1024
"""Maximum size in bytes of a body that is written at once from a mapped bundle, and is then counted as sent."""

Key = tuple[bytes, int]
"""The path as requested, without its query, and the code of the accepted encodings."""

_JOINED_LARGEST = 8 * 1024
"""Maximum size in bytes of a body that is written in one piece with its head. Copying a larger body costs more than a
second write, because with many connections, the copies exceed the processor's cache."""
COPIED_SMALLEST: Final = 12 * 1024
"""Minimum size in bytes of a body that is copied into a file in memory, so that the system sends it without copying it
again. For a smaller body, the second system call costs more than a copy."""
_IDS_AT_ONCE: Final = 256
_IDS: Final = struct.Struct("16s" * _IDS_AT_ONCE)
_codes: dict[Accepted, int] = {}


def code_of(accepted: Accepted) -> int:
    """Returns a small number for the encodings that a client accepts. There are few such sets of encodings."""
    return _codes.setdefault(accepted, len(_codes))


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """The bytes of a response after its request id: for a GET (in one or several pieces), a HEAD and a 304.
    `size` is the length of the body in bytes. `tally` counts the response."""

    first: bytes
    rest: bytes | None
    head: bytes
    not_modified: bytes
    etag: bytes
    size: int
    tally: Tally
    page: Representations | None = None
    """The cached page whose body is `rest`. None if `rest` is not the body of a cached page."""
    copied: MappedBody | None = None
    """The body in a file in memory."""
    mapped_body: MappedBody | None = None
    """The body in a mapped file. `first` contains the bytes before the body."""
    borrow: Borrow | None = None
    """Returns a body that another cache holds."""
    moved: bytes | None = None
    """The status line of a redirect whose address has no query."""
    status: int = 200

    @property
    def weight(self) -> int:
        """Returns the approximate memory in bytes, without the cached page."""
        body = len(self.rest) if self.rest is not None and self.page is None else 0
        body += len(self.first) if self.rest is None else 0
        body += self.size + weights.MAPPED if self.copied is not None else 0
        return body + len(self.head) + len(self.not_modified) + weights.PREPARED


def prepare(
    answer: Answer,
    body: bytes,
    tally: Tally,
    page: Representations | None = None,
    copied: MappedBody | None = None,
) -> PreparedAnswer:
    """Returns the prepared form of a response with status 200 and an ETag. `page` is the cached page of the body, if
    there is one. `copied` is the body in a file in memory, if there is one."""
    head = _lines(answer.headers)
    return PreparedAnswer(
        first=head + body if len(body) <= _JOINED_LARGEST else head,
        rest=body if len(body) > _JOINED_LARGEST and copied is None else None,
        head=head,
        not_modified=_lines(without_content(answer.headers)),
        etag=_etag(answer),
        size=len(body),
        tally=tally,
        page=page if len(body) > _JOINED_LARGEST else None,
        copied=copied,
    )


def prepare_mapped(
    answer: Answer, body: MappedBody | None, tally: Tally, borrow: Borrow | None = None
) -> PreparedAnswer:
    """Returns the prepared form of a response whose body is in a mapped file, or can be borrowed."""
    head = _lines(answer.headers)
    return PreparedAnswer(
        first=head if body is None else head + body.before,
        rest=b"",
        mapped_body=body,
        borrow=borrow,
        head=head,
        not_modified=_lines(without_content(answer.headers)),
        etag=_etag(answer),
        size=answer.length,
        tally=tally,
    )


def prepare_redirect(answer: Answer, tally: Tally) -> PreparedAnswer:
    """Returns the prepared form of a redirect."""
    line = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n".encode()
    head = _lines(answer.headers)
    return PreparedAnswer(head, None, head, b"", b"", 0, tally, moved=line, status=answer.status)


def _etag(answer: Answer) -> bytes:
    return next(value for name, value in answer.headers if name == b"etag")


def _lines(headers: Headers) -> bytes:
    """Returns the line end of the request id, and all further lines."""
    return b"".join(b"\r\n" + name + b": " + value for name, value in headers) + b"\r\n\r\n"


class Stamp:
    """The first lines of prepared answers: the status, uvicorn's date header, and the request id.

    All lines except the request id are cached until the date changes. Request ids are random, because a counter would
    show a visitor of one app the number of requests to other apps. They are generated in batches, which saves time.
    """

    __slots__ = ("changed", "defaults", "identities", "lines", "unchanged")

    def __init__(self) -> None:
        self.identities: list[bytes] = []
        """The digits of request ids, as many as `ids.new_id` returns. Each response takes one id."""
        self.defaults: list[tuple[bytes, bytes]] | None = None
        self.changed = b""
        """The first lines of a response with status 200."""
        self.unchanged = b""
        """The first lines of a response with status 304."""
        self.lines = b""
        """The lines of a response with any other status, after the status line."""

    def renew(self, defaults: list[tuple[bytes, bytes]]) -> None:
        """Generates request ids if none are left. Generates the lines again if the default headers have changed, such
        as the date."""
        if not self.identities:
            digits = secrets.token_bytes(8 * _IDS_AT_ONCE).hex()
            self.identities.extend(_IDS.unpack(digits.encode()))
        if defaults is self.defaults:
            return
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in defaults)
        lines += b"x-request-id: req_"
        self.lines = lines
        self.changed = b"HTTP/1.1 200 OK\r\n" + lines
        self.unchanged = b"HTTP/1.1 304 Not Modified\r\n" + lines
        self.defaults = defaults
