"""Responses without a file, which several stages use."""

from __future__ import annotations

import json
from typing import Final

from easel.bundles.names import MAX_NAME_BYTES
from easel.bundles.root import NOT_FOUND_PAGES
from easel.envelope import envelope
from easel.errors import EaselError
from easel.serving.models import File, FixedAnswer, Found, Site

IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "public, max-age=0, must-revalidate"
NO_STORE: Final = "no-store"

NOT_FOUND: Final = FixedAnswer(
    404, b"404: there is nothing at this address.\n", "text/plain; charset=utf-8", REVALIDATE
)


def not_found_page(site: Site, path: str, status: int = 404) -> Found:
    """Returns the app's own error page: the nearest of NOT_FOUND_PAGES, searched from the path's folder upwards. If the
    app has none, returns a plain response with the status."""
    files = site.manifest.files
    caching = REVALIDATE if status == 404 else NO_STORE
    # No file is in a deeper folder. Searching upwards from a longer path would take quadratic time.
    folder = path.rpartition("/")[0][:MAX_NAME_BYTES]
    while True:
        for name in NOT_FOUND_PAGES:
            page = f"{folder}/{name}" if folder else name
            if (member := files.get(page)) is not None:
                return File(page, member, status, caching, site, lasting=False, is_stand_in=True)
        if not folder:
            break
        folder = folder.rpartition("/")[0]
    return NOT_FOUND if status == 404 else FixedAnswer(status, f"{status}\n".encode(), NOT_FOUND.content_type, NO_STORE)


def redirect(status: int, location: str) -> FixedAnswer:
    """Returns a redirect to `location` with `Cache-Control: no-cache`, so that clients ask again for each request."""
    return FixedAnswer(status, b"", "text/plain; charset=utf-8", REVALIDATE, location)


def refusal(error: EaselError, *, varies: tuple[str, ...] = ()) -> FixedAnswer:
    """Returns an error as JSON in the form of the API. `varies` lists the request headers on which the error
    depends."""
    caching = REVALIDATE if error.status == 404 else NO_STORE
    return FixedAnswer(error.status, json.dumps(envelope(error)).encode(), "application/json", caching, varies=varies)
