"""Which names hold a hash of their content, as build tools write them. In doubt a name holds none: a file that is asked
for again costs little, a changed file that is never asked for again costs the app.

A form alone proves nothing, since sizes, years, models and ids look alike (`og-1200x630`, `hero-iPhone15`, an order's
`1a2b3c4d`). It counts in a folder that one tool alone writes; elsewhere what is beside it has to confirm it: scripts
and styles of the same form, and pages or scripts that name the file. A name that reads as if somebody had typed it is
then still none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Set
from itertools import chain, islice
from typing import NamedTuple

CODE = frozenset("js mjs cjs css wasm".split())  # noqa: SIM905
_SHOWN = frozenset(
    "avif gif ico jpeg jpg jxl png svg webp bmp eot otf ttf woff woff2 mp3 mp4 webm ogg m4a wav glb gltf".split()  # noqa: SIM905
)
_FILES = rf"\.(?:{'|'.join(sorted(CODE | _SHOWN))})(?:\.map)?\Z"
_B64, _HEX, _B32 = (
    r"[A-Za-z0-9_-]{8}",
    r"(?:[0-9a-f]{8}|[0-9a-f]{10}|[0-9a-f]{16}|[0-9a-f]{20}|[0-9a-f]{32})",
    r"[A-Z2-7]{8}",
)

_B32_ONLY = re.compile(_B32)
_OWN_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # SvelteKit, Astro and its optimised images, Nuxt.
    ("/_app/immutable/", re.compile(rf"(?:\A|\.)(?P<token>{_B64}){_FILES}")),
    ("/_app/immutable/", re.compile(rf"-[0-9a-f]{{8}}{_FILES}")),
    ("/_astro/", re.compile(rf"\.(?P<token>{_B64})(?:_[A-Za-z0-9]{{5,6}})?{_FILES}")),
    ("/_nuxt/", re.compile(rf"(?:\A|\.)(?P<token>{_B64}){_FILES}")),
    # Next: hexadecimal by webpack, 13 characters by Turbopack; and what one build has under its own id.
    *(
        (f"/_next/static/{folder}/", re.compile(rf"(?:\A|[-._]){form}"))
        for folder in ("chunks", "css", "media")
        for form in (rf"{_HEX}(?:-s)?(?:\.p|\._)?{_FILES}", rf"(?P<next>[0-9a-z_~-]{{13}}){_FILES}")
    ),
    # Expo.
    ("/_expo/static/", re.compile(r"(?<=.)-[0-9a-f]{32}\.(?:js|css|hbc)(?:\.map)?\Z")),
    # MkDocs Material and Zensical.
    *(
        (f"/assets/{folder}/", re.compile(r"(?<=.)\.[0-9a-f]{8}\.min\.(?:js|css)(?:\.map)?\Z"))
        for folder in ("javascripts", "stylesheets")
    ),
    # Hugo's images, and Angular's and esbuild's chunks.
    ("/", re.compile(r"_hu_?[0-9a-f]{15,32}(?:_[0-9a-z_]{1,64})?\.(?:avif|gif|jpe?g|png|webp|bmp|tiff?)\Z")),
    ("/", re.compile(r"\Achunk-[A-Z2-7]{8}\.m?js(?:\.map)?\Z")),
)
"""Where a tool writes, and how the name ends that it gives a file. What is looked for has one length, so that the work
grows with the path alone."""
_PRESS = re.compile(rf"\.md\.(?P<token>{_B64})(?:\.lean)?\.js\Z")
"""VitePress' pages, right in `assets/`."""
_NEXT_BUILD = re.compile(r"(?:\A|/)_next/static/[A-Za-z0-9_-]{21}/_[A-Za-z]{1,40}\.js\Z")
_LONGEST = 300
"""Characters of a path that are looked at; no tool writes longer ones."""
_MARKS = re.compile(r"_app/immutable/|_astro/|_nuxt/|_next/static/|_expo/|\.md\.|assets/[js]|_hu|chunk-")
"""One of these is in whatever matches, and is found sooner."""
_ANGULAR = re.compile(r"(?:^|/)(?:main|polyfills|styles|scripts|worker)-(?P<t>[A-Z2-7]{8})\.(?:m?js|css)(?:\.map)?\Z")
_DOCUSAURUS = re.compile(r"(?:^|/)assets/js/runtime~main\.[0-9a-f]{8}\.js\Z")
_MD5_IMAGE = re.compile(r"(?<=.)[.-][0-9a-f]{32}(?:@[1-9]x)?\.[a-z0-9]{1,10}\Z")
_PICTURE = re.compile(r"(?P<t>[A-Za-z0-9_-]{10})-\d{2,4}\.(?:avif|gif|jpe?g|png|webp|svg)\Z")
_SHA = re.compile(r"[-.]([0-9a-f]{64})\.[a-z0-9]+\Z")

_SUFFIX = re.compile(r"[a-z0-9]+\Z")
_SCALE = re.compile(r"@[1-9]x\Z")
_KINDS_OF_SCRIPTS = (".chunk", ".min", ".bundle", ".module", ".esm", ".lean", ".legacy")
_HEX_END = re.compile(r"(?:^|[-._])([0-9a-f]+)\Z")
_HEX_LENGTHS = frozenset({8, 10, 16, 20, 32})
_SOME_HEX = re.compile(r"[0-9a-f]{6,64}\Z")
_B64_END = re.compile(r"(?:^|[-.])([A-Za-z0-9_-]{8})\Z")
_LONGER_B64_END = re.compile(r"[-.]([A-Za-z0-9_-]{10})\Z")

_SIZE = re.compile(r"(?<![A-Za-z\d])\d+x\d+(?![A-Za-z\d])|\d\dx\d\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|^(?:19|20)\d\d")
_UUID = re.compile(r"[0-9a-f]{12}[147][0-9a-f]{3}[89ab][0-9a-f]{15}\Z")
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NO_WORD = re.compile(
    r"[^aeiouy]{4}|^(?!sch|scr|shr|spl|spr|str|thr|chr|phr)[^aeiouy]{3}|[aeiou]{4}|aa|ii|uu|q(?!u)|[jvx]{2}|(.)\1\1"
    r"|[bcdfghjkmnpqtvwxz][jqxz]|[jqvxz][bcdfghjkmnpqrstvwxz]",
    re.IGNORECASE,
)
_ABBREVIATIONS = frozenset(
    "css dcim dpi dsc fps gps gpt gtx hdr html https img jpg llm lte pdf png rgb rtx src svg tls tmp vpn xml".split()  # noqa: SIM905
)
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_PLACEHOLDERS = frozenset({"1a2b3c4d", "a1b2c3d4", "abcd1234", "1234abcd"})
_RANDOM = 5
"""Pieces (of one kind of letters, or digits) in eight characters that nobody types; half of all hashes have as many."""

MOST_READ = 32 * 1024 * 1024
"""Bytes of pages, scripts, styles and build manifests that are looked through for the names of files."""
MOST_OF_ONE = 8 * 1024 * 1024
_SUFFIX_NAMED = re.compile(
    rb"\.(?:js|mjs|cjs|css|wasm|avif|gif|ico|jpe?g|jxl|png|svg|webp|bmp|eot|otf|ttf|woff2?|mp[34]|webm|ogg|m4a|wav|gl(?:b|tf))"
    rb"(?![\w.-])"
)
_LONGEST_NAMED = 200
_IN_NAMES = bytes(c if (chr(c).isalnum() and c < 128) or c in b"_.~@%+-" else ord("/") for c in range(256))
_MOST_NAMED = 200_000
_MOST_SCRIPTS, _MOST_PAGES = 2_000, 50
_QUOTED_HASH = re.compile(rb"""["']([0-9a-f]{8}|[0-9a-f]{10}|[0-9a-f]{16}|[0-9a-f]{20})["']""")
_BUILD_MANIFESTS = (".vite/manifest.json", "asset-manifest.json")


class _Form(NamedTuple):
    """The part of a name that may be a hash: its alphabet, what stands before it ('' if nothing), and the suffix."""

    kind: str
    before: str
    token: str
    suffix: str


def certain(path: str) -> bool:
    """Whether the path alone says that the name holds a hash: it is one tool's own, in folder and form."""
    if len(path) > _LONGEST or _MARKS.search(path) is None:
        return False
    folder, _, name = path.rpartition("/")
    around = f"/{folder}/"
    if _NEXT_BUILD.search(path) is not None:
        return True
    if "/_nuxt/builds/" in around:
        return False
    patterns = (pattern for inside, pattern in _OWN_FORMS if inside in around)
    of_press = (_PRESS,) if around.endswith("/assets/") else ()
    found = (pattern.search(name) for pattern in chain(patterns, of_press))
    return any(match is not None and _is_hash(match, path) for match in found)


def _is_hash(match: re.Match[str], path: str) -> bool:
    groups = match.groupdict()
    if (token := groups.get("next")) is not None:
        return any(character.isdigit() or character == "~" for character in token) and not _SIZE.search(token)
    token = groups.get("token")
    if token is None:
        return True
    suffix = path.removesuffix(".map").rpartition(".")[2]
    return not (_surely_typed(token) if suffix in CODE else _typed(_Form("b64", ".", token, suffix)))


class Hashed(NamedTuple):
    """The files whose names are `known` to hold a hash, and those that `may` hold one, they among them."""

    known: Set[str]
    may: Set[str]


def hashed(paths: Mapping[str, tuple[str, int]], read: Callable[[str, int], bytes]) -> Hashed:
    """Which of a version's files are named by a hash of their content.

    `paths` are all of them, with each one's SHA-256 (hex) and size. `read` gives a file's content, or so many bytes of
    it (a few more do no harm), and is asked for few: at most `MOST_READ` bytes of pages, scripts, styles and build
    manifests, and only as long as some name has to be confirmed.
    """
    known: set[str] = set()
    may: set[str] = set()
    forms: dict[str, _Form] = {}
    pictures: dict[str, str] = {}
    md5_images = any("_expo/static/" in path or _DOCUSAURUS.search(path) for path in paths)
    for path in paths:
        name = path.rpartition("/")[2]
        stem, suffix = _split(name)
        if len(path) > _LONGEST or not stem or suffix in ("html", "htm"):
            continue
        if certain(path) or (md5_images and "/assets/" in f"/{path}" and _MD5_IMAGE.search(name)):
            known.add(path)
        elif stem.isalpha() and stem.strip("abcdef"):
            continue  # most names: one word, which nothing below would take for a hash
        elif (sha := _SHA.search(name)) is not None:
            may.add(path)
            if sha[1] == paths[path][0]:
                known.add(path)
        elif (picture := _PICTURE.match(name)) is not None:
            pictures[path] = picture["t"]
        elif (form := _form(stem, suffix)) is not None:
            forms[path] = form
        elif (end := _HEX_END.search(stem)) is not None and _SOME_HEX.match(end[1]):
            may.add(path)
    may.update(known, forms, pictures)
    known |= _pictures(pictures)
    if forms:
        references = _References(paths, read, forms)
        known |= _angular(forms, known, references)
        left = {path: form for path, form in forms.items() if path not in known}
        known |= _confirmed(left, paths, known, references)
    return Hashed(known, may)


def _split(name: str) -> tuple[str, str]:
    """The part of a name that may end with a hash, and the suffix; empty where there is no suffix."""
    stem, _, suffix = name.removesuffix(".map").rpartition(".")
    if "@" in stem:
        stem = _SCALE.sub("", stem)
    if "." in stem:
        for _ in range(2):
            for kind in _KINDS_OF_SCRIPTS:
                stem = stem.removesuffix(kind)
    return (stem, suffix) if _SUFFIX.match(suffix) else ("", "")


def _form(stem: str, suffix: str) -> _Form | None:
    if suffix not in CODE and suffix not in _SHOWN:
        return None
    end = _HEX_END.search(stem)
    if end is not None and len(end[1]) in _HEX_LENGTHS:
        before = stem[end.start(1) - 1] if end.start(1) else ""
        if before or len(end[1]) == 20:
            return _Form("hex", before, end[1], suffix)
    end = _B64_END.search(stem)
    if end is not None and end.start(1):
        return _Form("b32" if _B32_ONLY.fullmatch(end[1]) else "b64", stem[end.start(1) - 1], end[1], suffix)
    end = _LONGER_B64_END.search(stem)
    if end is not None:
        return _Form("b64", stem[end.start(1) - 1], end[1], suffix)
    return None


def _angular(forms: Mapping[str, _Form], others: Collection[str], references: _References) -> set[str]:
    """Angular's entries and media: `main-` or a chunk is among them, and every one is in base 32, of which many a hash
    reads as a word: then its page has to name it."""
    by_folder: dict[str, set[str]] = defaultdict(set)
    for path, form in forms.items():
        if _ANGULAR.search(path) and (not _typed(form) or (form.token.isalpha() and references.by_pages(path))):
            by_folder[path.rpartition("/")[0]].add(path)
    of_angular = {path.rpartition("/")[0] for path in others if path.rpartition("/")[2].startswith("chunk-")}
    of_angular |= {folder for folder, entries in by_folder.items() if any("main-" in path for path in entries)}
    known = {path for folder in of_angular for path in by_folder.get(folder, ())}
    for path, form in forms.items():
        above, _, folder = path.rpartition("/")[0].rpartition("/")
        if folder != "media" or above not in of_angular or form.kind != "b32" or form.before != "-":
            continue
        if not _typed(form) or (form.token.isalpha() and references.by_code(path)):
            known.add(path)
    return known


def _pictures(found: Mapping[str, str]) -> set[str]:
    """eleventy-img's: ten characters and the width."""
    return {
        path
        for path, token in found.items()
        if len(_PIECES.findall(token)) > 2 and not _typed(_Form("b64", "", token, "png"))
    }


def _confirmed(
    forms: Mapping[str, _Form], paths: Collection[str], others: Collection[str], references: _References
) -> set[str]:
    """Those of which what is beside them says that it is a hash."""
    groups: dict[tuple[str, str, str], dict[str, _Form]] = defaultdict(dict)
    code_in: dict[str, int] = defaultdict(int)
    for path in paths:
        folder, _, name = path.rpartition("/")
        if path not in others and name.removesuffix(".map").rpartition(".")[2] in CODE:
            code_in[folder] += 1
    for path, form in forms.items():
        if form.suffix in CODE:
            folder = path.rpartition("/")[0]
            groups[folder, "hex" if form.kind == "hex" else "b64", form.before][path] = form
    # webpack's assets: twenty characters and nothing else, which is no id's form.
    known = {path for path, form in forms.items() if not form.before and not _typed(form)}
    beside: dict[tuple[str, str, str], bool] = {}
    below: dict[tuple[str, str, str], bool] = {}
    for (folder, kind, before), members in groups.items():
        if 2 * len(members) < code_in[folder]:
            continue
        untyped = {path for path, form in members.items() if not _typed(form)}
        if 2 * len(untyped) < len(members):
            continue
        named = {path for path, form in members.items() if references.names_code(path, form)}
        by_name = 2 * len(named) >= len(members)
        if by_name:
            good = {
                path
                for path in untyped & named
                if kind == "hex" or not _of_words(members[path].token) or references.by_build(path)
            }
            if 4 * len(untyped) >= 3 * len(members) and len(untyped) > 2:
                # Where most are hashes, one that reads as a word is a hash too, as long as scripts ask for it.
                good |= {
                    path
                    for path in named - untyped
                    if not any(map(str.isdigit, members[path].token)) and references.by_code(path)
                }
        elif kind == "b64" and 4 * sum(map(_is_random, members.values())) < len(members):
            continue
        else:
            good = untyped
        if kind == "hex" and 4 * len(untyped) >= 3 * len(members) and len(untyped) > 2:
            asked_for = named if by_name else set(members)
            good |= {
                path for path in asked_for if members[path].token.isdigit() and not _DATED.match(members[path].token)
            }
        if good:
            known |= good
            beside[folder, kind, before] = by_name
            if folder:
                top = folder.partition("/")[0]
                below[top, kind, before] = by_name or below.get((top, kind, before), False)
    for path, form in forms.items():
        if form.suffix in _SHOWN and path not in known and not _typed(form):
            # A build that wrote such scripts gives pictures and fonts such names too, there or in a folder nearby.
            folder, kind = path.rpartition("/")[0], "hex" if form.kind == "hex" else "b64"
            by_names = (
                beside.get((folder, kind, form.before)),
                below.get((folder.partition("/")[0], kind, form.before)),
            )
            if by_names == (None, None):
                continue
            if any(by_names):
                shown = references.by_code(path) or (references.by_pages(path) and _is_random(form))
            else:
                shown = form.kind == "hex" or not _of_words(form.token)
            if shown:
                known.add(path)
    return known


def _is_random(form: _Form) -> bool:
    return form.kind == "hex" or len(_PIECES.findall(form.token)) >= _RANDOM


def _surely_typed(token: str) -> bool:
    """A size, a number, a date."""
    return token.isdigit() or _SIZE.search(token) is not None or _DATED.match(token) is not None


_DATED = re.compile(r"(?:19|20)\d\d[-_]?(?:[01]\d|q[1-4]|[a-z]{3})", re.I)


def _typed(form: _Form) -> bool:
    """Whether somebody may have typed it: sizes, years, models, words and numbers. About one in thirty of the hashes of
    eight characters is taken for typed."""
    token = form.token
    if form.kind == "hex":
        return _typed_hex(token) or (form.suffix in _SHOWN and token in _PLACEHOLDERS)
    if _surely_typed(token) or _YEAR.search(token):
        return True
    pieces = _PIECES.findall(token)
    letters = [piece for piece in pieces if not piece.isdigit()]
    if not letters:
        return True
    if sum(map(str.isdigit, token)) * 2 > len(token):
        return True
    if len(pieces) <= 2:
        return all(map(_is_word, letters))
    return (
        len(pieces) == 3
        and max(map(len, letters)) >= 3
        and all(map(_is_word, letters))
        and sum(len(piece) < 3 for piece in letters) <= 1
    )


def _typed_hex(token: str) -> bool:
    return (
        token.isdigit()
        or token.isalpha()
        or token.startswith("00")
        or _DATED.match(token) is not None
        or (len(token) == 32 and _UUID.match(token) is not None)
    )


def _of_words(token: str) -> bool:
    """Whether it is put together of four of what words, models and versions are put together of."""
    pieces = _PIECES.findall(token)
    return (
        len(pieces) == 4
        and (not token.isalnum() or sum(map(str.isdigit, token)) > 1)
        and all(piece.isdigit() or _is_word(piece) for piece in pieces)
    )


def _is_word(piece: str) -> bool:
    if len(piece) <= 2 or piece.lower() in _ABBREVIATIONS:
        return True
    return _VOWEL.search(piece) is not None and _NO_WORD.search(piece) is None


class _References:
    """Which files the build's own files name. Read when first asked."""

    def __init__(
        self, paths: Mapping[str, tuple[str, int]], read: Callable[[str, int], bytes], forms: Mapping[str, _Form]
    ) -> None:
        self._paths = paths
        self._read = read
        self._forms = forms
        names = {path: path.rpartition("/")[2].removesuffix(".map").encode() for path in forms}
        self._code = {names[path] for path, form in forms.items() if form.suffix in CODE}
        self._media = set(names.values()) - self._code
        self._by_hash = any(form.kind == "hex" and form.suffix in CODE for form in forms.values())
        self._by_pages: set[bytes] | None = None
        self._by_code: set[bytes] = set()
        self._by_tools: set[bytes] = set()
        self._hashes: set[bytes] = set()

    def names_code(self, path: str, form: _Form) -> bool:
        """Whether a page, a script, a style or a build's manifest names this script or style, or its hash."""
        self._look()
        assert self._by_pages is not None
        name = path.rpartition("/")[2].removesuffix(".map").encode()
        return name in self._by_pages or name in self._by_code or form.token.encode() in self._hashes

    def by_code(self, path: str) -> bool:
        """Whether a script, a style or a build's manifest names the file. What pages name may be anybody's."""
        self._look()
        return path.rpartition("/")[2].removesuffix(".map").encode() in self._by_code

    def by_build(self, path: str) -> bool:
        """Whether something of the build's names the file, not only an element of a page as people write them: build
        tools write `crossorigin` beside addresses of the same origin."""
        self._look()
        return self.by_code(path) or path.rpartition("/")[2].encode() in self._by_tools

    def by_pages(self, path: str) -> bool:
        """Whether a page names the file."""
        self._look()
        assert self._by_pages is not None
        return path.rpartition("/")[2].encode() in self._by_pages

    def _look(self) -> None:
        if self._by_pages is not None:
            return
        self._by_pages = set()
        kinds: tuple[list[str], ...] = ([], [], [])
        for path in self._paths:
            kind = _kind(path)
            if kind is not None:
                kinds[kind].append(path)
        left, named = MOST_READ, _MOST_NAMED
        media, code = set(self._media), set(self._code)
        tokens = {form.token.encode() for form in self._forms.values() if form.kind == "hex"}
        for kind, most in ((_MANIFEST, 2), (_PAGE, _MOST_PAGES), (_CODE, _MOST_SCRIPTS)):
            into = self._by_pages if kind == _PAGE else self._by_code
            nearest = sorted(kinds[kind], key=lambda path: (path.count("/"), path))[:most]
            # The small ones name the large ones, more often than not.
            for path in sorted(nearest, key=lambda path: self._paths[path][1]):
                if (not media and not code) or left <= 0 or named <= 0:
                    return
                most_of_it = min(left, MOST_OF_ONE)
                content = self._read(path, most_of_it)[:most_of_it]
                left -= len(content)
                found = set()
                for match in islice(_SUFFIX_NAMED.finditer(content), named):
                    before = content[max(0, match.start() - _LONGEST_NAMED) : match.end()]
                    name = before.translate(_IN_NAMES).rpartition(b"/")[2]
                    found.add(name)
                    named -= 1
                    if kind == _PAGE and name in self._code:
                        after = content[match.end() : match.end() + _LONGEST_NAMED].partition(b">")[0]
                        if b"crossorigin" in before.rpartition(b"<")[2] + after:
                            self._by_tools.add(name)
                found.discard(path.rpartition("/")[2].encode())
                into |= found
                code -= found
                if kind != _PAGE:
                    media -= found
                if kind == _CODE and self._by_hash:
                    for match in islice(_QUOTED_HASH.finditer(content), named):
                        named -= 1
                        if match[1] in tokens:
                            self._hashes.add(match[1])


_MANIFEST, _CODE, _PAGE = range(3)


def _kind(path: str) -> int | None:
    if path.endswith(_BUILD_MANIFESTS):
        return _MANIFEST
    if path.endswith((".js", ".mjs", ".css")):
        return _CODE
    return _PAGE if path.endswith((".html", ".htm")) else None
