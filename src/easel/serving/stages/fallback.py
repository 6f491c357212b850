"""Responses for addresses without a file: the app's own page for navigations, a plain 404 for all other requests."""

from __future__ import annotations

from msgspec.structs import replace

from easel.bundles.root import FALLBACK_PAGES, SHARED_FOLDERS
from easel.rules.models import NotFound
from easel.serving.errors import PlatformPathError
from easel.serving.models import File, FixedAnswer, Found, Request, Site
from easel.serving.navigation import DECIDES, is_navigation, wants_page
from easel.serving.notices import HTML, notice
from easel.serving.plain_answers import NOT_FOUND, REVALIDATE, not_found_page, refusal
from easel.serving.stage import Stage

_NOTHING = replace(NOT_FOUND, varies=DECIDES)
_NO_PAGE = FixedAnswer(
    404, notice("Nothing here", "There is no page at this address."), HTML, REVALIDATE, varies=DECIDES
)


def _before(site: Site, request: Request) -> Found:
    """Returns the response for an address without a file. Paths under the platform's prefixes get an error in JSON,
    because programs request them, unless the request asks for a page."""
    path, prefix = request.address.path, request.address.prefix
    if prefix in SHARED_FOLDERS and not wants_page(request):
        return refusal(PlatformPathError(prefix=prefix), varies=DECIDES)
    if site.rules is not None and site.rules.not_found:
        return configured_fallback(site, path, site.rules.not_found)
    return _page(site, path) if is_navigation(request) else _NOTHING


def configured_fallback(site: Site, path: str, not_found: NotFound) -> Found:
    """Returns the response for a missing path that the project's `not_found_handling` demands."""
    if not_found == "404-page":
        # Netlify serves the 404.html at the root even for a path in a folder.
        is_netlify = site.rules is not None and site.rules.pages == "netlify"
        return not_found_page(site, "" if is_netlify else path)
    if not_found == "single-page-application" and site.manifest.home in site.manifest.files:
        return replace(_apps_page(site, site.manifest.home), varies=())
    return NOT_FOUND


def _page(site: Site, path: str) -> Found:
    for name in FALLBACK_PAGES:
        if name in site.manifest.files:
            return _apps_page(site, name)
    found = not_found_page(site, path)
    if isinstance(found, File):
        return replace(found, varies=DECIDES)
    home = site.manifest.home
    return _apps_page(site, home) if site.is_one_page and home in site.manifest.files else _NO_PAGE


def _apps_page(site: Site, path: str) -> File:
    member = site.manifest.files[path]
    return File(path, member, 200, REVALIDATE, site, lasting=False, is_stand_in=True, varies=DECIDES)


STAGE = Stage("fallback", before=_before)
