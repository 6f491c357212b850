"""The smoke test: a candidate is asked for its entry page by the edge's own rules, before any visitor sees it.

It fails when the page does not answer, or when a script without which it cannot start is not there: one that its
build named (a module, or a fingerprinted name). Everything else that is missing is only told.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from easel import clock
from easel.bundles.inflate import DamagedDataError, inflate
from easel.serving.chain import SERVING, Decision
from easel.serving.fingerprint import looks_fingerprinted
from easel.serving.models import File, Fixed, Request, Site
from easel.serving.respond import answer_file, representations
from easel.storage.errors import ObjectMissingError
from easel.storage.objects import ObjectStore

LOOKED_AT = 512 * 1024
"""Bytes of the entry page; what a page loads it names before anything as large as that."""
PATIENCE = 2
"""Seconds of a processor's time; a page that takes longer to read was made to."""
MOST_ASSETS = 200
MOST_REDIRECTS = 5
MOST_NAMED = 5
_PIECE = 32 * 1024
_SENT_AS_IT_IS = "/%-._~!$&'()*+,;=:@"
_READ_AT_ONCE = 4 * 1024
"""Bytes of a page that is read before a thread would have begun to."""


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """How it went: what failed, what is merely worth telling, and how long it took (ms)."""

    url: str
    errors: list[str]
    notes: list[str]
    duration_ms: int
    tested_at: str = field(default_factory=lambda: clock.iso(clock.now()) or "")

    @property
    def passed(self) -> bool:
        """Whether the version may go live."""
        return not self.errors

    def as_json(self) -> dict[str, Any]:
        """The result as the contract shows it."""
        return {
            "passed": self.passed,
            "url": self.url,
            "errors": self.errors,
            "duration_ms": self.duration_ms,
            "tested_at": self.tested_at,
        }


async def smoke_test(objects: ObjectStore, site: Site, url: str) -> SmokeResult:
    """Asks the candidate site for its entry page and for what that page loads. Raises StoreUnavailableError."""
    began = time.perf_counter()
    errors: list[str] = []
    notes: list[str] = []
    asked, decision = _entry(site)
    page = decision.found
    if isinstance(page, Fixed) and page.location is not None:
        notes.append(f"its entry page leads to `{page.location}`, which is not looked at.")
    elif not isinstance(page, File) or page.status != 200:
        errors.append("its entry page does not answer.")
    elif not page.is_html:
        errors.append(f"its entry page is {page.member.type}, not HTML.")
    elif page.member.size == 0:
        errors.append("its entry page is empty.")
    else:
        decision.finish(site, asked, answer_file(site, page, representations(page), asked))
        try:
            data = await _read(objects, site, page)
            if page.member.size <= _READ_AT_ONCE:
                missing, told = _look(site, page, data)
            else:
                missing, told = await asyncio.to_thread(_look, site, page, data)
        except (ObjectMissingError, DamagedDataError):
            errors.append("its entry page cannot be read back from the store.")
        else:
            errors.extend(missing)
            notes.extend(told)
    return SmokeResult(url, errors, notes, max(0, round((time.perf_counter() - began) * 1000)))


def _entry(site: Site) -> tuple[Request, Decision]:
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


def _look(site: Site, page: File, data: bytes) -> tuple[list[str], list[str]]:
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


async def _read(objects: ObjectStore, site: Site, page: File) -> bytes:
    """The page as it is stored, or so much of it that it surely holds what is looked at."""
    member, manifest = page.member, site.manifest
    if manifest.entry and member is manifest.files.get(manifest.home):
        # That is what edges will answer with.
        return manifest.entry
    bundle = manifest.bundles[member.bundle]
    return bytes(await objects.get_range(bundle.key, member.offset, min(member.length, 2 * LOOKED_AT)))


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
