"""Decides whether a request is a navigation: a person opens an address. A page that loads a resource does not
navigate."""

from __future__ import annotations

from typing import Final

from easel.bundles.types import is_loaded_by_pages
from easel.serving.models import Request
from easel.serving.workers import asks_for_worker

DECIDES: Final = ("Accept", "Sec-Fetch-Dest", "Sec-Fetch-Mode")
"""The request headers that show whether a request is a navigation. A response that depends on them lists them in
Vary."""
_NAVIGATIONS = ("navigate", "nested-navigate")
_EMBEDDED = ("embed", "object")
"""Elements that can show a page, an image or another document."""
_FRAMES = ("frame", "iframe", *_EMBEDDED)


def is_navigation(request: Request) -> bool:
    """Returns true if a person opens the address of this request, for example with a link or in the address bar.

    If the browser states the kind of request (Fetch Metadata §2), this statement decides, whatever the suffix of the
    address is. Otherwise, a request is a navigation if it accepts HTML and its address does not end in the suffix of a
    resource.
    """
    declared = _declared(request)
    return _looks_like_one(request) if declared is None else declared


def wants_page(request: Request) -> bool:
    """Returns true if the request accepts HTML explicitly. A request that accepts any type (`*/*`) does not count."""
    declared = _declared(request)
    return "text/html" in (request.accept or "") if declared is None else declared


def _declared(request: Request) -> bool | None:
    """Returns whether the browser declares the request as a navigation in its headers. Returns None if they do not
    decide it."""
    dest, mode = request.fetch_dest, request.fetch_mode
    if asks_for_worker(request):
        return False
    if dest == "document" or (mode in _NAVIGATIONS and dest not in _EMBEDDED):
        return True
    if dest in _EMBEDDED or (dest in _FRAMES and not mode):
        return None
    return False if dest or mode else None


def _looks_like_one(request: Request) -> bool:
    name = request.address.path.rpartition("/")[2]
    if "." in name and is_loaded_by_pages(name):
        return False
    accept = request.accept
    return not accept or "text/html" in accept or "*/*" in accept or "application/xhtml" in accept
