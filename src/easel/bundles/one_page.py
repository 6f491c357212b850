"""Determines whether a bundle is a single-page app. The entry page of a single-page app is the response for all
addresses without a file.

A bundle is a single-page app if it has no other page, or if the entry page loads its scripts from the root, so that the
page works at any address. A page with relative script addresses breaks at an address that is deeper than its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from easel.bundles.inflate import DamagedDataError, inflated
from easel.bundles.markup import attributes, start_tags
from easel.bundles.models import NO_PLACE, Manifest, Member

LOOKED_AT = 256 * 1024
"""Number of first bytes of the entry page that are searched for scripts."""
_MOST_TAGS = 5000
_SCHEME = re.compile(rb"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def is_one_page(files: Mapping[str, Member], home: str, page: bytes) -> bool:
    """Returns true if the files of a bundle are a single-page app. `home` is the path of the entry page, and `page`
    holds its first bytes."""
    others = (path for path, member in files.items() if path != home and _is_page(member))
    return next(others, None) is None or takes_scripts_from_root(page)


def of_manifest(manifest: Manifest) -> bool:
    """Returns true if a version is a single-page app. The version's manifest states it, unless an earlier release wrote
    the manifest. In that case, it is derived from the files."""
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
    """Returns true if a page loads scripts from its own host, and all of them from the root (with regard to its
    `<base>`)."""
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
