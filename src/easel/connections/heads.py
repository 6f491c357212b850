"""The headers that are read, and the limit of each. All other headers and longer values are dropped at the
connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

MOST_LINES = 200
"""Maximum number of header lines of one request. A request with more lines is refused with 431. Browsers and proxies
send less than half as many."""
LONGEST_PATH = 16 * 1024
"""Maximum number of bytes of a request's path. A longer path is refused with 414. A file's path has at most 9 KiB,
fully escaped."""
MOST_ESCAPES = 4096
"""Maximum number of `%` in a request's path. A path with more is refused with 414. A file's path has at most 3,072.
Decoding one `%` takes as long as decoding twenty other bytes, and a path is decoded up to three times."""


class HeadRefusedError(Exception):
    """The head of a request is refused. Holds the HTTP status of the response, and the reason as a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Bound(NamedTuple):
    """The limit of a header's value in bytes, over all its lines.

    A longer value counts as empty, because HTTP allows a server to ignore the header, or because an empty value is
    refused later. If `refused` is true, a request with a longer value gets 431 (RFC 6585 §5).
    """

    most: int
    refused: bool = False


Heeded = Mapping[bytes, Bound]

FRAMING: Final[Heeded] = {
    b"connection": Bound(256, refused=True),
    b"content-length": Bound(19, refused=True),
    b"expect": Bound(64, refused=True),
    b"host": Bound(1024, refused=True),
    b"transfer-encoding": Bound(64, refused=True),
    b"upgrade": Bound(256, refused=True),
}
"""Headers that every server reads. The limit of `Host` is longer than any host name (RFC 1035 §2.3.4: 253 bytes, and a
port)."""

VISITORS: Final[Heeded] = {
    **FRAMING,
    b"accept": Bound(4096),
    b"accept-encoding": Bound(256),
    b"accept-language": Bound(512),
    b"cookie": Bound(16384),
    b"if-match": Bound(4096),
    b"if-modified-since": Bound(64),
    b"if-none-match": Bound(4096),
    b"if-range": Bound(128),
    b"if-unmodified-since": Bound(64),
    b"proxy-connection": Bound(256),
    b"range": Bound(64),
    b"sec-fetch-dest": Bound(64),
    b"sec-fetch-mode": Bound(64),
    b"service-worker": Bound(64),
}
"""The request headers that the edge reads, with the limit of each."""

WEBHOOKS: Final[Heeded] = {
    b"webhook-id": Bound(256),
    b"webhook-signature": Bound(1024),
    b"webhook-timestamp": Bound(32),
    b"x-delivery": Bound(256),
    b"x-event-key": Bound(256),
    b"x-forgejo-delivery": Bound(256),
    b"x-forgejo-event": Bound(256),
    b"x-forgejo-signature": Bound(256),
    b"x-gitea-delivery": Bound(256),
    b"x-gitea-event": Bound(256),
    b"x-gitea-signature": Bound(256),
    b"x-github-delivery": Bound(256),
    b"x-github-event": Bound(256),
    b"x-gitlab-event": Bound(256),
    b"x-gitlab-token": Bound(256),
    b"x-hub-signature": Bound(256),
    b"x-hub-signature-256": Bound(256),
    b"x-request-id": Bound(256),
    b"x-request-uuid": Bound(256),
}
"""The headers of webhooks of Git hosts that the api reads, with the limit of each."""

CLIENTS: Final[Heeded] = {
    **FRAMING,
    **WEBHOOKS,
    b"accept": Bound(4096),
    b"authorization": Bound(256),
    b"content-type": Bound(256),
    b"idempotency-key": Bound(256),
    b"if-modified-since": Bound(64),
    b"if-none-match": Bound(4096),
    b"if-range": Bound(128),
    b"last-event-id": Bound(100),
    b"range": Bound(1024),
    b"x-forwarded-for": Bound(1024),
    b"x-forwarded-proto": Bound(64),
    b"x-namespace": Bound(1024, refused=True),
}
"""Headers that the api reads. A key or Idempotency-Key that is too long is refused like any malformed value."""


def value_of(lines: list[bytes], most: int) -> bytes:
    """Returns the value of a header from its lines, as one list (RFC 9110 §5.3). The value is empty if it is too
    long."""
    if sum(map(len, lines)) + 2 * len(lines) > most + 2:
        return b""
    return b", ".join(lines)
