"""The runtime object: what a page is told about where it runs, written into it when it is served."""

from __future__ import annotations

import hashlib
import json

from easel.bundles.models import NO_PLACE, STORED, Member
from easel.bundles.pages import script_place
from easel.serving.models import File, Site

RUNTIME_PATH = "_easel/runtime.js"
"""Where the runtime object is a script by itself."""
_FILE = Member(
    hash="", size=0, type="text/javascript; charset=utf-8", bundle=0, offset=0, length=0, method=STORED, crc=0
)

# A framework that takes the document over finds it as it wrote it. There is no current script in a module, nor where a
# script is run by other means than the page's.
_LEAVES = "document.currentScript&&document.currentScript.remove()"
_LEAVES_UNLOADED = (
    'addEventListener("error",function f(e){var s=e.target;s.hasAttribute&&s.hasAttribute("data-easel")&&'
    '(s.remove(),removeEventListener("error",f,true))},true)'
)


def runtime_object(site: Site) -> dict[str, str]:
    """What `window.__EASEL__` and `window.__MIXPEEK__` hold: the public variables, and above them the fixed names."""
    return {
        **site.published.variables,
        "apiBaseUrl": site.api_base_url,
        "appId": site.app_id,
        "slug": site.slug,
        "environment": site.environment,
    }


def runtime_script(site: Site) -> bytes:
    """The script element that defines the runtime object and removes itself. Nothing a variable holds can end the
    element, and all of it is ASCII, so that it is the same in the charset of any page."""
    return f"<script>{_definition(site)};{_LEAVES}</script>".encode()


# No handler in the element itself: a policy for which pages load the object would refuse it.
EXTERNAL_SCRIPT = f'<script src="/{RUNTIME_PATH}" data-easel></script>'.encode()
"""The script element that loads the runtime object, and leaves once it has."""


def kept_script(site: Site) -> bytes:
    """What goes into pages that a service worker may keep: the object as it is now, and the script that brings it up to
    date. Its element leaves as well where it cannot be loaded, which is so without a network."""
    return f"<script>{_definition(site)};{_LEAVES_UNLOADED};{_LEAVES}</script>".encode() + EXTERNAL_SCRIPT


def runtime_file(site: Site) -> File:
    """The script at `RUNTIME_PATH`, whose content `runtime_source` gives. It is asked for anew each time."""
    return File(RUNTIME_PATH, _FILE, 200, "no-cache", site)


def runtime_source(site: Site) -> bytes:
    """The content of the script at `RUNTIME_PATH`. Only an element that was written into a page for it is removed; one
    that the page has by itself may be known to a framework."""
    return (
        f'{_definition(site)};\n(function(s){{s&&s.hasAttribute("data-easel")&&s.remove()}})(document.currentScript);\n'
    ).encode()


def _definition(site: Site) -> str:
    text = json.dumps(runtime_object(site), separators=(",", ":"), sort_keys=True)
    # In quotes an object literal takes this name for the prototype; in brackets it is one like any other (ECMA-262,
    # annex B.3.1). In a value the quotes would have backslashes before them.
    text = text.replace('"__proto__":', '["__proto__"]:')
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"window.__EASEL__=window.__MIXPEEK__={text}"


def place_in(member: Member, page: bytes) -> int | None:
    """Where the page takes a script, or None for one that takes none. `page` is its content, or the beginning of it,
    which is read only where a release made the manifest that did not ask."""
    if member.place is None:
        return script_place(page)
    return None if member.place == NO_PLACE else member.place


def inject(page: bytes, script: bytes, place: int) -> bytes:
    """The page with the script at that offset."""
    return b"".join((page[:place], script, page[place:]))


def page_hash(content_hash: str, script: bytes) -> str:
    """The hash (hex) of a page with the script in it, from the hash of the file."""
    return hashlib.sha256(content_hash.encode() + script).hexdigest() if script else content_hash
