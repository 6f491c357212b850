"""The runtime object, which contains an app's public variables and tells a page where it runs. It is written into the
page when the page is served."""

from __future__ import annotations

import hashlib
import json

from easel.bundles.models import NO_PLACE, STORED, Member
from easel.bundles.pages import script_place
from easel.serving.models import File, Site

RUNTIME_PATH = "_easel/runtime.js"
"""The path at which the runtime object (an app's public variables) is served as a script."""
_FILE = Member(
    hash="", size=0, type="text/javascript; charset=utf-8", bundle=0, offset=0, length=0, method=STORED, crc=0
)

# The script removes its own element, so that the document stays as the framework rendered it. A framework that hydrates
# the document needs this. `currentScript` is null in a module, and in a script that is evaluated in another way.
_LEAVES = "document.currentScript&&document.currentScript.remove()"
_LEAVES_UNLOADED = (
    'addEventListener("error",function f(e){var s=e.target;s.hasAttribute&&s.hasAttribute("data-easel")&&'
    '(s.remove(),removeEventListener("error",f,true))},true)'
)


def runtime_object(site: Site) -> dict[str, str]:
    """Returns the content of `window.__EASEL__` and `window.__MIXPEEK__`: the app's public variables, and Easel's own
    values (`appId`, `slug` and more), which win over variables of the same name."""
    return {
        **site.published.variables,
        "apiBaseUrl": site.api_base_url,
        "appId": site.app_id,
        "slug": site.slug,
        "environment": site.environment,
    }


def runtime_script(site: Site) -> bytes:
    """Returns the script element that defines the runtime object (the app's public variables) and removes itself.

    No variable's value can end the element. The element is pure ASCII, so it is the same in every charset.
    """
    return f"<script>{_definition(site)};{_LEAVES}</script>".encode()


# The element has no event handler, because a content security policy would refuse it.
EXTERNAL_SCRIPT = f'<script src="/{RUNTIME_PATH}" data-easel></script>'.encode()
"""The script element that loads the runtime object from its own address, and removes itself afterwards."""


def cached_page_script(site: Site) -> bytes:
    """Returns the script elements for pages that a service worker may cache. The first contains the present runtime
    object. The second loads the current object when the page is opened later. The second element removes itself, even
    if the load fails because the browser is offline."""
    return f"<script>{_definition(site)};{_LEAVES_UNLOADED};{_LEAVES}</script>".encode() + EXTERNAL_SCRIPT


def runtime_file(site: Site) -> File:
    """Returns the file at `RUNTIME_PATH`: the script with the app's public variables, which `runtime_source` generates.
    Clients revalidate it for each request."""
    return File(RUNTIME_PATH, _FILE, 200, "no-cache", site)


def runtime_source(site: Site) -> bytes:
    """Returns the source of the script at `RUNTIME_PATH`. When it has run, the script removes its element only if Easel
    wrote the element into the page. A framework may rely on an element that the page itself contains."""
    return (
        f'{_definition(site)};\n(function(s){{s&&s.hasAttribute("data-easel")&&s.remove()}})(document.currentScript);\n'
    ).encode()


def _definition(site: Site) -> str:
    text = json.dumps(runtime_object(site), separators=(",", ":"), sort_keys=True)
    # In an object literal, the name `"__proto__"` sets the prototype, but the computed name `["__proto__"]` is an
    # ordinary name (ECMA-262, annex B.3.1). The replacement changes only names, because quotes within a value are
    # escaped.
    text = text.replace('"__proto__":', '["__proto__"]:')
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"window.__EASEL__=window.__MIXPEEK__={text}"


def place_in(member: Member, page: bytes) -> int | None:
    """Returns the offset in a page at which the script is inserted. Returns None for a page without such a place.
    `page` is the content or its first bytes. The page is parsed only if the manifest comes from a release that did not
    record the offset."""
    if member.place is None:
        return script_place(page)
    return None if member.place == NO_PLACE else member.place


def inject(page: bytes, script: bytes, place: int) -> bytes:
    """Returns the page with the script inserted at the offset `place`."""
    return b"".join((page[:place], script, page[place:]))


def page_hash(content_hash: str, script: bytes) -> str:
    """Returns the hash (hex) of a page with the script in it, computed from the hash of the stored page."""
    return hashlib.sha256(content_hash.encode() + script).hexdigest() if script else content_hash
