"""Prepared answers: complete but for the date and the request's id, which change with every request."""

from __future__ import annotations

from dataclasses import dataclass

from easel.serving.models import Answer, Encoding

PREPARED_LARGEST = 64 * 1024
"""The largest body (bytes) that is kept ready in memory. Larger ones are streamed from the bundle."""

Key = tuple[bytes, tuple[Encoding, ...]]
"""The path as it was asked for, without its query, and the encodings the client accepts, best first."""

_OVERHEAD = 600


@dataclass(frozen=True, slots=True)
class Prepared:
    """The parts of an answer on the wire. `head` and `not_modified` end with a header's line break."""

    head: bytes
    body: bytes
    etag: bytes
    not_modified: bytes

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory."""
        return len(self.head) + len(self.body) + len(self.not_modified) + _OVERHEAD


def prepare(answer: Answer, body: bytes) -> Prepared:
    """The prepared form of a 200 that has an ETag."""
    lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
    # RFC 9110 §15.4.5: a 304 repeats what concerns caching and leaves out what describes the body.
    kept = [line for line in lines if not line.startswith((b"content-", b"accept-ranges"))]
    return Prepared(
        head=b"HTTP/1.1 200 OK\r\n" + b"".join(lines),
        body=body,
        etag=next(value for name, value in answer.headers if name == b"etag"),
        not_modified=b"HTTP/1.1 304 Not Modified\r\n" + b"".join(kept),
    )
