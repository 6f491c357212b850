"""The addresses of pages as other hosting providers handle them: the file for a path, and the redirect to its preferred
form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from easel.rules.models import Pages

Has = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Page:
    """The result of a look-up: the path (without its leading slash) of the file to serve."""

    file: str


@dataclass(frozen=True, slots=True)
class PreferredPath:
    """The result of a look-up: the path (decoded, with its leading slash) to which the visitor is redirected, because a
    page has it as its preferred address."""

    path: str


def find_page(path: str, has: Has, handling: Pages) -> Page | PreferredPath | None:
    """Finds the page for a decoded path (without its leading slash), by the rules of a hosting provider (`handling`).
    Returns the file, or the page's preferred address, or None if there is no page. `has` returns true if the bundle
    contains a file at a path."""
    if handling == "netlify":
        return _netlify(path, has)
    if handling == "none":
        return Page(path) if has(path) else None
    if path and not path.endswith("/") and has(path) and not path.endswith(".html"):
        return Page(path)
    stem = _stem(path)
    folder = f"{stem}/index.html" if stem else "index.html"
    has_folder, has_page = has(folder), bool(stem) and has(f"{stem}.html")
    if not has_folder and not has_page:
        return None
    if not stem:
        return Page(folder) if path == "" else PreferredPath("/")
    both = has_folder and has_page
    if handling == "force-trailing-slash":
        if both and path == f"{stem}.html":
            return Page(path)
        form, file = f"{stem}/", folder if has_folder else f"{stem}.html"
    elif handling == "drop-trailing-slash":
        if both and path == folder:
            return Page(path)
        form, file = stem, f"{stem}.html" if has_page else folder
    elif _names_folder(path, stem) or not has_page:
        form, file = (f"{stem}/", folder) if has_folder else (stem, f"{stem}.html")
    else:
        form, file = stem, f"{stem}.html"
    return Page(file) if path == form else PreferredPath(f"/{form}")


def _stem(path: str) -> str:
    """Returns a page's path without `/`, `/index`, `/index.html` or `.html` at its end, so that all forms of the
    address are equal."""
    if path.endswith("/"):
        return path.rstrip("/")
    for ending in ("/index.html", "/index"):
        if path.endswith(ending):
            return path[: -len(ending)]
    if path in ("index.html", "index"):
        return ""
    return path.removesuffix(".html")


def _names_folder(path: str, stem: str) -> bool:
    return path.startswith(f"{stem}/")


def _netlify(path: str, has: Has) -> Page | None:
    stem = path.rstrip("/")
    names = [stem] if stem and stem == path else []
    for ending in ("html", "htm"):
        if stem:
            names.append(f"{stem}.{ending}")
        names.append(f"{stem}/index.{ending}".lstrip("/"))
    return next((Page(name) for name in names if has(name)), None)
