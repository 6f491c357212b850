"""Finds the files that a service worker caches for good, because its precache list (Workbox) states no revision of
them. The name of such a file should contain a hash, but vite-plugin-pwa also lists files of `public/assets/` without a
revision."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

from easel.bundles.searching import holds

LARGEST = 1024 * 1024
"""Maximum number of bytes of a service worker's script that are read."""
_MOST_WORKERS = 10
"""Maximum number of scripts of service workers that are read."""
_URL = rb"""["']?url["']?\s{0,4}:\s{0,4}["']([^"'\\]{1,1024})["']"""
_NO_REVISION = rb"""["']?revision["']?\s{0,4}:\s{0,4}null"""
_ENTRY = re.compile(
    rb"\{\s{0,40}(?:%b\s{0,4},\s{0,40}%b|%b\s{0,4},\s{0,40}%b)" % (_URL, _NO_REVISION, _NO_REVISION, _URL)
)
"""A pattern for an entry of a precache list, with its two fields in either order, also minified."""


def without_revision(workers: Iterable[str], read: Callable[[str, int], bytes]) -> dict[str, str]:
    """Returns the paths that a service worker's precache lists without a revision, each with the path of the worker.

    `workers` are the paths of the scripts of service workers. `read` returns a file's content up to a number of bytes.
    """
    found: dict[str, str] = {}
    for worker in sorted(workers)[:_MOST_WORKERS]:
        script = read(worker, LARGEST)
        if not holds(script, b"revision"):
            continue
        for match in _ENTRY.finditer(script):
            address = (match[1] or match[2]).decode("utf-8", "replace")
            found.setdefault(_path(address, posixpath.dirname(worker)), worker)
    return found


def _path(address: str, folder: str) -> str:
    """Returns the path in the bundle to which an address in a service worker's script leads. The script is in
    `folder`."""
    try:
        path = unquote(urlsplit(address).path)
    except ValueError:
        return ""
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")
