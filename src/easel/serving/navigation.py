"""Who asks: a person who opens an address, or a page that loads something."""

from __future__ import annotations

from typing import Final

from easel.bundles.types import is_loaded_by_pages
from easel.serving.models import Request
from easel.serving.workers import asks_for_worker

DECIDES: Final = ("Accept", "Sec-Fetch-Dest", "Sec-Fetch-Mode")
"""The headers that tell, for the Vary of what depends on them."""
_NAVIGATIONS = ("navigate", "nested-navigate")
_EMBEDDED = ("embed", "object")
"""Elements that show a page as readily as an image or a document of another kind."""
_FRAMES = ("frame", "iframe", *_EMBEDDED)


def is_navigation(request: Request) -> bool:
    """Whether somebody opens the address: as the browser says (Fetch Metadata §2), whatever the address ends in. Where
    nothing says it, whether HTML is accepted, and the address does not end like a file that pages load."""
    declared = _declared(request)
    return _looks_like_one(request) if declared is None else declared


def wants_page(request: Request) -> bool:
    """Whether it is said that a page is wanted, rather than whatever there is."""
    declared = _declared(request)
    return "text/html" in (request.accept or "") if declared is None else declared


def _declared(request: Request) -> bool | None:
    """Whether the browser says that it navigates, None where it says nothing that decides."""
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
