"""Finds pages whose digest is stated in the bundle itself: in a service worker's list of hashes (Angular's `ngsw.json`,
Blazor's `service-worker-assets.js`), as subresource integrity, in checksums, or in a signature. If Easel changed such a
page, its digest would be wrong, and the page would be refused.

No list's format is parsed. A page counts if its own digest appears in some text of the bundle, which only such a list
can cause. MD5 in scripts does not count, because a precache's revisions (Workbox) are compared only with each other,
not with served content. SHA-1 in scripts does not count either.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from easel.bundles.hash_forms import CODE
from easel.bundles.models import Member
from easel.bundles.pages import LARGEST
from easel.bundles.searching import find, holds, offsets, translated
from easel.bundles.types import DEFAULT, is_text

LARGEST_LIST = 8 * 1024 * 1024
"""Maximum size in bytes of a file that is searched for digests."""
MOST_READ = 32 * 1024 * 1024
"""Maximum size in bytes of all files together that are searched for digests. The smallest files are searched first."""
MOST_HASHED = 256 * 1024 * 1024
"""Maximum size in bytes of all pages together whose digests are computed. The smallest pages are hashed first."""
_MOST_DIGESTS = 400_000

_BY_LENGTH = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_FLAT = bytes(ord("h") if chr(c) in "0123456789abcdefABCDEF" else ord(" ") for c in range(256))
_ELSEWHERE, _IN_CODE = b"h" * 32, b"h" * 64
"""The shortest hex digest that counts outside of scripts and in scripts, with a letter `h` for each digit. Hex digests
in pages do not count, because a page that shows a digest is not a list for comparison."""
_PAGES = frozenset({"html", "htm", "shtml"})
_COMPARE_NOTHING = frozenset({"css", "map"})
"""Suffixes of texts whose digests are never compared with a page: styles, and files for debuggers."""
_QUOTES = (b'"', b"'", b"`", b"\\")
_MOST_LOOKED_AT = 100
"""Maximum number of page names, runs of hex digits and mentions of service workers that are examined in a text. A text
with more of them counts as a match."""
_RUN = frozenset({"text/javascript", "text/html", "application/xhtml+xml", "image/svg+xml"})
"""Types of text that browsers run."""
_BASE64 = re.compile(rb"(?:sha|SHA)-?(256|384|512)[-=:]{1,2}([A-Za-z0-9+/_-]{43,86}+)(?![A-Za-z0-9+/_-])")
_BASE64_BEGINS = (b"sha256-", b"sha384-", b"sha512-", b"sha-", b"SHA-")
"""The prefixes of digests in integrity attributes (SRI §3.5) and digest fields (RFC 9530 §5, RFC 3230 §4.3.2)."""
_BARE_ENDS = (b'="', b"='", b"=\n", b"=\r")
_BARE = re.compile(rb"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{22,86}+={1,2}")
_BARE_LENGTHS = {24: "md5", 28: "sha1", 44: "sha256", 88: "sha512"}
"""Lengths of digests in Base64 without a prefix, as in JSON lists and in the manifests of jar files. Padding marks
their end."""
_LISTS = frozenset("json jsonl mf sf txt yaml yml".split())  # noqa: SIM905
_OF_OTHERS = (b"integrity=", b'integrity="', b"integrity='")
"""The beginnings of attributes for the digest of a script or style. A digest after one of them is not a page's
digest."""
_SIGNATURES = tuple(
    ".asc .bundle .cms .gpg .intoto.jsonl .minisig .ots .p7m .p7s .sig .sign .sigstore .sigstore.json .tsr".split()  # noqa: SIM905
)
"""Suffixes of files that sign another file, or prove its time. Without the suffix, the name is the other file's
name."""
_REGISTERS = re.compile(rb"""serviceWorker(?:["'`]\])?\s{0,32}\??\.\s{0,32}register\s{0,32}\(""")
"""A pattern for the call that registers a service worker, also minified."""
_SUM = re.compile(r"sums?\Z|\.(?:md5|sha\d{1,3}|sum|mf|sf)\Z", re.IGNORECASE)
_WORKER = re.compile(r"(?<![^-._])(?:sw|(?:[a-z]{1,20})?service[-_]?worker|precache-manifest)(?=[-._])", re.IGNORECASE)
"""A pattern for common names of the scripts of service workers and of their precache lists."""
LONGEST_REGISTERS = len("serviceWorker']?.register(") + 3 * 32


def is_looked_through(name: str, type_: str) -> bool:
    """Returns true if a file of this name and content type may be a list of digests. The caller checks that the file
    has at most `LARGEST_LIST` bytes."""
    if name.rpartition(".")[2].lower() in _COMPARE_NOTHING:
        return False
    return is_text(type_) or (type_ == DEFAULT and (_is_sum(name) or "." not in name))


class Digests(NamedTuple):
    """The forms of digests that a file is searched for. `shortest` has one letter `h` for each digit of the shortest
    hex digest. If `shortest` is None, hex digits do not count. `bare` is true if Base64 without a prefix counts."""

    shortest: bytes | None
    bare: bool


def digests_in(name: str) -> Digests:
    """Returns the forms of digests that a file of this name is searched for."""
    _, dot, suffix = name.rpartition(".")
    if not dot:
        return Digests(_ELSEWHERE, bare=True)
    suffix = suffix.lower()
    shortest = None if suffix in _PAGES else _IN_CODE if suffix in CODE else _ELSEWHERE
    return Digests(shortest, suffix in _LISTS)


def may_vouch(content: bytes, counted: Digests) -> bool:
    """Returns true if a text contains a possible digest of a page, in a form that `counted` allows. This function runs
    for every text, so it searches as little as possible. Scripts are searched for hex digits only if they contain a
    page's name in quotes. Digests in a page do not count if they are the digests of files that the page loads."""
    shortest, bare = counted
    # Many texts contain none of the five prefixes. Such a text is searched once or twice instead of five times.
    begins = [begin for begin in _BASE64_BEGINS if holds(content, begin)] if _names_sha(content) else []
    if shortest is None:
        return any(content.count(one) > sum(content.count(before + one) for before in _OF_OTHERS) for one in begins)
    if begins or (shortest == _IN_CODE and not _names_page(content)):
        return bool(begins)
    if bare and _has_bare(content):
        return True
    # After `_MOST_LOOKED_AT` runs of hex digits, the search ends, and the text counts as a text with digests.
    runs = enumerate(_runs(content, shortest))
    return any(number == _MOST_LOOKED_AT or _algorithm(content, run) is not None for number, run in runs)


def _names_sha(content: bytes) -> bool:
    return holds(content, b"sha") or holds(content, b"SHA-")


def _has_bare(content: bytes) -> bool:
    for end in _BARE_ENDS:
        for number, at in enumerate(offsets(content, end)):
            if number == _MOST_LOOKED_AT or _BARE.search(content, max(0, at - max(_BARE_LENGTHS)), at + 1) is not None:
                return True
    return False


def _names_page(script: bytes) -> bool:
    # In most scripts, `.htm` occurs only in comments, in the addresses of documentation.
    for number, at in enumerate(offsets(script, b".htm")):
        if number == _MOST_LOOKED_AT or script[at + 4 : at + 6].lstrip(b"l")[:1] in _QUOTES:
            return True
    return False


def is_run(type_: str) -> bool:
    """Returns true if browsers run the scripts in a file of this type. Such a file may register a service worker."""
    return type_.partition(";")[0] in _RUN


def registers_worker(content: bytes) -> bool:
    """Returns true if the code in a script or a page registers a service worker."""
    if not holds(content, b"serviceWorker"):
        return False  # This is the result for most scripts.
    calls = enumerate(offsets(content, b"serviceWorker"))
    return any(number == _MOST_LOOKED_AT or _REGISTERS.match(content, at) is not None for number, at in calls)


def is_worker(path: str) -> bool:
    """Returns true if the file at this path has a usual name of a service worker's script."""
    name = path.rpartition("/")[2]
    lower = name.lower()
    if "sw" not in lower and "worker" not in lower and "precache" not in lower:
        return False
    return name.endswith((".js", ".mjs")) and _WORKER.search(name) is not None


def find_vouched(files: Mapping[str, Member], lists: Collection[str], read: Callable[[str], bytes]) -> dict[str, str]:
    """Returns the pages whose digest is recorded in the bundle, each with the path of the file that records it. `lists`
    are the files for which `may_vouch` is true. `read` returns a file's content."""
    pages = {path: member for path, member in files.items() if member.type.startswith("text/html")}
    found = {path: path + suffix for path in pages for suffix in _SIGNATURES if path + suffix in files}
    listed: dict[tuple[str, bytes], str] = {}
    left = MOST_READ
    for path in sorted(lists, key=lambda path: files[path].size) if pages else ():
        left -= files[path].size
        if left < 0 or len(listed) >= _MOST_DIGESTS:
            break
        for digest in digests(read(path), digests_in(path.rpartition("/")[2])):
            listed.setdefault(digest, path)
    return found | _named(pages, listed, read) if listed else found


def _named(
    pages: Mapping[str, Member], listed: Mapping[tuple[str, bytes], str], read: Callable[[str], bytes]
) -> dict[str, str]:
    found: dict[str, str] = {}
    algorithms = {algorithm for algorithm, _ in listed} - {"sha256"}
    left = MOST_HASHED
    for path, member in sorted(pages.items(), key=lambda page: page[1].size):
        digests = [("sha256", bytes.fromhex(member.hash))]
        left -= member.size
        if algorithms and member.size <= LARGEST and left >= 0:
            content = read(path)
            digests += [(one, hashlib.new(one, content, usedforsecurity=False).digest()) for one in algorithms]
        by = next((listed[digest] for digest in digests if digest in listed), None)
        if by is not None and by != path:
            found[path] = by
    return found


def digests(content: bytes, counted: Digests) -> Iterator[tuple[str, bytes]]:
    """Yields the possible digests in a text, each with its algorithm, which is known from its length."""
    yield from _in_base64(content)
    if counted.bare:
        for match in _BARE.finditer(content):
            if (algorithm := _BARE_LENGTHS.get(len(match[0]))) is not None:
                yield algorithm, base64.b64decode(match[0])
    if counted.shortest is not None:
        yield from _in_hex(content, counted.shortest)


def _in_base64(content: bytes) -> Iterator[tuple[str, bytes]]:
    for match in _BASE64.finditer(content):
        text = match[2].replace(b"-", b"+").replace(b"_", b"/")
        try:
            digest = base64.b64decode(text + b"=" * (-len(text) % 4))
        except binascii.Error:
            continue
        if len(digest) * 8 == int(match[1]):
            yield f"sha{match[1].decode()}", digest


def _runs(content: bytes, shortest: bytes) -> Iterator[tuple[int, int]]:
    """Yields the start and end of each run of hex digits in a text that is as long as `shortest` or longer."""
    flat = translated(content, _FLAT)
    at = find(flat, shortest)
    while at >= 0:
        end = flat.find(b" ", at)
        end = len(flat) if end < 0 else end
        yield at, end
        at = find(flat, shortest, end)


def _algorithm(content: bytes, run: tuple[int, int]) -> str | None:
    """Returns the algorithm of a possible digest, from the length of the run of hex digits (start and end in
    `content`). Returns None if no algorithm has this length, or if the run is part of a longer word."""
    at, end = run
    before = content[max(0, at - 2) : at]
    if (before[-1:].isalnum() and before.lower() != b"0x") or content[end : end + 1].isalnum():
        return None
    return _BY_LENGTH.get(end - at)


def _in_hex(content: bytes, shortest: bytes) -> Iterator[tuple[str, bytes]]:
    for run in _runs(content, shortest):
        algorithm = _algorithm(content, run)
        if algorithm is not None:
            yield algorithm, bytes.fromhex(content[run[0] : run[1]].decode())


def _is_sum(name: str) -> bool:
    return _SUM.search(name) is not None
