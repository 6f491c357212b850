"""Making the answer: headers, representation, condition, range. The last link of the chain."""

from __future__ import annotations

from dataclasses import dataclass

from easel.bundles.models import DEFLATED
from easel.bundles.read import gzip_frame
from easel.serving.models import Answer, Encoding, File, Fixed, Part, Request, Site
from easel.serving.negotiate import byte_range, choose_encoding, etag, http_date, not_modified, range_applies

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Representations:
    """The ready bodies of a file by encoding, where there are any, and the hash its ETags are made of.

    Bodies that are missing lie in the bundle: identity always, gzip where the member is deflated.
    """

    hash: str
    size: int
    bodies: dict[Encoding, bytes]


def representations(file: File, brotli: bytes | None = None) -> Representations:
    """The representations of a file that is sent as it lies, with its brotli variant where there is one."""
    return Representations(hash=file.member.hash, size=file.member.size, bodies={"br": brotli} if brotli else {})


def answer_file(site: Site, file: File, ready: Representations, request: Request) -> Answer:
    """The answer that sends a file: 200 or the file's own status, 206, 304 or 416."""
    available: list[Encoding] = list(ready.bodies)
    if "identity" not in ready.bodies:
        available.append("identity")
        if file.member.method == DEFLATED:
            available.append("gzip")
    ranged = request.range is not None and request.method == "GET" and file.status == 200
    encoding: Encoding = "identity" if ranged else choose_encoding(request.accept_encoding, available)
    tag = etag(ready.hash, encoding)
    varies = len(available) > 1
    common = (
        (b"content-type", file.member.type.encode()),
        (b"etag", tag.encode()),
        (b"last-modified", http_date(site.modified_at).encode()),
        (b"cache-control", file.cache_control.encode()),
        (b"accept-ranges", b"bytes"),
        *(((b"vary", b"Accept-Encoding"),) if varies else ()),
        *site_headers(site, file.source),
    )
    if file.status == 200 and not_modified(tag, site.modified_at, request.if_none_match, request.if_modified_since):
        return Answer(304, common[1:], b"", 0)
    if ranged and range_applies(tag, site.modified_at, request.if_range):
        assert request.range is not None
        try:
            wanted = byte_range(request.range, ready.size)
        except ValueError:
            unsatisfied = (b"content-range", f"bytes */{ready.size}".encode())
            return Answer(416, (unsatisfied, (b"content-length", b"0"), *common[1:]), b"", 0)
        if wanted is not None:
            return _partial(file, ready, common, *wanted)
    if ranged:
        encoding = choose_encoding(request.accept_encoding, available)
        tag = etag(ready.hash, encoding)
        common = (common[0], (b"etag", tag.encode()), *common[2:])
    body, length = _whole(file, ready, encoding)
    headers = (*common, (b"content-length", str(length).encode()))
    if encoding != "identity":
        headers = (*headers, (b"content-encoding", encoding.encode()))
    return Answer(file.status, headers, body, length)


def _partial(file: File, ready: Representations, common: Headers, start: int, stop: int) -> Answer:
    headers = (
        *common,
        (b"content-range", f"bytes {start}-{stop - 1}/{ready.size}".encode()),
        (b"content-length", str(stop - start).encode()),
    )
    body = ready.bodies.get("identity")
    part = Part(file.member, file.source, "identity", start, stop) if body is None else body[start:stop]
    return Answer(206, headers, part, stop - start)


def _whole(file: File, ready: Representations, encoding: Encoding) -> tuple[bytes | Part, int]:
    body = ready.bodies.get(encoding)
    if body is not None:
        return body, len(body)
    if encoding == "gzip":
        header, trailer = gzip_frame(file.member)
        length = len(header) + file.member.length + len(trailer)
        return Part(file.member, file.source, "gzip", 0, length), length
    return Part(file.member, file.source, "identity", 0, file.member.size), file.member.size


def answer_fixed(fixed: Fixed, site: Site | None = None) -> Answer:
    """The answer for something that needs no file."""
    headers: Headers = (
        (b"content-type", fixed.content_type.encode()),
        (b"content-length", str(len(fixed.body)).encode()),
        (b"cache-control", fixed.cache_control.encode()),
        *(((b"location", fixed.location.encode()),) if fixed.location is not None else ()),
        *(((b"allow", b"GET, HEAD"),) if fixed.status == 405 else ()),
        *(site_headers(site, site) if site is not None else ((b"x-content-type-options", b"nosniff"),)),
    )
    return Answer(fixed.status, headers, fixed.body, len(fixed.body))


def site_headers(site: Site, source: Site) -> Headers:
    """The headers every answer of a site carries. `source` is the version the bytes are from."""
    headers: Headers = (
        (b"x-content-type-options", b"nosniff"),
        (b"x-easel-version", str(source.version).encode()),
    )
    return headers if site.indexable else (*headers, (b"x-robots-tag", b"noindex"))
