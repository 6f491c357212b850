"""Builds the response from the chain's decision: the representation, its headers, and conditions and ranges."""

from __future__ import annotations

import msgspec

from easel.bundles.codings import plain_name
from easel.bundles.models import DEFLATED, ZSTANDARD
from easel.bundles.read import gzip_length
from easel.bundles.restarts import Restarts
from easel.bundles.types import content_type, is_compressible
from easel.serving.models import Answer, BundleSlice, DeferredBody, Encoding, File, FixedAnswer, Request, Site
from easel.serving.negotiate import (
    PREFERENCE,
    byte_range,
    choose_encoding,
    etag,
    http_date,
    not_modified,
    range_applies,
)
from easel.serving.variants import SMALLEST

Headers = tuple[tuple[bytes, bytes], ...]
_GZIP_SMALLEST, _GZIP_LARGEST = 256, 1024 * 1024
"""Minimum and maximum size (bytes) of a file that is compressed to gzip during a request, if there is no variant."""

NO_SNIFF = (b"x-content-type-options", b"nosniff")


class Representations(msgspec.Struct, frozen=True, weakref=True):
    """The encodings in which a file can be sent, and the hash from which its ETags are built.

    `bodies` contains the bodies in memory by encoding. Bodies that are not listed are read from the bundle: identity,
    and, if the type is worth compressing, gzip of a deflated member and zstd of a Zstandard member. Bodies in `lengths`
    (0 if unknown) are compressed only when they are sent. `restarts` are the restart points of a long deflated member.
    """

    hash: str
    size: int
    bodies: dict[Encoding, bytes | memoryview]
    lengths: dict[Encoding, int] = {}
    restarts: Restarts | None = None


class Variants(msgspec.Struct, frozen=True):
    """The data that a background job has added to a file: bodies in other encodings, and restart points."""

    bodies: dict[Encoding, bytes | memoryview] = {}
    restarts: Restarts | None = None


def representations(file: File, variants: Variants | None = None) -> Representations:
    """Returns the encodings in which a file can be sent unchanged, including its variants if there are any."""
    made = variants or Variants()
    return Representations(file.member.hash, file.member.size, dict(made.bodies), restarts=made.restarts)


def answer_file(site: Site, file: File, ready: Representations, request: Request) -> Answer:
    """Returns the response that sends a file: 200 or the file's own status, 206, 304 or 416. `ready` contains the
    available bodies. HEAD gets the same response as GET. Stages may add headers.

    Conditions are evaluated in the order of RFC 9110 §13.2.2. A range always refers to the unencoded content.
    """
    available = _available(file, ready)
    encoding = choose_encoding(request.accept_encoding, available)
    type_ = file.member.type if encoding == "identity" else _encoded_type(file)
    tag = etag(ready.hash, encoding, 0 if ready.lengths else _length(file, ready, encoding))
    # If the file gets a variant later, the choice of the encoding may change.
    varies = len(available) > 1 or is_compressible(file.member.type)
    headers = _headers(site, file, tag, type_, varies=varies)
    if file.status != 200:
        return _whole(file, ready, encoding, headers)
    if not_modified(tag, site.modified_at, request.if_none_match, request.if_modified_since):
        return Answer(304, without_content(headers), b"", 0, source=file.source)
    if request.range is None:
        return _whole(file, ready, encoding, headers)
    plain = etag(ready.hash, "identity")
    headers_plain = _headers(site, file, plain, file.member.type, varies=varies)
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


def needs_gzip(file: File, ready: Representations, request: Request, *, has_variants: bool) -> bool:
    """Returns true if gzip is the client's best choice, but this form of the file must be built first. The file is then
    small and worth compressing, the member is not deflated, and there is no variant."""
    member = file.member
    largest = SMALLEST - 1 if has_variants else _GZIP_LARGEST
    is_made = member.method != DEFLATED and _GZIP_SMALLEST <= member.size <= largest and member.coding is None
    if request.range is not None or not is_made or not is_compressible(member.type):
        return False
    available = _available(file, ready)
    could: list[Encoding] = [*available[:-1], "gzip", "identity"]
    return "gzip" not in available and choose_encoding(request.accept_encoding, could) == "gzip"


def without_content(headers: Headers) -> Headers:
    """Returns those headers of a 200 that the corresponding 304 repeats. Headers about the content are left out (RFC
    9110 §15.4.5)."""
    return tuple(one for one in headers if not one[0].startswith(b"content-") and one[0] != b"accept-ranges")


def _available(file: File, ready: Representations) -> list[Encoding]:
    """Returns the encodings in which a file can be sent, the smallest first. If lengths are unknown, the encodings are
    ordered by their usual size."""
    if file.member.coding is not None:
        return [file.member.coding, "identity"]
    if ready.lengths:
        return [one for one in PREFERENCE if one in ready.lengths or one in ready.bodies]
    made = [*ready.bodies] if "identity" in ready.bodies else [*ready.bodies, "identity", _stored_encoding(file)]
    if made == ["identity", "identity"]:
        return ["identity"]
    lengths = {encoding: _length(file, ready, encoding) for encoding in made}
    smallest = sorted(lengths, key=lambda one: (lengths[one], one != "identity", PREFERENCE.index(one)))
    return smallest[: smallest.index("identity") + 1]


def _stored_encoding(file: File) -> Encoding:
    """Returns the encoding that a member's raw bytes in the bundle have. Returns identity if the file's type is not
    worth compressing."""
    member = file.member
    if not is_compressible(member.type):
        return "identity"
    return "gzip" if member.method == DEFLATED else "zstd" if member.method == ZSTANDARD else "identity"


def _length(file: File, ready: Representations, encoding: Encoding) -> int:
    """Returns the length (bytes) of a file's body in this encoding. Returns 0 if the length is unknown."""
    body = ready.bodies.get(encoding)
    if body is not None:
        return len(body)
    if encoding in ready.lengths:
        return ready.lengths[encoding]
    if encoding == "identity" or file.member.coding is not None:
        return file.member.size
    return gzip_length(file.member) if encoding == "gzip" else file.member.length


def _encoded_type(file: File) -> str:
    """Returns the media type of the decoded body. This is the file's own type, or the type inside a compressed file
    (JavaScript for `app.js.gz`)."""
    return file.member.type if file.member.coding is None else content_type(plain_name(file.path))


def _headers(site: Site, file: File, tag: str, type_: str, *, varies: bool) -> Headers:
    return (
        (b"content-type", type_.encode()),
        (b"etag", tag.encode()),
        (b"last-modified", http_date(site.modified_at).encode()),
        (b"cache-control", file.cache_control.encode()),
        (b"accept-ranges", b"bytes"),
        *_vary(*(("Accept-Encoding",) if varies else ()), *file.varies),
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
    part: memoryview | BundleSlice | DeferredBody
    if body is not None:
        part = memoryview(body)[start:stop]
    elif "identity" in ready.lengths:
        part = DeferredBody("identity")
    else:
        restart = ready.restarts.reaching(start, stop, file.member.length) if ready.restarts is not None else None
        part = BundleSlice(file.member, file.source, "identity", start, stop, restart)
    return Answer(206, headers, part, stop - start, of=ready, source=file.source)


def _whole(file: File, ready: Representations, encoding: Encoding, common: Headers) -> Answer:
    body, length = _body(file, ready, encoding)
    headers = (*common, (b"content-length", str(length).encode()))
    if encoding != "identity":
        headers = (*headers, (b"content-encoding", encoding.encode()))
    return Answer(file.status, headers, body, length, of=ready, source=file.source)


def _body(
    file: File, ready: Representations, encoding: Encoding
) -> tuple[bytes | memoryview | BundleSlice | DeferredBody, int]:
    length = _length(file, ready, encoding)
    body = ready.bodies.get(encoding)
    if body is not None:
        return body, length
    if encoding in ready.lengths:
        return DeferredBody(encoding), length
    as_it_lies = encoding if file.member.coding is None else "identity"
    return BundleSlice(file.member, file.source, as_it_lies, 0, length), length


def answer_fixed(fixed: FixedAnswer) -> Answer:
    """Returns the complete response of a redirect, an error, or any other result without a file."""
    headers: Headers = (
        (b"content-type", fixed.content_type.encode()),
        (b"content-length", str(len(fixed.body)).encode()),
        (b"cache-control", fixed.cache_control.encode()),
    )
    if fixed.location is not None:
        headers = (*headers, (b"location", fixed.location.encode()))
    if fixed.varies:
        headers = (*headers, *_vary(*fixed.varies))
    if fixed.status == 405:
        headers = (*headers, (b"allow", b"GET, HEAD"))
    headers = (*headers, NO_SNIFF)
    return Answer(fixed.status, headers, fixed.body, len(fixed.body))


def _vary(*names: str) -> Headers:
    return ((b"vary", ", ".join(names).encode()),) if names else ()
