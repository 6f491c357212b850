"""Builds pages: the uploaded file, the runtime object in it, and the result in each encoding. Building takes too long
for the event loop, so it runs in threads."""

from __future__ import annotations

import hashlib

import brotli
import zstandard
from isal import isal_zlib

from easel.bundles.inflate import DamagedDataError, inflate, raw
from easel.bundles.models import Member
from easel.bundles.pages import LOOKED_AT
from easel.bundles.read import content as read_content
from easel.serving.models import Encoding
from easel.serving.respond import Representations
from easel.serving.runtime import inject, page_hash, place_in


def warm() -> None:
    """Builds a page before the first visitor comes, because the first page that a thread builds takes a millisecond
    longer."""
    _page(b"<!doctype html>" * 100, "")


def make_page(member: Member, view: memoryview, script: bytes) -> Representations:
    """Returns a page in all encodings. `member` and `view` are the stored file. `script` is written into the page,
    unless it is empty. Raises DamagedDataError."""
    content = _content(member, view)
    place = place_in(member, content) if script else None
    return _page(content, member.hash) if place is None else _page(inject(content, script, place), member.hash, script)


def make_file(content: bytes) -> Representations:
    """Returns generated content, which is in no bundle, in all encodings."""
    return _page(content, hashlib.sha256(content).hexdigest())


def make_body(member: Member, view: memoryview, script: bytes, encoding: Encoding) -> bytes:
    """Returns the body of a page in one encoding, with the script written into it. `member` and `view` are the stored
    file. Raises DamagedDataError."""
    content = _content(member, view)
    place = place_in(member, content)
    return _encoded(content if place is None else inject(content, script, place), encoding)


def takes_script(member: Member, view: memoryview) -> bool:
    """Returns true if a stored page has a place into which a script can be written. Raises DamagedDataError."""
    return place_in(member, next(inflate(raw(member, view), member.method, LOOKED_AT), b"")) is not None


def make_gzip(member: Member, view: memoryview) -> bytes:
    """Returns the content of a stored file as gzip. Raises DamagedDataError."""
    return _encoded(_content(member, view), "gzip")


def _page(page: bytes, content_hash: str, script: bytes = b"") -> Representations:
    bodies: dict[Encoding, bytes | memoryview] = {"identity": page}
    if len(page) >= 256:
        bodies["gzip"] = _encoded(page, "gzip")
        bodies["br"] = _encoded(page, "br")
        bodies["zstd"] = _encoded(page, "zstd")
    return Representations(hash=page_hash(content_hash, script), size=len(page), bodies=bodies)


def _content(member: Member, view: memoryview) -> bytes:
    content = read_content(member, view)
    if len(content) != member.size:
        raise DamagedDataError("the length of a file in the object store differs from its recorded length")
    return content


def _encoded(page: bytes, encoding: Encoding) -> bytes:
    if encoding == "gzip":
        return isal_zlib.compress(page, 2, 31)
    is_small = len(page) < 512 * 1024
    if encoding == "zstd":
        return zstandard.compress(page, 6 if is_small else 3)
    return brotli.compress(page, quality=5 if is_small else 2) if encoding == "br" else page
