"""The model of a bundle: its limits, its manifest, and the files in it."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from easel.rules.models import Rules
from easel.rules.stored import from_store, to_store

ENTRY_LARGEST = 64 * 1024
"""Maximum size (bytes, as stored in the bundle) of an entry page that is copied into the manifest."""

STORED = 0
DEFLATED = 8
ZSTANDARD = 93

Coding = Literal["br", "gzip", "zstd"]
"""The compression of a file's content (RFC 7932, RFC 1952, RFC 8878)."""
NO_PLACE = -1
"""The value of `Member.place` for a page that cannot have a script."""
MAY_VOUCH, REGISTERS_WORKER = 1, 2
"""Two flags of a text: it contains a possible digest of a page, and it registers a service worker."""


# There may be thousands of members, and none is in a reference cycle, so the garbage collector can skip them.
class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One file of a version, and the location of its bytes.

    `hash` is the SHA-256 (hex) of the content, `size` its length in bytes. `bundle` is the index into
    `Manifest.bundles`. `offset` and `length` (bytes) locate the file's data in that zip, compressed by `method` (0
    stored, 8 raw deflate, 93 Zstandard). `crc` is the CRC-32 of the content, which a gzip frame needs. `immutable` is
    true if the name is known to contain a hash of the content. `place` is the offset (bytes) in a page at which a
    script can be inserted, or NO_PLACE. `coding` is the compression of a file that is sent with a `Content-Encoding`.
    `marks` are the flags of a text. `immutable`, `place`, `coding` and `marks` are None if the release that wrote the
    manifest did not determine them.
    """

    hash: str
    size: int
    type: str
    bundle: int
    offset: int
    length: int
    method: int
    crc: int
    immutable: bool | None = None
    place: int | None = None
    coding: Coding | None = None
    marks: int | None = None


class BundleRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A bundle that versions use: its object key, its SHA-256 (hex) and its size in bytes."""

    key: str
    hash: str
    size: int


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True, weakref=True):
    """All files of one version by path (relative, '/' separated, NFC), and the bundles that contain their bytes.

    `entry` is the entry page's data as stored in its bundle, unless the page is large. A reader of the manifest needs
    this page next, so one request to the store is enough. `has_worker` is true if the version has a service worker.
    `home` is the path of the entry page. `is_one_page` is true if the version is a single-page app. It is None if the
    release that wrote the manifest did not determine it. `inspected_by` is the release whose rules determined types,
    places and marks.
    """

    bundles: list[BundleRef]
    files: dict[str, Member]
    entry: bytes = b""
    has_worker: bool = False
    rules: Rules | None = None
    home: str = "index.html"
    is_one_page: bool | None = None
    inspected_by: str = ""

    @property
    def total_size(self) -> int:
        """Returns the total uncompressed size of all files in bytes."""
        return sum(member.size for member in self.files.values())

    def encode(self) -> bytes:
        """Returns the manifest as canonical JSON (files sorted by path), so that equal manifests have equal bytes."""
        rules = None if self.rules is None else to_store(self.rules)
        return _encoder.encode(msgspec.structs.replace(self, files=dict(sorted(self.files.items())), rules=rules))

    def content_hash(self) -> str:
        """Returns the SHA-256 (hex) of the paths and content hashes of all files, and of nothing else. The same files
        therefore have the same hash in any zip."""
        digest = hashlib.sha256()
        for path, member in sorted(self.files.items()):
            digest.update(f"{path}\0{member.hash}\n".encode())
        return digest.hexdigest()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)


def decode_manifest(data: bytes) -> Manifest:
    """Decodes a stored manifest from its bytes. Raises msgspec.ValidationError or msgspec.DecodeError if it is
    damaged."""
    manifest = _decoder.decode(data)
    if manifest.rules is None or not manifest.rules.limited:
        return manifest
    return msgspec.structs.replace(manifest, rules=from_store(manifest.rules))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a bundle. Sizes are in bytes. They also hold while a file is inflated, whatever the zip's headers
    state."""

    max_files: int = 100_000
    max_file_size: int = 256 * 1024 * 1024
    max_total_size: int = 2 * 1024 * 1024 * 1024
    max_name_bytes: int = 1024
    max_names_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Allowances:
    """The likely mistakes in a bundle that the app's owner has allowed, so that such a bundle is not refused."""

    secrets: bool = False
    dependencies: bool = False
    sources: bool = False
    """Allows a bundle that looks like the sources of a project, because its page works without a build, or because a
    build has just produced the page."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of inspecting a bundle: its files, and notes for the uploader.

    `stripped_root` is the single top-level folder that was taken as the root ('' if none). `left_out` are files that
    never belong to a site (`__MACOSX/`, `.DS_Store`, …). `warnings` are sentences for the deploy's log. A file is
    immutable if, as far as this bundle shows, its name certainly contains a hash of its content. `may_be_hashed` are
    the files whose names possibly contain a hash. `vouched` maps each page whose digest is recorded in the bundle to
    the file that records it. `precached` maps each file that a service worker caches without a revision to the worker's
    script. `has_worker` is true if there is a service worker. `home` is the entry page. `is_one_page`
    is true if the bundle is a single-page app.
    """

    files: dict[str, Member]
    stripped_root: str = ""
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    may_be_hashed: Set[str] = frozenset()
    vouched: dict[str, str] = field(default_factory=dict)
    precached: dict[str, str] = field(default_factory=dict)
    has_worker: bool = False
    rules: Rules | None = None
    home: str = "index.html"
    is_one_page: bool = True
