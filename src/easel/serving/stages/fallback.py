"""What answers an address that names nothing: for navigations the app's own page, for all else a plain 404."""

from __future__ import annotations

from easel.bundles.root import ENTRY_POINT, SHARED_FOLDERS
from easel.bundles.types import is_loaded_by_pages
from easel.rules.models import NotFound
from easel.serving.errors import PlatformPathError
from easel.serving.models import File, Found, Request, Site
from easel.serving.plain import NO_STORE, NOT_FOUND, NOT_FOUND_PAGE, REVALIDATE, not_found_page, refusal
from easel.serving.stage import Stage
from easel.serving.workers import asks_for_worker


def _before(site: Site, request: Request) -> Found:
    """Where programs ask the platform it is the contract's envelope, unless somebody says that it is a page they
    want."""
    path, prefix = request.address.path, request.address.prefix
    if prefix in SHARED_FOLDERS and "text/html" not in (request.accept or ""):
        return refusal(PlatformPathError(prefix=prefix))
    if site.rules is not None and site.rules.not_found:
        return _as_asked(site, path, site.rules.not_found)
    if is_navigation(path, request):
        for page, status in ((NOT_FOUND_PAGE, 404), (ENTRY_POINT, 200)):
            member = site.manifest.files.get(page)
            if member is not None:
                caching = REVALIDATE if status == 200 else NO_STORE
                return File(page, member, status, caching, site, lasting=False, is_stand_in=True)
    return refusal(PlatformPathError(prefix=prefix)) if prefix in SHARED_FOLDERS else NOT_FOUND


def _as_asked(site: Site, path: str, not_found: NotFound) -> Found:
    """What answers in the way that the project's rules ask for."""
    if not_found == "404-page":
        return not_found_page(site, path)
    member = site.manifest.files.get(ENTRY_POINT) if not_found == "single-page-application" else None
    if member is None:
        return NOT_FOUND
    return File(ENTRY_POINT, member, 200, REVALIDATE, site, lasting=False, is_stand_in=True)


def is_navigation(path: str, request: Request) -> bool:
    """Whether a person may be looking for a page: it accepts HTML, is no script or image, has no asset's extension.

    Browsers say what a request is for (Sec-Fetch-Dest); other clients are believed by their Accept.
    """
    if asks_for_worker(request):
        return False
    if request.fetch_dest is not None and request.fetch_dest not in ("document", "iframe", "frame", "embed", "object"):
        return False
    name = path.rsplit("/", 1)[-1]
    if "." in name and is_loaded_by_pages(name):
        return False
    accept = request.accept
    return not accept or "text/html" in accept or "*/*" in accept or "application/xhtml" in accept


STAGE = Stage("fallback", before=_before)
