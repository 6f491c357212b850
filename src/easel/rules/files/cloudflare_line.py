"""Parses a line of `_redirects` in Cloudflare's dialect: `from to [status]`."""

from __future__ import annotations

import re

from easel.rules.files.lines import shown
from easel.rules.files.reading import BadLineError, seems_guard, source_of
from easel.rules.matching.target import names_other_host
from easel.rules.models import REDIRECTING, Redirect

_HOST = re.compile(r"https?://", re.IGNORECASE)
_HOME = re.compile(r"/\*?\Z")
_INDEX = re.compile(r"/index(\.html)?\Z")
_SLASHES = re.compile("/{2,}")
_STATUSES = REDIRECTING | {200}
_KNOWN = "200, 301, 302, 303, 307 and 308 are."


def cloudflare_line(words: list[str], number: int) -> Redirect:
    """Parses the words of a redirect line. The default status is 302. In the source, a fragment (`#…`) is removed, and
    `.` and `..` are resolved. Raises BadLineError."""
    if not 2 <= len(words) <= 3:
        reason = f"it has {len(words)} words, but a line must have the form `from to` or `from to status`."
        raise BadLineError(reason, guards=_guards(words))
    if _HOST.match(words[0]):
        raise BadLineError("its source contains a host, but a source must be a path.", guards=_guards(words))
    source, query = source_of(words[0].partition("#")[0])
    source, target, status = _without_dots(source), words[1], 302
    if len(words) == 3:
        said = words[2]
        if not said.isascii() or not said.isdigit() or int(said[:4]) not in _STATUSES or len(said) > 3:
            raise BadLineError(f"`{shown(said)}` is not a valid status; {_KNOWN}", guards=_guards(words))
        status = int(said)
    if not target.startswith(("/", "https://")):
        raise BadLineError("its target begins with neither `/` nor `https://`.")
    target = _as_url(target)
    if target.startswith("/") and _HOME.search(source) and _INDEX.search(target):
        raise BadLineError(
            "Cloudflare refuses a redirect from a folder to its index page, because it serves that page without a "
            'redirect. For a single-page app, set `not_found_handling = "single-page-application"`.'
        )
    return Redirect(number, source, target, status, query=query)


def _guards(words: list[str]) -> bool:
    return seems_guard(" " + " ".join(words))


def _as_url(target: str) -> str:
    """Returns a redirect's target in the form of a parsed URL (WHATWG URL §4.4): `.` and `..` are resolved, and an
    empty query or fragment is left out. Two adjacent slashes in a path of the app become one slash."""
    rest, _, fragment = target.partition("#")
    rest, _, query = rest.partition("?")
    at = 0 if rest.startswith("/") else rest.find("/", len("https://"))
    if at >= 0:
        path = rest[at:]
        if not at and not names_other_host(path):
            path = _SLASHES.sub("/", path)
        rest = rest[:at] + _without_dots(path)
    return rest + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def _without_dots(path: str) -> str:
    """Resolves the `.` and `..` in a path (RFC 3986 §5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
    return "/" + "/".join([*kept, ""] if parts[-1] in (".", "..") else kept)
