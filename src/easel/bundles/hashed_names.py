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

from easel.bundles.content_hashes import SHORTEST, ContentHashes, has_hash_of_dotnet
from easel.bundles.hash_forms import (
    CODE,
    LONGEST,
    PIECES,
    SHOWN,
    HashForm,
    certain,
    form_of,
    hex_end,
    may_be_certain,
    split_name,
    typed,
)
from easel.bundles.hash_groups import ConfirmedGroups, confirmed_code, group_of
from easel.bundles.references import References

_ANGULAR = re.compile(r"(?:^|/)(?:main|polyfills|styles|scripts|worker)-(?P<t>[A-Z2-7]{8})\.(?:m?js|css)(?:\.map)?\Z")
_DOCUSAURUS = re.compile(r"(?:^|/)assets/js/runtime~main\.[0-9a-f]{8}\.js\Z")
_MD5_IMAGE = re.compile(r"(?<=.)[.-][0-9a-f]{32}(?:@[1-9]x)?\.[a-z0-9]{1,10}\Z")
_STENCIL_ENTRY = re.compile(r"(?:^|/)p-[0-9a-f]{8}(?:\.system)?\.entry\.js\Z")
_STENCIL = re.compile(r"(?:^|/)p-[A-Za-z0-9_-]{8}(?:\.system)?(?:\.entry)?\.(?:js|css)(?:\.map)?\Z")
_PICTURE = re.compile(r"(?P<t>[A-Za-z0-9_-]{10})-\d{2,4}\.(?:avif|gif|jpe?g|png|webp|svg)\Z")

_PICTURES = frozenset("avif gif jpg jpeg png webp svg".split())  # noqa: SIM905
_SHORTEST_HEX, _LONGEST_HEX = 6, 128
_BINARY = "wasm"
"""The suffix of WebAssembly files. A build may have copied such a file from another project, so a hash in its name says
nothing about the names of other files."""
_RARELY_ONE = 20
"""If a name consists only of this number of hexadecimal characters, it counts as a hash (webpack's assets). No id has
this number of characters."""


class HashedNames(NamedTuple):
    """The result of the search for hashes in file names: the files whose names certainly contain one (`known`), and the
    files whose names possibly contain one (`may`)."""

    known: Set[str]
    may: Set[str]


def find_hashed(paths: Mapping[str, tuple[str, int]], read: Callable[[str, int], bytes]) -> HashedNames:
    """Returns the files of a version whose names contain a hash of their content.

    `paths` are all files, with the SHA-256 (hex) and size of each. `read` returns a file's content, or at least its
    first bytes up to the given number. `read` is called only while a name needs confirmation. The search reads at most
    `MOST_READ` bytes of pages, scripts, styles and build manifests for references, and at most `MOST_HASHED` bytes of
    `MOST_FILES` files to compute their hashes.
    """
    known: set[str] = set()
    may: set[str] = set()
    forms: dict[str, HashForm] = {}
    others: dict[str, str] = {}
    pictures: dict[str, str] = {}
    md5_images = any("_expo/static/" in path or ("~main." in path and _DOCUSAURUS.search(path)) for path in paths)
    of_stencil = {path.rpartition("/")[0] for path in paths if ".entry." in path and _STENCIL_ENTRY.search(path)}
    for path in paths:
        if len(path) > LONGEST:
            continue
        folder, _, name = path.rpartition("/")
        stem, suffix = split_name(name)
        if not stem or _is_page(name):
            continue
        if (
            (folder in of_stencil and _STENCIL.search(path))
            or (may_be_certain(folder, name) and certain(path))
            or (md5_images and "/assets/" in f"/{path}" and _MD5_IMAGE.search(name))
        ):
            known.add(path)
        elif stem.isalpha() and stem.strip("abcdef") and (len(stem) != 8 or suffix not in CODE):
            continue  # Most names are one word, which no rule below considers a hash.
        elif suffix in _PICTURES and (picture := _PICTURE.match(name)) is not None:
            pictures[path] = picture["t"]
        elif (form := form_of(stem, suffix)) is not None:
            forms[path] = form
        elif _SHORTEST_HEX <= len(digits := hex_end(stem)) <= _LONGEST_HEX:
            others[path] = digits
        elif len(stem) == SHORTEST and suffix in SHOWN and not typed(HashForm("b64", "", stem, suffix)):
            others[path] = stem
    may.update(known, forms, others, pictures)
    known |= _pictures(pictures)
    hashes = ContentHashes(read)
    whole = {*SHOWN, _BINARY}
    tokens = others | {
        path: form.token
        for path, form in forms.items()
        if form.suffix in whole and (form.before or form.kind == "hex" or not typed(form))
    }
    proven = {path for path, token in tokens.items() if hashes.prove(path, token, *paths[path])}
    # Some tools write another part after the hash of the content (Farm: `logo.1d35c205-054d1a.png`), or use the hash as
    # the name of a folder.
    anywhere = {path for path, (sha256, _) in paths.items() if sha256[:SHORTEST] in path and not _is_page(path)}
    if any("_framework/" in path for path in paths):
        # Blazor's styles and scripts outside of its own folder (`App.a1b2c3d4e5.styles.css`).
        names = ((path, path.rpartition("/")[2]) for path in paths if len(path) <= LONGEST and not _is_page(path))
        anywhere |= {path for path, name in names if has_hash_of_dotnet(name, paths[path][0])}
    may |= anywhere
    known |= proven | anywhere
    if forms:
        references = References(paths, read, forms)
        known |= _angular(forms, known, references)
        left = {path: form for path, form in forms.items() if path not in known}
        groups = {group_of(path, forms[path]) for path in proven & forms.keys()}
        known |= _confirmed(left, paths, known, references, groups if hashes.is_complete else set())
        # The contents of scripts are hashed last, because a script's name rarely contains the hash of its final
        # content.
        code = (path for path, form in forms.items() if form.kind == "hex" and path not in known)
        known.update(path for path in code if hashes.prove(path, forms[path].token, *paths[path]))
    return HashedNames(known, may)


def _is_page(path: str) -> bool:
    return path.endswith((".html", ".htm"))


def _angular(forms: Mapping[str, HashForm], others: Collection[str], references: References) -> set[str]:
    """Returns the entry files and media that Angular has named. A file `main-…` or a chunk must be among the entries,
    and all hashes must be in base 32. Many such hashes read like words, so the page must refer to those files."""
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
    """Returns the pictures that eleventy-img has named: with a hash of ten characters and the picture's width. `found`
    maps paths to possible hashes."""
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
    """Returns the files whose names other files of the build confirm as hashed.

    In the groups of `proven`, at least one picture's name contains the hash of the picture's content. If another
    picture's name in such a group does not, the name counts as not hashed.
    """
    groups: dict[tuple[str, str, str], dict[str, HashForm]] = defaultdict(dict)
    code_in: dict[tuple[str, bool], int] = defaultdict(int)
    for path, form in forms.items():
        if form.suffix in CODE and form.suffix != _BINARY:
            groups[group_of(path, form)][path] = form
    folders = {folder for folder, _, _ in groups}
    for path in paths if groups else ():
        folder, _, name = path.rpartition("/")
        if folder in folders:
            suffix = name.removesuffix(".map").rpartition(".")[2]
            if suffix in CODE and suffix != _BINARY and path not in others:
                code_in[folder, suffix == "css"] += 1
    known = {
        path for path, form in forms.items() if not form.before and len(form.token) == _RARELY_ONE and not typed(form)
    }
    confirmed = ConfirmedGroups()
    for group, every in groups.items():
        members: dict[str, HashForm] = {}
        for is_css in (False, True):
            of_kind = {path: form for path, form in every.items() if (form.suffix == "css") == is_css}
            if 2 * len(of_kind) >= code_in[group[0], is_css]:
                members |= of_kind
        if not members:
            continue
        good, by_name = confirmed_code(group, members, references)
        if good:
            known |= good
            confirmed.add(group, by_name=by_name)
    if confirmed.is_empty:
        return known
    for path, form in forms.items():
        if path in known or typed(form) or (form.suffix not in SHOWN and form.suffix != _BINARY):
            continue
        # A build with such scripts gives the same names to its pictures and fonts.
        group = group_of(path, form)
        if group not in proven and confirmed.includes(group, form, references.by_code(path), references.by_pages(path)):
            known.add(path)
    return known
