"""Whether a version can start: what answers for its entry page by the edge's own rules, and what that page loads.

It cannot when the page does not answer, or when a script without which it cannot start is not there: one that its
build named (a module, or a fingerprinted name). Everything else that is missing is only told.
"""

from __future__ import annotations

import time
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

from easel.bundles.inflate import inflate
from easel.serving.chain import SERVING, Decision
from easel.serving.fingerprint import looks_fingerprinted
from easel.serving.models import File, Fixed, Request, Site
from easel.serving.respond import answer_file, representations

LOOKED_AT = 512 * 1024
"""Bytes of the entry page; what a page loads it names before anything as large as that."""
PATIENCE = 2
"""Seconds of a processor's time; a page that takes longer to read was made to."""
MOST_ASSETS = 200
MOST_REDIRECTS = 5
MOST_NAMED = 5
_PIECE = 32 * 1024
_SENT_AS_IT_IS = "/%-._~!$&'()*+,;=:@"


def entry(site: Site) -> tuple[Request, Decision]:
    """The request for the entry page and what answers it, after the redirects of the version's own rules."""
    target = "/"
    for _ in range(MOST_REDIRECTS):
        asked = Request("GET", target, accept="text/html", fetch_dest="document")
        decision = SERVING.decide_alone(site, asked)
        location = decision.found.location if isinstance(decision.found, Fixed) else None
        if location is None or not location.startswith("/") or location.startswith("//"):
            break
        target = location.partition("#")[0]
    return asked, decision


def faults(site: Site, asked: Request, decision: Decision) -> tuple[list[str], list[str]]:
    """What is wrong with the entry page's answer whatever is in it, and what is only told. Where it is neither, its
    content is to be looked at."""
    page = decision.found
    if isinstance(page, Fixed) and page.location is not None:
        return [], [f"its entry page leads to `{page.location}`, which is not checked."]
    if not isinstance(page, File) or page.status != 200:
        return ["its entry page does not answer."], []
    if not page.is_html:
        return [f"its entry page is {page.member.type}, not HTML."], []
    if page.member.size == 0:
        return ["its entry page is empty."], []
    decision.finish(site, asked, answer_file(site, page, representations(page), asked))
    return [], []


def look(site: Site, page: File, data: bytes | memoryview) -> tuple[list[str], list[str]]:
    """What the entry page, whose stored bytes begin so, loads in vain: failures, and what is only told. Raises
    DamagedDataError."""
    text = bytearray()
    for piece in inflate(memoryview(data), page.member.method, _PIECE):
        text += piece
        if len(text) >= LOOKED_AT:
            break
    return missing_assets(site, text.decode("utf-8", "replace"))


def missing_assets(site: Site, page: str) -> tuple[list[str], list[str]]:
    """What the entry page loads from its own address and the site has not: failures, and what is only told."""
    # HTML §13.2.5: what browsers read in its place. The database could not keep what is told of an address with it.
    page = page.replace("\0", "\N{REPLACEMENT CHARACTER}")
    parser = _Assets()
    until = time.thread_time() + PATIENCE
    for at in range(0, len(page), _PIECE):
        try:
            parser.feed(page[at : at + _PIECE])
        except (AssertionError, ValueError):
            # Python's parser gives up where a browser goes on: at `<![x[y]]>`, or at a character beyond all numbers.
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
            errors.append(f"{sentence} (was it built for another base path?).")
        else:
            notes.append(f"{sentence}.")
    return errors[:MOST_NAMED], notes[:MOST_NAMED]


def _own_path(base: str, reference: str) -> str | None:
    """The path of a reference on the app's own address, or None when it leads elsewhere."""
    try:
        parts = urlsplit(urljoin(urljoin("http://app.invalid/", base), reference.strip()))
    except ValueError:
        return None
    if parts.scheme != "http" or parts.netloc != "app.invalid" or not parts.path:
        return None
    return parts.path


class _Assets(HTMLParser):
    """The scripts and style sheets a page loads: against which base, and whether the page cannot start without it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.assets: list[tuple[str, str, bool]] = []
        self._base: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what the element loads."""
        values = {name: value or "" for name, value in attrs}
        if tag == "base" and "href" in values and self._base is None:
            # HTML §4.2.3: the first one counts, for what follows it.
            self._base = values["href"]
        elif tag == "script" and values.get("src"):
            self.assets.append((self._base or "", values["src"], values.get("type") == "module"))
        elif tag == "link" and values.get("href") and "stylesheet" in values.get("rel", "").lower().split():
            self.assets.append((self._base or "", values["href"], False))
