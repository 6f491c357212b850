"""Determines which files clients may cache for ever, and which missing files may belong to an earlier version."""

from __future__ import annotations

import re

from easel.bundles.hash_forms import CODE, SHOWN, HashForm, certain, split_name, typed
from easel.bundles.models import Member
from easel.bundles.names import MAX_NAME_BYTES

_BUILD_FOLDERS = re.compile(r"(?:^|/)(?:assets|_astro|_nuxt|_next|build|chunks|immutable|static|dist|js|css|media)/")
_OF_ONE_BUILD = re.compile(r"(?:^|/)(?:_next/static|_app|_astro|_nuxt|_expo/static)/")
_HEX = re.compile(r"[-._]([0-9a-f]{8,64})(?:\.(?:chunk|min|bundle|module|esm))*\Z")
_SHORT_HEX = re.compile(r"[-.][0-9a-f]{5,7}(?:\.(?:chunk|min|bundle|module|esm))*\Z")
_HEX_ALONE = re.compile(r"[0-9a-f]{16,64}\Z")
_BASE32 = re.compile(r"[-.]([A-Z2-7]{8})\Z")
_TAIL = re.compile(r"[-.]([A-Za-z0-9_-]{8}(?:[A-Za-z0-9_-]{2})?)(?:\.lean)?\Z")
_PICTURE = re.compile(r"[A-Za-z0-9_-]{10}-\d{2,4}\Z")
_SCALE = re.compile(r"@[1-9]x\Z")
_MAYBE_TAIL = re.compile(r"[-._][A-Za-z0-9_-]{6}")
_LONG = 13
"""Minimum number of characters of a file name that can contain a hash without a separator before the hash."""
_FOLDER_OF_HASH = re.compile(r"(?:^|/)[0-9a-f]{16,64}/")
_PART = re.compile(r"[A-Za-z0-9]{7,128}")
_WHOLE = re.compile(r"(?:\A|[-._])([A-Za-z0-9_-]{8})\Z")
_LONG_HEX = re.compile(r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,128}\Z")
_CHUNK = re.compile(r"\A(?:chunk|[a-z])-[a-z0-9]{8}\Z|[-.][A-Z2-7]{8}\Z")
"""Names of chunks in the forms of Bun, Qwik, Stencil and esbuild."""
_ASKED_BY_SCRIPTS = CODE | SHOWN | {"dat", "data", "json"}
"""Suffixes of files that the scripts of a page in an open browser tab may still request after a deploy."""
_WORDS = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[-_](?:[A-Z]?[a-z]+|[A-Z]+))*\Z|(?:[A-Z][a-z]+)+\Z")


def is_immutable(path: str, member: Member) -> bool:
    """Returns true if the content under this file name never changes. The manifest (`member`) states whether the name
    contains a hash. In a manifest of an old release, only the name can prove this."""
    return certain(path) if member.immutable is None else member.immutable


def looks_fingerprinted(path: str) -> bool:
    """Returns true if the file name looks as if it contained a hash. Use this guess only where a wrong guess does no
    harm."""
    stem = _stem(path)
    match = _HEX.search(stem) or _BASE32.search(stem)
    if match is not None and _letters_and_digits(match[1]):
        return True
    if certain(path):
        return True
    match = _TAIL.search(stem) if _BUILD_FOLDERS.search(path) else None
    if match is None or _WORDS.match(match[1]):
        return False
    return _letters_and_digits(match[1]) or _mixed_case(match[1])


def may_be_of_an_earlier_version(path: str) -> bool:
    """Returns true if the path of a missing file may belong to a page of an earlier version that is still open in a
    browser. Returns false for pages. The rule accepts many paths, because an unneeded look-up does no harm."""
    if len(path) > MAX_NAME_BYTES or path.endswith((".html", ".htm")):
        return False
    stem = _stem(path)
    if _OF_ONE_BUILD.search(path) is not None or _FOLDER_OF_HASH.search(path) is not None:
        return True
    if len(stem) < _LONG and _MAYBE_TAIL.search(stem) is None:
        # Most missing files have names of less than 13 characters. Such a name contains a hash only if it contains
        # little else.
        return len(stem) >= 8 and _is_random(path)
    if looks_fingerprinted(path) or _is_random(path):
        return True
    if "." not in path.rsplit("/", 1)[-1]:
        return False
    if _SHORT_HEX.search(stem) or _HEX_ALONE.match(stem) or _PICTURE.match(stem):
        return True
    return _BUILD_FOLDERS.search(path) is not None and _TAIL.search(stem) is not None


def _is_random(path: str) -> bool:
    """Returns true if a part of the file name is neither a word nor other text that a person typed."""
    stem, suffix = split_name(path.rpartition("/")[2])
    if suffix not in _ASKED_BY_SCRIPTS:
        return False
    if _CHUNK.search(stem) is not None:
        return True
    whole = _WHOLE.search(stem)
    parts = [whole[1]] if whole is not None else []
    for part in (*parts, *_PART.findall(stem)):
        if _LONG_HEX.match(part) is not None:
            return True
        if (_letters_and_digits(part) or _mixed_case(part)) and not typed(HashForm("b64", "", part, "js")):
            return True
    return False


def _stem(path: str) -> str:
    stem = path.rpartition("/")[2].removesuffix(".map").rsplit(".", 1)[0]
    return _SCALE.sub("", stem) if "@" in stem else stem


def _letters_and_digits(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def _mixed_case(text: str) -> bool:
    return any(c.isupper() for c in text) and any(c.islower() for c in text)
