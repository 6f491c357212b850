"""Whether a bundle is an app of one page, which answers all addresses without a file of their own.

It is if there is no other page; or if its page takes its scripts from the root, so that it works at any address. A page
that names them relative to itself is broken at an address that is deeper than its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from easel.bundles.inflate import DamagedDataError, inflated
from easel.bundles.markup import attributes, start_tags
from easel.bundles.models import NO_PLACE, Manifest, Member

LOOKED_AT = 256 * 1024
"""Bytes of the page that are read for its scripts."""
_MOST_TAGS = 5000
_SCHEME = re.compile(rb"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def is_one_page(files: Mapping[str, Member], home: str, page: bytes) -> bool:
    """Whether the files are an app of one page, which is `home`; `page` is how that begins."""
    others = (path for path, member in files.items() if path != home and _is_page(member))
    return next(others, None) is None or takes_scripts_from_root(page)


def of_manifest(manifest: Manifest) -> bool:
    """Whether a version is an app of one page, as its manifest says, or as far as an earlier release's shows."""
    if manifest.is_one_page is not None:
        return manifest.is_one_page
    home = manifest.files.get(manifest.home)
    if home is None or not manifest.entry:
        return True
    try:
        page = inflated(memoryview(manifest.entry), home.method, LOOKED_AT)
    except DamagedDataError:
        return True
    return is_one_page(manifest.files, manifest.home, page)


def takes_scripts_from_root(page: bytes) -> bool:
    """Whether the page has scripts of its own address, and names all of them from the root (by its `<base>` too)."""
    base = b""
    found = False
    for tag in start_tags(page, min(len(page), LOOKED_AT), _MOST_TAGS):
        if tag.name == b"base" and not base:
            base = attributes(page, tag).get(b"href", b"").strip()
        elif tag.name == b"script":
            source = attributes(page, tag).get(b"src", b"").strip()
            if _is_own(source):
                if not source.startswith(b"/") and not base.startswith(b"/"):
                    return False
                found = True
    return found


def _is_own(source: bytes) -> bool:
    return bool(source) and not source.startswith(b"//") and _SCHEME.match(source) is None


def _is_page(member: Member) -> bool:
    return member.type.startswith("text/html") and member.place != NO_PLACE
