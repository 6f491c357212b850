"""The model of a bundle: limits, manifest, members."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from easel.rules.models import Rules

ENTRY_LARGEST = 64 * 1024
"""Limit of an entry page (bytes, as stored in its bundle) that is copied into the manifest."""

STORED = 0
DEFLATED = 8
ZSTANDARD = 93

Coding = Literal["br", "gzip", "zstd"]
"""How a file's content is compressed (RFC 7932, RFC 1952, RFC 8878)."""
NO_PLACE = -1
"""Stands for the script's offset in a page that cannot have one."""
MAY_VOUCH, REGISTERS_WORKER = 1, 2
"""Marks of a text: there is something like a digest of a page in it; it registers a service worker."""


# There may be thousands, and none is in a reference cycle, so the garbage collector can skip them.
class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One file of a version, and where its bytes lie.

    `hash` is the SHA-256 (hex) of the content, `size` its length in bytes. `bundle` is the index into
    `Manifest.bundles`; `offset` and `length` (bytes) are where the member's data lies in that zip, compressed by
    `method` (0 stored, 8 raw deflate, 93 Zstandard); `crc` is the CRC-32 of the content, which a gzip frame
    needs. `immutable` says whether the name is known to hold a hash of the content, `place` at which offset (bytes) a
    page takes a script, or NO_PLACE; `coding` how the content is compressed, if it is to be sent as what is in it;
    `marks` what was found in a text. Each is None in the manifest of a release that did not ask.
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
    """A pinned bundle: its object key, its SHA-256 (hex) and its size in bytes."""

    key: str
    hash: str
    size: int


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True, weakref=True):
    """All files of one version by path (relative, '/' separated, NFC), and the bundles their bytes lie in.

    `entry` is the data of the entry page as it lies in its bundle, unless it is large: who reads a manifest is about to
    be asked for it, and asks the store once instead of twice. `has_worker` says whether it has a service worker, `home`
    which page that is, and `is_one_page` whether it is an app of one page, or None if the release did not ask;
    `inspected_by` is the release, by whose rules types, places and marks were found.
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
        """The inflated size of all files together, in bytes."""
        return sum(member.size for member in self.files.values())

    def encode(self) -> bytes:
        """The manifest as canonical JSON (files sorted by path), so that equal manifests give equal bytes."""
        return _encoder.encode(msgspec.structs.replace(self, files=dict(sorted(self.files.items()))))

    def content_hash(self) -> str:
        """SHA-256 (hex) over paths and content hashes alone: the same files give the same hash in any zip."""
        digest = hashlib.sha256()
        for path, member in sorted(self.files.items()):
            digest.update(f"{path}\0{member.hash}\n".encode())
        return digest.hexdigest()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)


def decode_manifest(data: bytes) -> Manifest:
    """The manifest from its stored bytes. Raises msgspec.ValidationError or msgspec.DecodeError when damaged."""
    return _decoder.decode(data)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a bundle; sizes in bytes. They hold while inflating, whatever the headers state."""

    max_files: int = 100_000
    max_file_size: int = 256 * 1024 * 1024
    max_total_size: int = 2 * 1024 * 1024 * 1024
    max_name_bytes: int = 1024
    max_names_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Allowances:
    """Likely accidents that an app allows."""

    secrets: bool = False
    dependencies: bool = False
    sources: bool = False
    """A page of a project that is not built: it is meant so, or was built from such a page."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What reading a bundle gave: its files, and what there is to tell the person who uploaded it.

    `stripped_root` is the single top-level folder that was taken as the root ('' if none), `left_out` the members
    that never belong to a site (`__MACOSX/`, `.DS_Store`, …), `warnings` sentences for the deploy's log. Files whose
    names hold a hash of their content, as far as this bundle says, are immutable; those that by some rule may be so
    named are in `may_be_hashed`. `vouched` are pages with the file that says what their bytes are. `has_worker` says
    whether there is a service worker. `home` is the entry page, `is_one_page` whether it is an app of one page.
    """

    files: dict[str, Member]
    stripped_root: str = ""
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    may_be_hashed: Set[str] = frozenset()
    vouched: dict[str, str] = field(default_factory=dict)
    has_worker: bool = False
    rules: Rules | None = None
    home: str = "index.html"
    is_one_page: bool = True
