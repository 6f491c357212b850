"""Which file names carry a fingerprint of their content, and so may be cached for ever."""

from __future__ import annotations

import re

_BUILD_FOLDERS = re.compile(r"(?:^|/)(?:assets|_astro|_nuxt|_next|build|chunks|immutable|static|dist|js|css|media)/")
_ALWAYS = re.compile(r"(?:^|/)(?:_next/static/(?:chunks|css|media)|_app/immutable)/")
_OF_ONE_BUILD = re.compile(r"(?:^|/)(?:_next/static|_app|_astro|_nuxt)/")
_HEX = re.compile(r"[-._]([0-9a-f]{8,64})(?:\.(?:chunk|min|bundle|module|esm))*\Z")
_BASE32 = re.compile(r"[-.]([A-Z2-7]{8})\Z")
_TAIL = re.compile(r"[-.]([A-Za-z0-9_-]{8})\Z")
_WORDS = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[-_](?:[A-Z]?[a-z]+|[A-Z]+))*\Z|(?:[A-Z][a-z]+)+\Z")


def is_fingerprinted(path: str) -> bool:
    """Whether the file's name holds a hash of its content, as build tools write them.

    In doubt it says no: a file that is asked for again costs little, a changed file that is never asked for again
    costs the app. A hash must hold letters and digits (so that a date is none), or look like no word.
    """
    if _ALWAYS.search(path):
        return True
    name = path.rsplit("/", 1)[-1]
    stem = name.removesuffix(".map").rsplit(".", 1)[0]
    match = _HEX.search(stem) or _BASE32.search(stem)
    if match is not None and _letters_and_digits(match[1]):
        return True
    if _BUILD_FOLDERS.search(path) is None:
        return False
    match = _TAIL.search(stem)
    if match is None:
        return False
    tail = match[1]
    return not tail.isdigit() and _WORDS.match(tail) is None and (_letters_and_digits(tail) or _mixed_case(tail))


def may_be_of_an_earlier_version(path: str) -> bool:
    """Whether a missing file may be one that a page of an earlier version still asks for. Never a page itself.

    A little wider than `is_fingerprinted`, since answering it from an earlier version does no harm.
    """
    if path.endswith((".html", ".htm")):
        return False
    if is_fingerprinted(path) or _OF_ONE_BUILD.search(path) is not None:
        return True
    stem, dot, _ = path.rsplit("/", 1)[-1].removesuffix(".map").rpartition(".")
    return bool(dot) and _BUILD_FOLDERS.search(path) is not None and _TAIL.search(stem) is not None


def _letters_and_digits(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def _mixed_case(text: str) -> bool:
    return any(c.isupper() for c in text) and any(c.islower() for c in text)
