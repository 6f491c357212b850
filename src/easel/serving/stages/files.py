"""Finds the file for an address: the exact file, a folder's page, a page without its `.html`, or a robots.txt."""

from __future__ import annotations

from easel.bundles.root import ENTRY_POINT, RULES_FILES
from easel.rules.matching.pages import Page, find_page
from easel.rules.models import Pages
from easel.serving.fingerprint import is_immutable
from easel.serving.models import File, FixedAnswer, Found, Request, Site
from easel.serving.paths import ESCAPED_SLASH, Address, location
from easel.serving.plain_answers import IMMUTABLE, NOT_FOUND, REVALIDATE, redirect
from easel.serving.stage import Stage
from easel.serving.stages.methods import refuse_method


def _before(site: Site, request: Request) -> Found | None:
    address = request.address
    if not address.names_file:
        return _with_slashes(site, address) if ESCAPED_SLASH in address.path else None
    if address.path in RULES_FILES:
        return NOT_FOUND
    found = _find(site, address)
    return found if found is None or request.reads else refuse_method(request)


def _find(site: Site, address: Address) -> Found | None:
    files, path, home = site.manifest.files, address.path, site.manifest.home
    if site.rules is not None and site.rules.pages:
        return _find_as_asked(site, address, site.rules.pages)
    if path == "" and home in files:
        return _file(site, home)
    if path == "" or path.endswith("/"):
        index = path + ENTRY_POINT
        if index in files:
            return _file(site, index)
        clean = path.rstrip("/")
        return redirect(308, location(clean, address.query)) if clean and clean + ".html" in files else None
    if path in files:
        return _file(site, path)
    if f"{path}/{ENTRY_POINT}" in files:
        return redirect(308, location(f"{path}/", address.query))
    if path + ".html" in files:
        return _file(site, path + ".html")
    return _robots(site) if path == "robots.txt" else None


def _find_as_asked(site: Site, address: Address, pages: Pages) -> Found | None:
    """Returns the page at an address, or a redirect to the page's own address, as the project's `html_handling`
    demands. Returns None if there is no page."""
    found = find_page(address.path, site.manifest.files.__contains__, pages)
    if isinstance(found, Page):
        return _file(site, found.file)
    if found is not None:
        return redirect(308, location(found.path, address.query))
    return _robots(site) if address.path == "robots.txt" else None


def _with_slashes(site: Site, address: Address) -> Found | None:
    """Returns a redirect from an address with escaped slashes to its page, if the app has set Cloudflare's page
    addresses."""
    pages = site.rules.pages if site.rules is not None else ""
    path = address.path.replace(ESCAPED_SLASH, "/")
    if pages in ("", "netlify") or path in RULES_FILES:
        return None
    found = find_page(path, site.manifest.files.__contains__, pages)
    if found is None:
        return None
    return redirect(308, location(path if isinstance(found, Page) else found.path, address.query))


def _file(site: Site, path: str) -> File:
    member = site.manifest.files[path]
    return File(path, member, 200, IMMUTABLE if is_immutable(path, member) else REVALIDATE, site)


def _robots(site: Site) -> FixedAnswer:
    """Returns a robots.txt for an app that has no file of this name. It admits crawlers only if search engines may list
    the app (RFC 9309)."""
    rule = b"Allow: /" if site.indexable else b"Disallow: /"
    return FixedAnswer(200, b"User-agent: *\n" + rule + b"\n", "text/plain; charset=utf-8", REVALIDATE)


STAGE = Stage("files", before=_before)
