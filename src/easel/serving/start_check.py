"""Checks whether a version can start. It applies the edge's own functions to the entry page and to the files that this
page loads.

A version cannot start if its page cannot be served, or if an essential script is missing: a module, or a script with a
fingerprinted name. Every other missing file is only reported.
"""

from __future__ import annotations

import time
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

from easel.bundles.inflate import inflate
from easel.serving.chain import SERVING, Decision
from easel.serving.fingerprint import looks_fingerprinted
from easel.serving.models import File, FixedAnswer, Request, Site
from easel.serving.respond import answer_file, representations

LOOKED_AT = 512 * 1024
"""Number of bytes of the entry page that are parsed. A page refers to its scripts well before this limit."""
PARSE_BUDGET = 2
"""Maximum processor time in seconds for parsing the entry page. Only a page that was built to be slow takes longer."""
MOST_ASSETS = 200
MOST_REDIRECTS = 5
MOST_NAMED = 5
_PIECE = 32 * 1024
_SENT_AS_IT_IS = "/%-._~!$&'()*+,;=:@"


def entry(site: Site) -> tuple[Request, Decision]:
    """Requests the entry page of a site, and follows redirects by the version's own rules. Returns the last request and
    the chain's decision about it."""
    target = "/"
    for _ in range(MOST_REDIRECTS):
        asked = Request("GET", target, accept="text/html", fetch_dest="document")
        decision = SERVING.decide_alone(site, asked)
        location = decision.found.location if isinstance(decision.found, FixedAnswer) else None
        if location is None or not location.startswith("/") or location.startswith("//"):
            break
        target = location.partition("#")[0]
    return asked, decision


def faults(site: Site, asked: Request, decision: Decision) -> tuple[list[str], list[str]]:
    """Checks the response for the entry page (`asked` and `decision`), without its content. Returns failures and notes,
    as two lists of sentences. If there are none, the content is checked next."""
    page = decision.found
    if isinstance(page, FixedAnswer) and page.location is not None:
        return [], [f"its entry page redirects to `{page.location}`, which is not checked."]
    if not isinstance(page, File) or page.status != 200:
        return ["its entry page cannot be served."], []
    if not page.is_html:
        return [f"its entry page is {page.member.type}, not HTML."], []
    if page.member.size == 0:
        return ["its entry page is empty."], []
    decision.finish(site, asked, answer_file(site, page, representations(page), asked))
    return [], []


def look(site: Site, page: File, data: bytes | memoryview) -> tuple[list[str], list[str]]:
    """Checks the files that the entry page loads. `data` contains the first stored bytes of the page. Returns failures
    and notes, as two lists of sentences. Raises DamagedDataError."""
    text = bytearray()
    for piece in inflate(memoryview(data), page.member.method, _PIECE):
        text += piece
        if len(text) >= LOOKED_AT:
            break
    return missing_assets(site, text.decode("utf-8", "replace"))


def missing_assets(site: Site, page: str) -> tuple[list[str], list[str]]:
    """Checks for missing files that the entry page (`page`, its HTML) loads from its own site. Returns failures and
    notes, as two lists of sentences."""
    # Browsers read U+FFFD in place of a NUL (HTML §13.2.5). The database could not store an address with a NUL.
    page = page.replace("\0", "\N{REPLACEMENT CHARACTER}")
    parser = _Assets()
    until = time.thread_time() + PARSE_BUDGET
    for at in range(0, len(page), _PIECE):
        try:
            parser.feed(page[at : at + _PIECE])
        except (AssertionError, ValueError):
            # Python's parser raises an error where a browser continues: at `<![x[y]]>`, or at a character reference out
            # of range.
            break
        if len(parser.assets) >= MOST_ASSETS or time.thread_time() > until:
            break
    errors, notes = [], []
    for base, reference, essential in parser.assets[:MOST_ASSETS]:
        path = _own_path(base, reference)
        if path is None:
            continue
        asked = Request("GET", quote(path, _SENT_AS_IT_IS, errors="replace"), accept="*/*", fetch_dest="script")
        found = SERVING.decide_alone(site, asked).found
        if isinstance(found, File) or found.location is not None:
            continue
        sentence = f"its entry page loads `{path}`, which is not in the bundle"
        if essential or looks_fingerprinted(path):
            errors.append(f"{sentence}. Perhaps the app was built for another base path.")
        else:
            notes.append(f"{sentence}.")
    return errors[:MOST_NAMED], notes[:MOST_NAMED]


def _own_path(base: str, reference: str) -> str | None:
    """Resolves a reference in a page against its base URL. Returns the path if it leads to the app's own host, or None
    if it leads elsewhere."""
    try:
        parts = urlsplit(urljoin(urljoin("http://app.invalid/", base), reference.strip()))
    except ValueError:
        return None
    if parts.scheme != "http" or parts.netloc != "app.invalid" or not parts.path:
        return None
    return parts.path


class _Assets(HTMLParser):
    """Collects the scripts and style sheets that a page loads: the base URL of each reference, the reference, and
    whether the page needs the file to start."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.assets: list[tuple[str, str, bool]] = []
        self._base: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Records the files that an HTML element loads."""
        values = {name: value or "" for name, value in attrs}
        if tag == "base" and "href" in values and self._base is None:
            # The first base element counts, and applies to all references after it (HTML §4.2.3).
            self._base = values["href"]
        elif tag == "script" and values.get("src"):
            self.assets.append((self._base or "", values["src"], values.get("type") == "module"))
        elif tag == "link" and values.get("href") and "stylesheet" in values.get("rel", "").lower().split():
            self.assets.append((self._base or "", values["href"], False))
