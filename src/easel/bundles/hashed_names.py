"""Finds the files whose names contain a hash of their content, as build tools write them. A doubtful name does not
count as hashed. An unneeded request for a file costs little, but a browser that never requests a changed file again
breaks the app.

If a name contains the hash of the file's own content, this proves that it is hashed. The form of a name alone proves
nothing, because sizes, years, models and ids look the same (`og-1200x630`, `hero-iPhone15`, an order's `1a2b3c4d`). The
form is enough only in a folder that a single tool writes. In other folders, neighbouring files must confirm the name:
scripts and styles of the same form, and pages or scripts that refer to the file. Even then, a name that a person might
have typed does not count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Set
from typing import NamedTuple

from easel.bundles.content_hashes import ContentHashes
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
    resembles_typed,
    split_name,
    typed,
)
from easel.bundles.references import References

_ANGULAR = re.compile(r"(?:^|/)(?:main|polyfills|styles|scripts|worker)-(?P<t>[A-Z2-7]{8})\.(?:m?js|css)(?:\.map)?\Z")
_DOCUSAURUS = re.compile(r"(?:^|/)assets/js/runtime~main\.[0-9a-f]{8}\.js\Z")
_MD5_IMAGE = re.compile(r"(?<=.)[.-][0-9a-f]{32}(?:@[1-9]x)?\.[a-z0-9]{1,10}\Z")
_PICTURE = re.compile(r"(?P<t>[A-Za-z0-9_-]{10})-\d{2,4}\.(?:avif|gif|jpe?g|png|webp|svg)\Z")

_SOME_HEX = re.compile(r"[0-9a-f]{6,128}\Z")
_BINARY = "wasm"
"""The suffix of WebAssembly. A build may have copied such code from elsewhere, so it does not confirm other names."""
_RARELY_ONE = 20
"""Minimum number of hexadecimal characters with which a name without other parts is a hash (webpack's assets). No id
has so many characters."""


class HashedNames(NamedTuple):
    """The files whose names are `known` to contain a hash, and all files whose names `may` contain a hash."""

    known: Set[str]
    may: Set[str]


def find_hashed(paths: Mapping[str, tuple[str, int]], read: Callable[[str, int], bytes]) -> HashedNames:
    """Returns the files of a version whose names contain a hash of their content.

    `paths` are all files, with the SHA-256 (hex) and size of each. `read` returns a file's content, or at least its
    first bytes up to the given number. It is called only while a name needs confirmation. It reads at most `MOST_READ`
    bytes of pages, scripts, styles and build manifests for references, and at most `MOST_HASHED` bytes of `MOST_FILES`
    files to compute their hashes.
    """
    known: set[str] = set()
    may: set[str] = set()
    forms: dict[str, HashForm] = {}
    others: dict[str, str] = {}
    pictures: dict[str, str] = {}
    md5_images = any("_expo/static/" in path or ("~main." in path and _DOCUSAURUS.search(path)) for path in paths)
    for path in paths:
        name = path.rpartition("/")[2]
        stem, suffix = split_name(name)
        if len(path) > LONGEST or not stem or suffix in ("html", "htm"):
            continue
        if certain(path) or (md5_images and "/assets/" in f"/{path}" and _MD5_IMAGE.search(name)):
            known.add(path)
        elif stem.isalpha() and stem.strip("abcdef") and (len(stem) != 8 or suffix not in CODE):
            continue  # Most names are one word, which no rule below takes for a hash.
        elif (picture := _PICTURE.match(name)) is not None:
            pictures[path] = picture["t"]
        elif (form := form_of(stem, suffix)) is not None:
            forms[path] = form
        elif (end := HEX_END.search(stem)) is not None and _SOME_HEX.match(end[1]):
            others[path] = end[1]
    may.update(known, forms, others, pictures)
    known |= _pictures(pictures)
    hashes = ContentHashes(read)
    whole = {*SHOWN, _BINARY}
    tokens = others | {path: form.token for path, form in forms.items() if form.suffix in whole}
    proven = {path for path, token in tokens.items() if hashes.prove(path, token, *paths[path])}
    known |= proven
    if forms:
        references = References(paths, read, forms)
        known |= _angular(forms, known, references)
        left = {path: form for path, form in forms.items() if path not in known}
        groups = {_group(path, forms[path]) for path in proven & forms.keys()}
        known |= _confirmed(left, paths, known, references, groups if hashes.is_complete else set())
        # Scripts are hashed last, because their names rarely contain the hash of their final content.
        code = (path for path, form in forms.items() if form.kind == "hex" and path not in known)
        known.update(path for path in code if hashes.prove(path, forms[path].token, *paths[path]))
    return HashedNames(known, may)


def _group(path: str, form: HashForm) -> tuple[str, str, str]:
    """Returns the folder, the alphabet and the separator, which the names of one build have in common. Names of rare
    lengths are grouped separately."""
    kind = "b64" if form.kind != "hex" else "hex" if len(form.token) in (8, 10, 16, 20, 32) else f"hex{len(form.token)}"
    return path.rpartition("/")[0], kind, form.before


def _angular(forms: Mapping[str, HashForm], others: Collection[str], references: References) -> set[str]:
    """Finds Angular's entries and media. A file `main-…` or a chunk must be among the entries, and all hashes must be
    in base 32. Many such hashes read like words, so the page must refer to those files."""
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
    """Finds pictures named by eleventy-img: ten characters and the width."""
    return {
        path
        for path, token in found.items()
        if len(PIECES.findall(token)) > 2 and not typed(HashForm("b64", "", token, "png"))
    }


def _confirmed(
    forms: Mapping[str, HashForm],
    paths: Collection[str],
    others: Collection[str],
    references: References,
    proven: Set[tuple[str, str, str]],
) -> set[str]:
    """Returns the names that neighbouring files confirm as hashes. In the groups of `proven`, a picture's name contains
    the hash of the picture's content. If a picture's name in such a group contains something else, the name counts as
    not hashed."""
    groups: dict[tuple[str, str, str], dict[str, HashForm]] = defaultdict(dict)
    code_in: dict[str, int] = defaultdict(int)
    for path, form in forms.items():
        if form.suffix in CODE and form.suffix != _BINARY:
            groups[_group(path, form)][path] = form
    folders = {folder for folder, _, _ in groups}
    for path in paths if groups else ():
        folder, _, name = path.rpartition("/")
        if folder in folders:
            suffix = name.removesuffix(".map").rpartition(".")[2]
            if suffix in CODE and suffix != _BINARY and path not in others:
                code_in[folder] += 1
    known = {
        path for path, form in forms.items() if not form.before and len(form.token) == _RARELY_ONE and not typed(form)
    }
    confirmed = _Confirmed()
    for group, members in groups.items():
        if 2 * len(members) < code_in[group[0]]:
            continue
        good, by_name = _code(group, members, references)
        if good:
            known |= good
            confirmed.add(group, by_name=by_name)
    if confirmed.is_empty:
        return known
    for path, form in forms.items():
        if path in known or typed(form) or (form.suffix not in SHOWN and form.suffix != _BINARY):
            continue
        # A build with such scripts names its pictures and fonts in the same way.
        group = _group(path, form)
        if group not in proven and confirmed.includes(group, form, references.by_code(path), references.by_pages(path)):
            known.add(path)
    return known


def _code(
    group: tuple[str, str, str], members: Mapping[str, HashForm], references: References
) -> tuple[set[str], bool]:
    """Returns the scripts and styles of a group whose names are confirmed as hashes, and whether other files refer to
    them."""
    _, kind, before = group
    untyped = {path for path, form in members.items() if not typed(form)}
    if 2 * len(untyped) < len(members):
        return set(), False
    is_most = 4 * len(untyped) >= 3 * len(members) and len({members[path].token for path in untyped}) > 2
    # Short hashes of commits look like these hashes, and so do names of one word.
    needs_both = kind not in ("hex", "b64") or (kind == "b64" and not before)
    if needs_both and not is_most:
        # This check comes before the files that may refer to these scripts are read, because they have up to 32 MiB.
        return set(), False
    named = {path for path, form in members.items() if references.names_code(path, form)}
    by_name = 2 * len(named) >= len(members)
    if needs_both and not by_name:
        return set(), False
    if by_name:
        good = {
            path
            for path in untyped & named
            if kind != "b64" or references.by_build(path) or not _is_doubtful(members[path], len(members))
        }
        if is_most:
            # A name that reads like a word is a hash too, if scripts reference it and most neighbours are hashes.
            good |= {
                path
                for path in named - untyped
                if before and not any(map(str.isdigit, members[path].token)) and references.by_code(path)
            }
    elif kind == "b64" and 4 * sum(map(is_random, members.values())) < len(members):
        return set(), False
    else:
        good = untyped
    if kind == "hex" and is_most:
        asked_for = named if by_name else set(members)
        good |= {path for path in asked_for if members[path].token.isdigit() and not DATED.match(members[path].token)}
    return good, by_name


def _is_doubtful(form: HashForm, members: int) -> bool:
    """Returns true if a person, and not a tool, may have written the name of this script, which a page refers to."""
    return of_words(form.token) or (members < 3 and not is_random(form))


class _Confirmed:
    """The groups of scripts and styles whose hashed names are confirmed. For each group, it is known whether other
    files refer to its members."""

    def __init__(self) -> None:
        self._beside: dict[tuple[str, str, str], bool] = {}
        self._below: dict[tuple[str, str, str], bool] = {}
        self._anywhere: set[tuple[str, str]] = set()

    @property
    def is_empty(self) -> bool:
        """Returns true if no group of code is confirmed, so that no file can belong to a confirmed group."""
        return not self._beside

    def add(self, group: tuple[str, str, str], *, by_name: bool) -> None:
        """Adds a group of code."""
        folder, kind, before = group
        for mark in (before, "") if kind == "hex" else (before,):
            self._beside[folder, kind, mark] = by_name or self._beside.get((folder, kind, mark), False)
            if folder:
                top = (folder.partition("/")[0], kind, mark)
                self._below[top] = by_name or self._below.get(top, False)
            if by_name:
                self._anywhere.add((kind, mark))

    def includes(self, group: tuple[str, str, str], form: HashForm, by_code: bool, by_pages: bool) -> bool:
        """Returns true if a picture, font or other binary of this group belongs to a confirmed group of code. `by_code`
        and `by_pages` are true if scripts or pages refer to the file."""
        folder, kind, before = group
        by_names = self._beside.get(group), self._below.get((folder.partition("/")[0], kind, before))
        if kind == "b64" and form.kind != "b32" and resembles_typed(form.token):
            return False
        if by_names == (None, None):
            # Some builds have folders for each kind of file (`js/`, `img/`).
            return by_code and (kind, before) in self._anywhere and (kind == "hex" or is_random(form))
        if any(by_names):
            return by_code or (bool(before) and by_pages and kind == "hex")
        return bool(before) and (kind == "hex" or not of_words(form.token))
