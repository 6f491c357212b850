"""Finds the names that contain a hash of their content, as build tools write them. A doubtful name counts as having
none: requesting a file again costs little, but a changed file that is never requested again breaks the app.

A form alone proves nothing, since sizes, years, models and ids look alike (`og-1200x630`, `hero-iPhone15`, an order's
`1a2b3c4d`). It counts in a folder that only one tool writes. Elsewhere, neighbouring files must confirm it: scripts and
styles of the same form, and pages or scripts that name the file. Even then, a name that a person might have typed does
not count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Set
from typing import NamedTuple

from easel.bundles.hash_forms import (
    CODE,
    DATED,
    HEX_END,
    LONGEST,
    PIECES,
    SHOWN,
    HashForm,
    certain,
    form_of,
    is_random,
    of_words,
    split_name,
    typed,
)
from easel.bundles.references import References

_ANGULAR = re.compile(r"(?:^|/)(?:main|polyfills|styles|scripts|worker)-(?P<t>[A-Z2-7]{8})\.(?:m?js|css)(?:\.map)?\Z")
_DOCUSAURUS = re.compile(r"(?:^|/)assets/js/runtime~main\.[0-9a-f]{8}\.js\Z")
_MD5_IMAGE = re.compile(r"(?<=.)[.-][0-9a-f]{32}(?:@[1-9]x)?\.[a-z0-9]{1,10}\Z")
_PICTURE = re.compile(r"(?P<t>[A-Za-z0-9_-]{10})-\d{2,4}\.(?:avif|gif|jpe?g|png|webp|svg)\Z")
_SHA = re.compile(r"[-.]([0-9a-f]{64})\.[a-z0-9]+\Z")

_SOME_HEX = re.compile(r"[0-9a-f]{6,64}\Z")


class HashedNames(NamedTuple):
    """The files whose names are `known` to contain a hash, and all files whose names `may` contain one."""

    known: Set[str]
    may: Set[str]


def find_hashed(paths: Mapping[str, tuple[str, int]], read: Callable[[str, int], bytes]) -> HashedNames:
    """The files of a version whose names contain a hash of their content.

    `paths` are all files, with the SHA-256 (hex) and size of each. `read` returns a file's content, or at least that
    many bytes of it. It is called for few files: at most `MOST_READ` bytes of pages, scripts, styles and build
    manifests, and only while a name needs confirmation.
    """
    known: set[str] = set()
    may: set[str] = set()
    forms: dict[str, HashForm] = {}
    pictures: dict[str, str] = {}
    md5_images = any("_expo/static/" in path or _DOCUSAURUS.search(path) for path in paths)
    for path in paths:
        name = path.rpartition("/")[2]
        stem, suffix = split_name(name)
        if len(path) > LONGEST or not stem or suffix in ("html", "htm"):
            continue
        if certain(path) or (md5_images and "/assets/" in f"/{path}" and _MD5_IMAGE.search(name)):
            known.add(path)
        elif stem.isalpha() and stem.strip("abcdef"):
            continue  # Most names are one word, which no rule below takes for a hash.
        elif (sha := _SHA.search(name)) is not None:
            may.add(path)
            if sha[1] == paths[path][0]:
                known.add(path)
        elif (picture := _PICTURE.match(name)) is not None:
            pictures[path] = picture["t"]
        elif (form := form_of(stem, suffix)) is not None:
            forms[path] = form
        elif (end := HEX_END.search(stem)) is not None and _SOME_HEX.match(end[1]):
            may.add(path)
    may.update(known, forms, pictures)
    known |= _pictures(pictures)
    if forms:
        references = References(paths, read, forms)
        known |= _angular(forms, known, references)
        left = {path: form for path, form in forms.items() if path not in known}
        known |= _confirmed(left, paths, known, references)
    return HashedNames(known, may)


def _angular(forms: Mapping[str, HashForm], others: Collection[str], references: References) -> set[str]:
    """Angular's entries and media. `main-` or a chunk must be among them, and all must be in base 32. Many such hashes
    read like words, so the page must name those files."""
    by_folder: dict[str, set[str]] = defaultdict(set)
    for path, form in forms.items():
        if _ANGULAR.search(path) and (not typed(form) or (form.token.isalpha() and references.by_pages(path))):
            by_folder[path.rpartition("/")[0]].add(path)
    of_angular = {path.rpartition("/")[0] for path in others if path.rpartition("/")[2].startswith("chunk-")}
    of_angular |= {folder for folder, entries in by_folder.items() if any("main-" in path for path in entries)}
    known = {path for folder in of_angular for path in by_folder.get(folder, ())}
    for path, form in forms.items():
        above, _, folder = path.rpartition("/")[0].rpartition("/")
        if folder != "media" or above not in of_angular or form.kind != "b32" or form.before != "-":
            continue
        if not typed(form) or (form.token.isalpha() and references.by_code(path)):
            known.add(path)
    return known


def _pictures(found: Mapping[str, str]) -> set[str]:
    """eleventy-img's: ten characters and the width."""
    return {
        path
        for path, token in found.items()
        if len(PIECES.findall(token)) > 2 and not typed(HashForm("b64", "", token, "png"))
    }


def _confirmed(
    forms: Mapping[str, HashForm], paths: Collection[str], others: Collection[str], references: References
) -> set[str]:
    """The names that neighbouring files confirm as hashes."""
    groups: dict[tuple[str, str, str], dict[str, HashForm]] = defaultdict(dict)
    code_in: dict[str, int] = defaultdict(int)
    for path in paths:
        folder, _, name = path.rpartition("/")
        if path not in others and name.removesuffix(".map").rpartition(".")[2] in CODE:
            code_in[folder] += 1
    for path, form in forms.items():
        if form.suffix in CODE:
            folder = path.rpartition("/")[0]
            groups[folder, "hex" if form.kind == "hex" else "b64", form.before][path] = form
    # webpack's assets: exactly twenty characters, which no id has.
    known = {path for path, form in forms.items() if not form.before and not typed(form)}
    beside: dict[tuple[str, str, str], bool] = {}
    below: dict[tuple[str, str, str], bool] = {}
    for (folder, kind, before), members in groups.items():
        if 2 * len(members) < code_in[folder]:
            continue
        untyped = {path for path, form in members.items() if not typed(form)}
        if 2 * len(untyped) < len(members):
            continue
        named = {path for path, form in members.items() if references.names_code(path, form)}
        by_name = 2 * len(named) >= len(members)
        if by_name:
            good = {
                path
                for path in untyped & named
                if kind == "hex" or not of_words(members[path].token) or references.by_build(path)
            }
            if 4 * len(untyped) >= 3 * len(members) and len(untyped) > 2:
                # A name that reads like a word is a hash too, if scripts reference it and most of its neighbours are
                # hashes.
                good |= {
                    path
                    for path in named - untyped
                    if not any(map(str.isdigit, members[path].token)) and references.by_code(path)
                }
        elif kind == "b64" and 4 * sum(map(is_random, members.values())) < len(members):
            continue
        else:
            good = untyped
        if kind == "hex" and 4 * len(untyped) >= 3 * len(members) and len(untyped) > 2:
            asked_for = named if by_name else set(members)
            good |= {
                path for path in asked_for if members[path].token.isdigit() and not DATED.match(members[path].token)
            }
        if good:
            known |= good
            beside[folder, kind, before] = by_name
            if folder:
                top = folder.partition("/")[0]
                below[top, kind, before] = by_name or below.get((top, kind, before), False)
    for path, form in forms.items():
        if form.suffix in SHOWN and path not in known and not typed(form):
            # A build with such scripts names its pictures and fonts in the same way, in the same folder or nearby.
            folder, kind = path.rpartition("/")[0], "hex" if form.kind == "hex" else "b64"
            by_names = (
                beside.get((folder, kind, form.before)),
                below.get((folder.partition("/")[0], kind, form.before)),
            )
            if by_names == (None, None):
                continue
            if any(by_names):
                shown = references.by_code(path) or (references.by_pages(path) and is_random(form))
            else:
                shown = form.kind == "hex" or not of_words(form.token)
            if shown:
                known.add(path)
    return known
