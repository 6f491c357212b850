"""Prepared answers: the bytes of responses that lack only the date and the request id, which change with every
request."""

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
"""Maximum size in bytes of a body that a prepared answer holds in memory. Larger bodies are sent from the bundle."""
MAPPED_LARGEST = 4 * 1024 * 1024
"""Maximum size in bytes of a body that is written at once from a memory-mapped bundle. Its bytes count as sent after
that write."""

Key = tuple[bytes, int]
"""The key of a prepared answer: the path as requested, without its query, and the number that `code_of` returns for the
accepted encodings."""

_JOINED_LARGEST: Final = 8 * 1024
"""Maximum size in bytes of a body that is written in one piece with its head. Copying a larger body costs more than a
second write, because with many connections, the copies exceed the processor's cache."""
COPIED_SMALLEST: Final = 12 * 1024
"""Minimum size in bytes of a body that is copied into a file in memory, so that the system sends it without copying it
again. For a smaller body, the second system call costs more than a copy."""
_IDS_AT_ONCE: Final = 256
_IDS: Final = struct.Struct("20s" * _IDS_AT_ONCE)
_codes: dict[Accepted, int] = {}


def code_of(accepted: Accepted) -> int:
    """Returns a small number for the encodings that a client accepts. Clients send only a few different sets of
    encodings."""
    return _codes.setdefault(accepted, len(_codes))


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """A response that is ready to be sent, except for its first lines, which contain the date, and its request id.

    `head` are the header lines up to the digits of the request id, and `not_modified` are the same lines of a 304.
    `joined` and `rest` are the body: `joined` is written in one piece with the head. `size` is the length of the body
    in bytes. `tally` counts the response.
    """

    head: bytes
    not_modified: bytes
    joined: bytes
    rest: bytes | None
    etag: bytes
    size: int
    tally: Tally
    page: Representations | None = None
    """The cached page whose body is `rest`. None if `rest` is not the body of a cached page."""
    copied: MappedBody | None = None
    """The body in a file in memory, or None. The system sends such a body without copying it."""
    mapped_body: MappedBody | None = None
    """The body in a memory-mapped file, or None. If it is set, `joined` contains the bytes that are sent before the
    body."""
    borrow: Borrow | None = None
    """A function that returns the body as long as another cache holds it, or None if the body is in no such cache."""
    moved: bytes | None = None
    """The status line of a redirect. It is set only for redirects, and the redirect is sent only for addresses without
    a query."""
    status: int = 200

    @property
    def weight(self) -> int:
        """Returns the approximate memory of the response in bytes, without the cached page."""
        body = len(self.rest) if self.rest is not None and self.page is None else 0
        body += len(self.joined)
        body += self.size + weights.MAPPED if self.copied is not None else 0
        return body + len(self.head) + len(self.not_modified) + weights.PREPARED


def prepare(
    answer: Answer,
    body: bytes,
    tally: Tally,
    page: Representations | None = None,
    copied: MappedBody | None = None,
) -> PreparedAnswer:
    """Prepares a response with status 200 and an ETag for the fast path. `page` is the cached page that the body
    belongs to. `copied` is the body in a file in memory. Each of them is None if there is none."""
    return PreparedAnswer(
        head=_lines(answer.headers),
        not_modified=_lines(without_content(answer.headers)),
        joined=body if len(body) <= _JOINED_LARGEST else b"",
        rest=body if len(body) > _JOINED_LARGEST and copied is None else None,
        etag=_etag(answer),
        size=len(body),
        tally=tally,
        page=page if len(body) > _JOINED_LARGEST else None,
        copied=copied,
    )


def prepare_mapped(
    answer: Answer, body: MappedBody | None, tally: Tally, borrow: Borrow | None = None
) -> PreparedAnswer:
    """Prepares a response whose body is in a memory-mapped file (`body`) or can be borrowed from another cache
    (`borrow`), so that the fast path can send it."""
    return PreparedAnswer(
        head=_lines(answer.headers),
        not_modified=_lines(without_content(answer.headers)),
        joined=b"" if body is None else body.before,
        rest=b"",
        mapped_body=body,
        borrow=borrow,
        etag=_etag(answer),
        size=answer.length,
        tally=tally,
    )


def prepare_redirect(answer: Answer, tally: Tally) -> PreparedAnswer:
    """Prepares a redirect response for the fast path, which sends it from memory. `tally` counts it."""
    line = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n".encode()
    return PreparedAnswer(_lines(answer.headers), b"", b"", None, b"", 0, tally, moved=line, status=answer.status)


def _etag(answer: Answer) -> bytes:
    return next(value for name, value in answer.headers if name == b"etag")


def _lines(headers: Headers) -> bytes:
    """Returns the lines of `headers`, and the line of the request id up to its digits."""
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers) + b"x-request-id: req_"


class Stamp:
    """The parts in which the fast path's responses to one request differ: the first lines, which are the status and
    uvicorn's date header, and the digits of the request id, which end the head.

    The lines are cached until the date changes. Request ids are random, because a counter would show a visitor of one
    app the number of requests to other apps. They are generated in batches, which saves time.
    """

    __slots__ = ("changed", "defaults", "identities", "lines", "unchanged")

    def __init__(self) -> None:
        self.identities: list[bytes] = []
        """The digits of request ids, as many as `ids.new_id` returns, each with the end of a head. Each response takes
        one id."""
        self.defaults: list[tuple[bytes, bytes]] | None = None
        self.changed = b""
        """The first lines of every response with status 200."""
        self.unchanged = b""
        """The first lines of every response with status 304."""
        self.lines = b""
        """The lines after the status line of a response with any other status."""

    def renew(self, defaults: list[tuple[bytes, bytes]]) -> None:
        """Generates new request ids if none are left. Builds the first lines again if `defaults`, the server's default
        headers such as the date, have changed."""
        if not self.identities:
            digits = secrets.token_bytes(8 * _IDS_AT_ONCE).hex("\n", 8) + "\n"
            self.identities.extend(_IDS.unpack(digits.encode().replace(b"\n", b"\r\n\r\n")))
        if defaults is self.defaults:
            return
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in defaults)
        self.lines = lines
        self.changed = b"HTTP/1.1 200 OK\r\n" + lines
        self.unchanged = b"HTTP/1.1 304 Not Modified\r\n" + lines
        self.defaults = defaults
