"""The runtime object: what a page is told about where it runs, written into it when it is served."""

from __future__ import annotations

import hashlib
import json
import re

from easel.serving.models import Site

# No pattern reads on past the next '<', so that the search takes time in proportion to the page alone.
_PLACES = re.compile(
    rb"<!--.*?(?:-->|\Z)|<(head)(?=[\s>/])[^<>]*>|<(?:script|body|frameset)(?=[\s>/])", re.IGNORECASE | re.DOTALL
)
_DOCTYPE = re.compile(rb"\s*<!doctype[^<>]*>", re.IGNORECASE)
_HTML = re.compile(rb"\s*<html(?=[\s>])[^<>]*>", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"


def runtime_object(site: Site) -> dict[str, str]:
    """What `window.__EASEL__` and `window.__MIXPEEK__` hold: the public variables, and above them the fixed names."""
    return {
        **site.variables,
        "apiBaseUrl": site.api_base_url,
        "appId": site.app_id,
        "slug": site.slug,
        "environment": site.environment,
    }


def runtime_script(site: Site) -> bytes:
    """The script element that defines the runtime object. Nothing a variable holds can end the element."""
    text = json.dumps(runtime_object(site), separators=(",", ":"), sort_keys=True)
    # In quotes an object literal takes this name for the prototype; in brackets it is one like any other (ECMA-262,
    # annex B.3.1). In a value the quotes would have backslashes before them.
    text = text.replace('"__proto__":', '["__proto__"]:')
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"<script>window.__EASEL__=window.__MIXPEEK__={text}</script>".encode()


def inject(page: bytes, script: bytes) -> bytes:
    """The page with the script before every other one: first thing in its head, or where a head would be."""
    for match in _PLACES.finditer(page):
        if match[0].startswith(b"<!--"):
            continue
        at = match.end() if match[1] else match.start()
        return page[:at] + script + page[at:]
    at = len(_BOM) if page.startswith(_BOM) else 0
    for pattern in (_DOCTYPE, _HTML):
        found = pattern.match(page, at)
        if found is not None:
            at = found.end()
    return page[:at] + script + page[at:]


def page_hash(content_hash: str, script: bytes) -> str:
    """The hash (hex) of a page with the script in it, from the hash of the file."""
    return hashlib.sha256(content_hash.encode() + script).hexdigest()
