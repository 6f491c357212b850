"""Builds the variants (compressed forms) of a version's files in a background job, because compression takes long."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import brotli
import msgspec
import zstandard

from easel.bundles.codings import decoded, siblings
from easel.bundles.models import DEFLATED, ZSTANDARD, Coding, Manifest, Member
from easel.bundles.read import content, gzip_length
from easel.bundles.restarts import SMALLEST as RESTARTED_SMALLEST
from easel.bundles.restarts import find_restarts
from easel.bundles.types import is_compressible
from easel.serving.variants import LARGEST, MAGIC, RESTARTS, SMALLEST, variant_key

THOROUGHLY = 16 * 1024 * 1024
"""Maximum total size (bytes) of the files of a version that get the best compression. It takes about 25 seconds for
this size. All other files are compressed about fifty times as fast."""
WORTH_IT = 0.97
"""A variant is kept if its size, divided by the size that would be sent without it, is at most this value."""
_MOST_STRANGE: Final = 16
"""Maximum number of prebuilt files (such as `app.js.br`) that do not decode to their original (`app.js`). After that
many, no further prebuilt files are read, because each may take half a second."""
_QUICK: Final = {"br": 5, "zstd": 6, "gzip": 6}
_THOROUGH: Final = {"br": 9, "zstd": 17, "gzip": 9}


def build_variants(
    manifest: Manifest,
    bundles: Sequence[memoryview],
    *,
    should_stop: Callable[[], bool] | None = None,
) -> bytes | None:
    """Builds the variants object of a manifest: other encodings of its files, and restart points of long deflated
    files. `bundles` are the mapped bundles.

    Each file that is worth compressing gets every encoding that is smaller than its form in the bundle: brotli,
    Zstandard (unless the bundle already contains it), and gzip (unless the bundle contains the file deflated). A
    prebuilt encoding next to the file is used if it decodes to the file. Pages are skipped, because serving changes
    them. Quality decreases with size. One large file takes about a second, and after `THOROUGHLY` bytes all files are
    compressed fast, so that one app does not delay other apps. `should_stop` is called between two files. Returns None
    after `should_stop` has returned true.
    """
    making = _Making(manifest, bundles)
    for path, member in manifest.files.items():
        if should_stop is not None and should_stop():
            return None
        if "html" in member.type or not making.is_new(member):
            continue
        if SMALLEST <= member.size <= LARGEST and is_compressible(member.type):
            making.add_encodings(path, member)
        if member.method == DEFLATED and member.size > RESTARTED_SMALLEST:
            making.add(f"{member.hash}{RESTARTS}", find_restarts(member, bundles[member.bundle]))
    return making.whole()


class _Making:
    """Collects the variants of a version's files, and builds the variants object from them."""

    def __init__(self, manifest: Manifest, bundles: Sequence[memoryview]) -> None:
        self._files = manifest.files
        self._bundles = bundles
        self._left = THOROUGHLY
        self._index: dict[str, tuple[int, int]] = {}
        self._pieces: list[bytes] = []
        self._offset = 0
        self._seen: set[str] = set()
        self._strange = 0

    def is_new(self, member: Member) -> bool:
        """Returns true if none of the files before this member had the same content."""
        is_new = member.hash not in self._seen
        self._seen.add(member.hash)
        return is_new

    def add(self, key: str, piece: bytes | None) -> None:
        """Adds a variant under its key. Does nothing if the variant is None, because the compressed form would not be
        smaller."""
        if piece is not None:
            self._index[key] = (self._offset, len(piece))
            self._pieces.append(piece)
            self._offset += len(piece)

    def add_encodings(self, path: str, member: Member) -> None:
        """Compresses a file in each useful encoding, and adds the results."""
        whole = content(member, self._bundles[member.bundle])
        written = self._written(path, member)
        lies: dict[Coding, int] = {}
        if member.method in (DEFLATED, ZSTANDARD):
            lies = {"gzip": gzip_length(member)} if member.method == DEFLATED else {"zstd": member.length}
        wanted: list[Coding] = [one for one in ("br", "zstd", "gzip") if one in written or one not in lies]
        for coding in wanted:
            small = written.get(coding) or _compressed(whole, coding, thoroughly=self._left > 0)
            if len(small) <= lies.get(coding, member.size) * WORTH_IT:
                self.add(variant_key(member.hash, coding), small)
        self._left -= member.size

    def _written(self, path: str, member: Member) -> dict[Coding, bytes]:
        """Returns the encodings of a file that the project's build has written next to it, such as `app.js.br`."""
        found: dict[Coding, bytes] = {}
        for sibling, coding in siblings(path, self._files):
            beside = self._files[sibling]
            if beside.size <= member.size and self._strange < _MOST_STRANGE:
                small = content(beside, self._bundles[beside.bundle])
                whole = decoded(small, coding, member.size)
                if whole is not None and hashlib.sha256(whole).hexdigest() == member.hash:
                    found[coding] = small
                else:
                    self._strange += 1
        return found

    def whole(self) -> bytes:
        """Returns the complete variants object."""
        encoded = msgspec.json.encode(self._index)
        return b"".join((MAGIC, len(encoded).to_bytes(8, "big"), encoded, *self._pieces))


def _compressed(whole: bytes, coding: Coding, *, thoroughly: bool) -> bytes:
    level = _THOROUGH[coding] if thoroughly and len(whole) <= 2 * 1024 * 1024 else _QUICK[coding]
    if coding == "zstd":
        return zstandard.compress(whole, level)
    if coding == "gzip":
        return zlib.compress(whole, level, 31)
    small: bytes = brotli.compress(whole, quality=11 if thoroughly and len(whole) <= 128 * 1024 else level)
    return small
