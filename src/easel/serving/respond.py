"""Making the answer of what the chain has found: headers, representation, condition, range."""

from __future__ import annotations

from dataclasses import dataclass, field

from easel.bundles.models import DEFLATED, ZSTANDARD, Member
from easel.bundles.read import gzip_length
from easel.bundles.types import is_compressible
from easel.serving.models import Answer, Encoding, File, Fixed, Part, Request, Site, Unmade
from easel.serving.negotiate import (
    PREFERENCE,
    byte_range,
    choose_encoding,
    etag,
    http_date,
    not_modified,
    range_applies,
)

Headers = tuple[tuple[bytes, bytes], ...]
_GZIP_SMALLEST, _GZIP_LARGEST = 256, 1024 * 1024
"""Sizes (bytes) of files of which gzip is made when somebody asks for it."""

NO_SNIFF = (b"x-content-type-options", b"nosniff")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Representations:
    """The ready bodies of a file by encoding, where there are any, and the hash its ETags are made of.

    Bodies that are missing lie in the bundle: identity always; gzip where the member is deflated, and zstd where it is
    compressed so, if its type is worth an encoding. Those of which `lengths` tells (0 where even that is not known) are
    made only when they are sent.
    """

    hash: str
    size: int
    bodies: dict[Encoding, bytes]
    lengths: dict[Encoding, int] = field(default_factory=dict)


def representations(file: File, brotli: bytes | None = None) -> Representations:
    """The representations of a file that is sent as it lies, with its brotli variant where there is one."""
    return Representations(hash=file.member.hash, size=file.member.size, bodies={"br": brotli} if brotli else {})


def answer_file(site: Site, file: File, ready: Representations, request: Request) -> Answer:
    """The answer that sends a file: 200 or the file's own status, 206, 304 or 416; to HEAD the same as to GET.

    Stages add to its headers. Conditions are weighed in the order of RFC 9110 §13.2.2. A range is always one of
    the content as it is, unencoded.
    """
    available = _available(file, ready)
    encoding = choose_encoding(request.accept_encoding, available)
    tag = etag(ready.hash, encoding)
    # What is worth an encoding may be available in one later.
    varies = len(available) > 1 or is_compressible(file.member.type)
    headers = _headers(site, file, tag, varies=varies)
    if file.status != 200:
        return _whole(file, ready, encoding, headers)
    if not_modified(tag, site.modified_at, request.if_none_match, request.if_modified_since):
        return Answer(304, without_content(headers), b"", 0, source=file.source)
    if request.range is None:
        return _whole(file, ready, encoding, headers)
    plain = etag(ready.hash, "identity")
    headers_plain = _headers(site, file, plain, varies=varies)
    if not_modified(plain, site.modified_at, request.if_none_match, None):
        return Answer(304, without_content(headers_plain), b"", 0, source=file.source)
    if not range_applies(plain, site.modified_at, request.if_range):
        return _whole(file, ready, encoding, headers)
    try:
        wanted = byte_range(request.range, ready.size)
    except ValueError:
        return _unsatisfied(file, ready.size)
    if wanted is None:
        return _whole(file, ready, encoding, headers)
    return _partial(file, ready, headers_plain, *wanted)


def needs_gzip(file: File, ready: Representations, request: Request) -> bool:
    """Whether gzip is the best that the client accepts, and has to be made: of a small file that is worth it and is not
    deflated in its bundle."""
    member = file.member
    if request.range is not None:
        return False
    if (
        member.method == DEFLATED
        or not _GZIP_SMALLEST <= member.size <= _GZIP_LARGEST
        or not is_compressible(member.type)
    ):
        return False
    available = _available(file, ready)
    could: list[Encoding] = [*available[:-1], "gzip", "identity"]
    return "gzip" not in available and choose_encoding(request.accept_encoding, could) == "gzip"


def without_content(headers: Headers) -> Headers:
    """What a 304 repeats of a 200's headers: what concerns caching, and nothing that describes the content
    (RFC 9110 §15.4.5)."""
    return tuple(one for one in headers if not one[0].startswith(b"content-") and one[0] != b"accept-ranges")


def _available(file: File, ready: Representations) -> list[Encoding]:
    """The encodings that a file can be sent in: the smallest first, or, where lengths are not known, the one that is
    likely to be."""
    if ready.lengths:
        return [one for one in PREFERENCE if one in ready.lengths or one in ready.bodies]
    lengths = {encoding: len(body) for encoding, body in ready.bodies.items()}
    lengths.setdefault("identity", ready.size)
    encoding = _lies_in(file.member)
    if encoding is not None and "identity" not in ready.bodies:
        lengths.setdefault(encoding, _length(file.member, encoding))
    smallest = sorted(lengths, key=lambda one: (lengths[one], one != "identity", PREFERENCE.index(one)))
    return smallest[: smallest.index("identity") + 1]


def _lies_in(member: Member) -> Encoding | None:
    """The encoding in which the member's raw bytes can be sent, if it is worth one."""
    if not is_compressible(member.type):
        return None
    return "gzip" if member.method == DEFLATED else "zstd" if member.method == ZSTANDARD else None


def _length(member: Member, encoding: Encoding) -> int:
    """The length (bytes) of a body that lies in the bundle."""
    if encoding == "identity":
        return member.size
    return gzip_length(member) if encoding == "gzip" else member.length


def _headers(site: Site, file: File, tag: str, *, varies: bool) -> Headers:
    return (
        (b"content-type", file.member.type.encode()),
        (b"etag", tag.encode()),
        (b"last-modified", http_date(site.modified_at).encode()),
        (b"cache-control", file.cache_control.encode()),
        (b"accept-ranges", b"bytes"),
        *(((b"vary", b"Accept-Encoding"),) if varies else ()),
        NO_SNIFF,
    )


def _unsatisfied(file: File, size: int) -> Answer:
    headers = (
        (b"content-range", f"bytes */{size}".encode()),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
        NO_SNIFF,
    )
    return Answer(416, headers, b"", 0, source=file.source)


def _partial(file: File, ready: Representations, common: Headers, start: int, stop: int) -> Answer:
    headers = (
        *common,
        (b"content-range", f"bytes {start}-{stop - 1}/{ready.size}".encode()),
        (b"content-length", str(stop - start).encode()),
    )
    body = ready.bodies.get("identity")
    part: memoryview | Part | Unmade
    if body is not None:
        part = memoryview(body)[start:stop]
    elif "identity" in ready.lengths:
        part = Unmade("identity")
    else:
        part = Part(file.member, file.source, "identity", start, stop)
    return Answer(206, headers, part, stop - start, of=ready, source=file.source)


def _whole(file: File, ready: Representations, encoding: Encoding, common: Headers) -> Answer:
    body, length = _body(file, ready, encoding)
    headers = (*common, (b"content-length", str(length).encode()))
    if encoding != "identity":
        headers = (*headers, (b"content-encoding", encoding.encode()))
    return Answer(file.status, headers, body, length, of=ready, source=file.source)


def _body(file: File, ready: Representations, encoding: Encoding) -> tuple[bytes | Part | Unmade, int]:
    body = ready.bodies.get(encoding)
    if body is not None:
        return body, len(body)
    if encoding in ready.lengths:
        return Unmade(encoding), ready.lengths[encoding]
    length = _length(file.member, encoding)
    return Part(file.member, file.source, encoding, 0, length), length


def answer_fixed(fixed: Fixed) -> Answer:
    """The answer for something that needs no file."""
    headers: Headers = (
        (b"content-type", fixed.content_type.encode()),
        (b"content-length", str(len(fixed.body)).encode()),
        (b"cache-control", fixed.cache_control.encode()),
        *(((b"location", fixed.location.encode()),) if fixed.location is not None else ()),
        *(((b"allow", b"GET, HEAD"),) if fixed.status == 405 else ()),
        NO_SNIFF,
    )
    return Answer(fixed.status, headers, fixed.body, len(fixed.body))
