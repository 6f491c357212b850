"""Applies the redirect lines of a version's rules. Forced lines apply before files, and all other lines after files.

The first line that matches a request decides. The response of a forced line is always sent. The response of any other
line is sent only if there is no file.
"""

from __future__ import annotations

from msgspec.structs import replace

from easel.bundles.root import RULES_FILES
from easel.rules.matching.pages import Page, find_page
from easel.rules.matching.table import RedirectMatch
from easel.serving.models import File, Found, Request, Site
from easel.serving.navigation import DECIDES, is_navigation
from easel.serving.plain_answers import NO_STORE, REVALIDATE, not_found_page, redirect
from easel.serving.stage import Stage
from easel.serving.stages.fallback import configured_fallback
from easel.serving.stages.methods import refuse_method


def _first(site: Site, request: Request) -> Found | None:
    if site.rules is None or not site.rules.redirects.any_first:
        return None
    leads = site.rules.redirects.find(request.visit)
    return _found(site, request, leads) if leads is not None and leads.first else None


def _last(site: Site, request: Request) -> Found | None:
    if site.rules is None or not len(site.rules.redirects):
        return None
    leads = site.rules.redirects.find(request.visit)
    return _found(site, request, leads) if leads is not None else None


def _varies(site: Site, request: Request) -> bool:
    """Returns true if a redirect line may match the path. The response may then depend on the query or the visitor."""
    rules = site.rules
    return rules is not None and rules.redirects.any_first and rules.redirects.speaks_of(request.visit)


def _found(site: Site, request: Request, leads: RedirectMatch) -> Found | None:
    if leads.redirects:
        found = redirect(leads.status, leads.to)
        if leads.by.conditional:
            return replace(found, cache_control=NO_STORE)
        return replace(found, lasting=leads.for_all, of_pattern=leads.of_pattern)
    if not request.reads:
        return refuse_method(request)
    path = _file_at(site, leads.to)
    if path is None and leads.status == 200 and site.rules is not None and site.rules.not_found:
        return configured_fallback(site, request.address.path, site.rules.not_found)
    if path is None:
        return not_found_page(site, request.address.path, 404 if leads.status == 200 else leads.status)
    member = site.manifest.files[path]
    is_catch_all = leads.status == 200 and leads.by.source.endswith("*") and not leads.first
    if is_catch_all and member.type.startswith("text/html") and not is_navigation(request):
        # If a script is missing, a client would cache a page in its place. The app would then be broken until the
        # cached page expires.
        return None
    caching = REVALIDATE if leads.status == 200 and not leads.by.conditional else NO_STORE
    return File(path, member, leads.status, caching, site, lasting=False, varies=DECIDES if is_catch_all else ())


def _file_at(site: Site, target: str) -> str | None:
    """Returns the path of the file that a redirect line's target leads to. Returns None if there is none. The file is
    served at the requested address, without a redirect to another form of the address."""
    path, has = target.strip("/"), site.manifest.files.__contains__
    if path in RULES_FILES:
        return None
    found = find_page(path, has, "netlify") if path else Page(site.manifest.home)
    return found.file if isinstance(found, Page) and has(found.file) else None


FIRST = Stage("forced redirects", before=_first, varies=_varies)
LAST = Stage("redirects", before=_last)
