"""Which file of a version answers a path. Pure rules; a path can only ever name something in the manifest."""

from __future__ import annotations

import json
from urllib.parse import quote, unquote_to_bytes

from easel.bundles.names import MAX_NAME_BYTES, composed
from easel.bundles.root import ENTRY_POINT, RESERVED_FOLDERS, RULES_FILES, SHARED_FOLDERS
from easel.bundles.types import is_loaded_by_pages
from easel.envelope import envelope
from easel.errors import EaselError
from easel.serving.errors import MethodNotAllowedError, PathInvalidError, PlatformPathError
from easel.serving.fingerprint import is_immutable, may_be_of_an_earlier_version
from easel.serving.models import File, Fixed, MissingAsset, Request, Site
from easel.serving.workers import LEAVING_WORKER, asks_for_worker

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "public, max-age=0, must-revalidate"
NO_STORE = "no-store"

NOT_FOUND_PAGE = "404.html"

_LONGEST = 3 * MAX_NAME_BYTES
"""Characters of a path that may still name a file once it is in NFC (UTF-8 takes three times the bytes at most)."""


_QUERY = "!$%&'()*+,-./:;=?@[]_~"
"""What may stand in a query as it was sent; all else is escaped before it goes into a Location."""


def resolve(site: Site, request: Request) -> File | Fixed | MissingAsset:
    """What answers the request, in this order: the platform's paths, exact file, folder, clean URL, an asset of an
    earlier version, fallback for navigations, 404. (Access rules go before it all, `_redirects` before the fallback.)

    Under `/api/`, `/_api/` and `/functions/` the platform answers what no file of the app's does, and no navigation. A
    browser that asks for a service worker's script gets one that ends the worker wherever that is not there: it follows
    no redirect, and keeps the old worker at a 404.
    """
    found = _resolve(site, request)
    if isinstance(found, Fixed) and found.status in (308, 404) and asks_for_worker(request):
        return LEAVING_WORKER
    return found


def _resolve(site: Site, request: Request) -> File | Fixed | MissingAsset:
    raw_path, _, query = request.target.partition("?")
    try:
        path = decode_path(raw_path)
    except PathInvalidError as error:
        return refusal(error)
    prefix = path.split("/", 1)[0]
    if prefix in RESERVED_FOLDERS:
        return refusal(PlatformPathError(prefix=prefix))
    if request.method not in ("GET", "HEAD"):
        if prefix in SHARED_FOLDERS and _find(site, path, query) is None:
            return refusal(PlatformPathError(prefix=prefix))
        return refusal(MethodNotAllowedError())
    if path in RULES_FILES:
        return not_found()
    found = _find(site, path, query)
    if found is not None:
        return found
    if path == "robots.txt":
        return robots(site)
    if len(path) <= MAX_NAME_BYTES and may_be_of_an_earlier_version(path):
        return MissingAsset(path)
    return fallback(site, path, request)


def decode_path(raw: str) -> str:
    """The path without its leading '/', percent-decoded once (RFC 3986 §2.1).

    It is in NFC, unless it is too long to name a file of any version: then it only has to be found missing. Raises
    PathInvalidError for encoded slashes, NUL, backslashes, '..' and what is no UTF-8.
    """
    if not raw.startswith("/"):
        raise PathInvalidError(reason="its path does not begin with a slash")
    if "%" not in raw and "\\" not in raw and "/." not in raw and raw.isascii():
        return raw[1:]
    lowered = raw.lower()
    if "%2f" in lowered or "%5c" in lowered or "\\" in raw:
        raise PathInvalidError(reason="its path holds an encoded slash or a backslash")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise PathInvalidError(reason="its path is not UTF-8") from None
    if "\0" in path:
        raise PathInvalidError(reason="its path holds a NUL")
    if any(part in (".", "..") for part in path.split("/")):
        raise PathInvalidError(reason="its path holds `.` or `..`")
    return path[1:] if len(path) > _LONGEST else composed(path[1:])


def _find(site: Site, path: str, query: str) -> File | Fixed | None:
    files = site.manifest.files
    if path == "" or path.endswith("/"):
        index = path + ENTRY_POINT
        if index in files:
            return _file(site, index)
        clean = path.rstrip("/")
        if clean and (clean + ".html" in files):
            return _redirect("/" + clean, query)
        return None
    if path in files:
        return _file(site, path)
    if f"{path}/{ENTRY_POINT}" in files:
        return _redirect(f"/{path}/", query)
    if path + ".html" in files:
        return _file(site, path + ".html")
    return None


def fallback(site: Site, path: str, request: Request) -> File | Fixed:
    """What answers a path that names nothing: for navigations the app's own page, for all else a plain 404.

    Where programs ask the platform it is the contract's envelope, unless somebody says that it is a page they want. For
    a service worker's script it is one that ends the worker.
    """
    if asks_for_worker(request):
        return LEAVING_WORKER
    prefix = path.split("/", 1)[0]
    if prefix in SHARED_FOLDERS and "text/html" not in (request.accept or ""):
        return refusal(PlatformPathError(prefix=prefix))
    if is_navigation(path, request):
        for page, status in ((NOT_FOUND_PAGE, 404), (ENTRY_POINT, 200)):
            member = site.manifest.files.get(page)
            if member is not None:
                return File(page, member, status, REVALIDATE if status == 200 else NO_STORE, site)
    return refusal(PlatformPathError(prefix=prefix)) if prefix in SHARED_FOLDERS else not_found()


def is_navigation(path: str, request: Request) -> bool:
    """Whether a person may be looking for a page: it accepts HTML, is no script or image, has no asset's extension.

    Browsers say what a request is for (Sec-Fetch-Dest); other clients are believed by their Accept.
    """
    if request.fetch_dest is not None and request.fetch_dest not in ("document", "iframe", "frame", "embed", "object"):
        return False
    name = path.rsplit("/", 1)[-1]
    if "." in name and is_loaded_by_pages(name):
        return False
    accept = request.accept
    return not accept or "text/html" in accept or "*/*" in accept or "application/xhtml" in accept


def earlier_file(site: Site, path: str) -> File | None:
    """The file of an earlier version that an open page still asks for, or None."""
    member = site.manifest.files.get(path)
    if member is None:
        return None
    return _file(site, path)


def robots(site: Site) -> Fixed:
    """The robots.txt of an app that has none: crawlers are let in only where the app may be indexed (RFC 9309)."""
    rule = b"Allow: /" if site.indexable else b"Disallow: /"
    return Fixed(200, b"User-agent: *\n" + rule + b"\n", "text/plain; charset=utf-8", REVALIDATE)


def not_found() -> Fixed:
    """A plain 404 that nobody keeps."""
    return Fixed(404, b"404: there is nothing at this address.\n", "text/plain; charset=utf-8", NO_STORE)


def refusal(error: EaselError) -> Fixed:
    """An error in the contract's envelope, that nobody keeps."""
    return Fixed(error.status, json.dumps(envelope(error)).encode(), "application/json", NO_STORE)


def _file(site: Site, path: str) -> File:
    member = site.manifest.files[path]
    return File(path, member, 200, IMMUTABLE if is_immutable(path, member) else REVALIDATE, site)


def _redirect(path: str, query: str) -> Fixed:
    # A path with two slashes in front would be read as another host.
    location = "/" + quote(path.lstrip("/"), safe="/-._~!$&'()*+,;=:@")
    if query:
        location += "?" + quote(query, safe=_QUERY)
    return Fixed(308, b"", "text/plain; charset=utf-8", REVALIDATE, location)
