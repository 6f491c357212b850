"""The forms of file names that contain a hash of the file's content, and the similar forms of names that people
type."""

from __future__ import annotations

import re
import string
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

CODE = frozenset("js mjs cjs css wasm".split())  # noqa: SIM905
SHOWN = frozenset(
    "avif gif ico jpeg jpg jxl png svg webp bmp eot otf ttf woff woff2 mp3 mp4 webm ogg m4a wav glb gltf".split()  # noqa: SIM905
)
_FILES = rf"\.(?:{'|'.join(sorted(CODE | SHOWN))})(?:\.map)?\Z"
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
    ("/_astro/", re.compile(rf"\.(?P<token>{_B64})(?:_[A-Za-z0-9]{{4,7}})?{_FILES}")),
    ("/_nuxt/", re.compile(rf"(?:\A|\.)(?P<token>{_B64}){_FILES}")),
    ("/_nuxt/", re.compile(rf"(?:\A|\.)[0-9a-f]{{7}}{_FILES}")),
    # Next.js: hexadecimal by webpack, 13 characters by Turbopack, and the folder with the build's own id.
    *(
        (f"/_next/static/{folder}/", re.compile(rf"(?:\A|[-._]){form}"))
        for folder in ("chunks", "css", "media")
        for form in (rf"{_HEX}(?:-s)?(?:\.p|\._)?{_FILES}", rf"(?P<next>[0-9a-z_~-]{{13}}){_FILES}")
    ),
    # Expo.
    ("/_expo/static/", re.compile(r"(?<=.)-[0-9a-f]{32}\.(?:js|css|hbc)(?:\.map)?\Z")),
    # Pagefind, whose index many documentation tools write.
    *(
        (f"/pagefind/{folder}", re.compile(r"(?<=.)_[0-9a-f]{7,16}\.pf_(?:fragment|index|meta|filter)\Z"))
        for folder in ("", "fragment/", "index/", "filter/")
    ),
    # Blazor, whose hashes have digits and small letters.
    ("/_framework/", re.compile(r"(?<=.)\.(?=[a-z]{0,9}\d)[a-z0-9]{10}\.(?:wasm|js|dat|pdb|json)(?:\.map)?\Z")),
    # Unity, whose hashes are of the content before it is compressed.
    (
        "/Build/",
        re.compile(
            r"\A[0-9a-f]{32}\.(?:data|wasm(?:\.code|\.framework)?|framework\.js|symbols\.json)\.(?:br|gz|unityweb)\Z"
        ),
    ),
    # MkDocs Material and Zensical.
    *(
        (f"/assets/{folder}/", re.compile(r"(?<=.)\.[0-9a-f]{8}\.min\.(?:js|css)(?:\.map)?\Z"))
        for folder in ("javascripts", "stylesheets")
    ),
    # Observable Framework, whose copies of npm's modules have nothing but a hash in a folder for each version.
    *(
        (f"/{folder}/", re.compile(r"(?:\A|(?<=.)\.)[0-9a-f]{8}\.(?:js|css)\Z"))
        for folder in ("_observablehq", "_import", "_npm", "_jsr", "_node")
    ),
    # Qwik's list of scripts.
    ("/assets/", re.compile(rf"\A(?P<token>{_B64})-bundle-graph\.json\Z")),
    # Hugo's images, Dioxus' assets, and Angular's and esbuild's chunks.
    ("/", re.compile(r"-dxh[0-9a-f]{16}\.[a-z0-9]{1,10}\Z")),
    ("/", re.compile(r"_hu_?[0-9a-f]{15,32}(?:_[0-9a-z_]{1,64})?\.(?:avif|gif|jpe?g|png|webp|bmp|tiff?)\Z")),
    ("/", re.compile(r"\Achunk-[A-Z2-7]{8}\.m?js(?:\.map)?\Z")),
)
"""For each build tool, its output folder and the pattern of file names in this folder. Each pattern has a fixed length,
so that the work is linear in the length of the path."""
_PRESS = re.compile(rf"\.md\.(?P<token>{_B64})(?:\.lean)?\.js\Z")
"""A pattern for the scripts of VitePress' pages, which are directly in `assets/`."""
_NEXT_BUILD = re.compile(r"(?:\A|/)_next/static/[A-Za-z0-9_-]{21}/_[A-Za-z]{1,40}\.js\Z")
LONGEST = 300
"""Maximum number of characters of a path that is examined for a hash. No build tool writes a longer path."""
_MARKS = (
    *("_app/immutable/", "_astro/", "_nuxt/", "_next/static/", "_expo/", "_framework/", "assets/j", "assets/s"),
    *("Build/", "_observablehq/", "_import/", "_npm/", "_jsr/", "_node/"),
)
_MARKS_OF_NAMES = ("chunk-", "_hu", "-dxh", ".md.", ".pf_", "-bundle-graph.")
"""Strings that are fast to find. Every name that a pattern above matches contains one of these strings, or its folder
contains one of `_MARKS`."""
_SCALE = re.compile(r"@[1-9]x\Z")
_KINDS_OF_SCRIPTS = tuple(
    ".chunk .min .bundle .module .esm .lean .legacy .async .entry .loader .framework .worker .system .umd".split()  # noqa: SIM905
)
_OF_WASM = "_bg"
"""The suffix that wasm-bindgen writes after a hash."""
_HEX_DIGITS = "0123456789abcdef"
_BEFORE_HEX, _BEFORE_B64 = "-._", "-."
_HEX_LENGTHS = frozenset({*range(6, 65), 96, 128})
_B64_ENDS = ((10, _BEFORE_B64), (8, "_"))
"""Lengths of hashes in base 64, and the separators that may come before a hash of each length. A hash of eight
characters may also come after another separator, or be the whole name."""
_LONG_B64 = (12, 16, 20, 21, 22)
_ALPHABET = frozenset(string.ascii_letters + string.digits + "-_")
_HEX_FRONT = re.compile(r"([0-9a-f]{6,40})([-._])(?=.)")
_B64_FRONT = re.compile(r"([A-Za-z0-9_-]{8})([-.])(?=.)")
_REVISION = re.compile(r"[gprv][0-9a-f]{6,40}\Z|[a-z](?:19|20)\d{6,12}\Z|\A.*[-_.]g[0-9a-f]{7,40}\Z")
"""A version, commit or date: a letter and its digits (`git describe` writes `g1a2b3c4`)."""

_SIZE = re.compile(r"(?<![A-Za-z\d])\d+x\d+(?![A-Za-z\d])|\d\dx\d\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|^(?:19|20)\d\d")
_UUID = re.compile(r"[0-9a-f]{12}[147][0-9a-f]{3}[89ab][0-9a-f]{15}\Z")
PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NO_WORD = re.compile(
    r"[^aeiouy]{5}|^(?!sch|scr|shr|spl|spr|str|thr|chr|phr)[^aeiouy]{3}|[aeiou]{4}|aa|ii|uu|q(?!u)|[jvx]{2}|(.)\1\1"
    # The pattern does not match the pairs of letters in these words: `adjacent`, `object`, `inject`, `acquire`,
    # `enquiry`, `sphinx`, `frenzy`, `blitz`, `puzzle`.
    r"|[fghkmpqvwx][jqxz]|[bdt][qx]|[bd]z|[cjz][jx]|cz|nx(?!\Z|i)|[jqv][bcdfghjkmnpqrstvwxz]|z[bcdfghjkmnpqrstvw]"
    # It does not match the pairs in `external`, `explorer`, `exchange`, `exhibit`, `exquisite` either.
    r"|x[bdfgjkmnrsvwz]",
    re.IGNORECASE,
)
_ABBREVIATIONS = frozenset(
    "css dcim dpi dsc fps gps gpt gtx hdr html https img jpg llm lte pdf png rgb rtx src svg tls tmp vpn xml".split()  # noqa: SIM905
) | {"http", "json"}
_USUAL_WORD = 3
"""Number of letters that nearly all words in names have, and few runs of letters in hashes."""
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_VERSION = re.compile(r"v?\d{1,3}(?:[-_.](?:rc|beta|alpha|b|a)?\d{1,4}){1,5}\Z", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:[a-z]{1,4}\d{1,3}[-_.]?){2,5}[a-z]?\Z", re.IGNORECASE)
_PLACEHOLDERS = frozenset({"1a2b3c4d", "a1b2c3d4", "abcd1234", "1234abcd"})
_RANDOM = 5
"""Minimum number of runs (sequences of one kind of letters, or of digits) that make a text of eight characters count as
random. Text that a person typed never has so many runs, but half of all hashes do."""


class HashForm(NamedTuple):
    """The part of a file name that may be a hash (`token`), with its alphabet (`kind`), the separator before it ('' if
    there is none), and the suffix of the name."""

    kind: str
    before: str
    token: str
    suffix: str
    is_front: bool = False
    """True if the possible hash is at the front of the name. In this case, `before` is the text after the hash."""


def certain(path: str) -> bool:
    """Returns true if a file's path proves that its name contains a hash, because only one build tool writes this
    folder and this form of name."""
    folder, _, name = path.rpartition("/")
    return len(path) <= LONGEST and may_be_certain(folder, name) and _is_certain(path, f"/{folder}/", name)


def may_be_certain(folder: str, name: str) -> bool:
    """Checks quickly whether `certain` can be true for a file. Returns false for most files."""
    return any(map(name.__contains__, _MARKS_OF_NAMES)) or _is_marked(folder)


@lru_cache(maxsize=1024)
def _is_marked(folder: str) -> bool:
    return any(mark in f"{folder}/" for mark in _MARKS)


def _is_certain(path: str, around: str, name: str) -> bool:
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
    return not (surely_typed(token) if suffix in CODE else typed(HashForm("b64", ".", token, suffix)))


def split_name(name: str) -> tuple[str, str]:
    """Splits a file name into the part that may end with a hash, and the suffix. Returns two empty strings if there is
    no suffix."""
    stem, _, suffix = name.removesuffix(".map").rpartition(".")
    if not (suffix.replace("_", "0").isalnum() and suffix.isascii() and suffix.lower() == suffix):
        return "", ""
    if "@" in stem:
        stem = _SCALE.sub("", stem)
    if "." in stem:
        for _ in range(2):
            if stem.endswith(_KINDS_OF_SCRIPTS):
                for kind in _KINDS_OF_SCRIPTS:
                    stem = stem.removesuffix(kind)
    if suffix == "wasm":
        stem = stem.removesuffix(_OF_WASM)
    return stem, suffix


def hex_end(stem: str) -> str:
    """Returns the hexadecimal digits at the end of a file name without its suffix, if they are the whole name or come
    after a separator. Returns '' otherwise."""
    rest = stem.rstrip(_HEX_DIGITS)
    return stem[len(rest) :] if not rest or rest[-1] in _BEFORE_HEX else ""


def form_of(stem: str, suffix: str) -> HashForm | None:
    """Returns the part of a file name that has the form of a hash. `stem` is the name without its `suffix`. Returns
    None if no part has this form."""
    if suffix not in CODE and suffix not in SHOWN:
        return None
    form = _at_the_end(stem, suffix)
    if form is None or (form.kind == "b64" and typed(form)):
        return _in_front(stem, suffix) or form
    return form


def _in_front(stem: str, suffix: str) -> HashForm | None:
    match = _HEX_FRONT.match(stem) if stem[0] in _HEX_DIGITS else None
    kind = "hex"
    if match is None and stem[8:9] in ("-", "."):
        match, kind = _B64_FRONT.match(stem), "b64"
    if match is None:
        return None
    form = HashForm(kind, match[2], match[1], suffix, is_front=True)
    return None if typed(form) else form


def _at_the_end(stem: str, suffix: str) -> HashForm | None:
    is_code = suffix in CODE
    digits = hex_end(stem)
    if len(digits) in _HEX_LENGTHS:
        before = stem[-len(digits) - 1 : -len(digits)]
        if before or len(digits) in (16, 20):
            return HashForm("hex", before, digits, suffix)
    last = stem.rpartition(".")[2]
    if len(last) < len(stem) and len(last) in _LONG_B64:
        # The alphabets of hashes contain no dot.
        form = HashForm("b64", ".", last, suffix)
        if _ALPHABET.issuperset(last) and is_random(form):
            return form
    before, token = stem[-9:-8], stem[-8:]
    if len(token) == 8 and (before in _BEFORE_B64 if before else is_code) and _ALPHABET.issuperset(token):
        return HashForm("b32" if _B32_ONLY.fullmatch(token) else "b64", before, token, suffix)
    for length, marks in _B64_ENDS:
        if (found := _after(stem, length, marks)) is not None:
            return HashForm("b64", found, stem[-length:], suffix)
    for length in _LONG_B64:
        if (found := _after(stem, length, _BEFORE_B64)) is not None:
            form = HashForm("b64", found, stem[-length:], suffix)
            return form if is_code or is_random(form) else None
    return None


def _after(stem: str, length: int, marks: str) -> str | None:
    """Returns the separator before the last `length` characters of a name. Returns None if it is not in `marks`, or if
    these characters are not in base 64."""
    before = stem[-length - 1 : -length]
    return before if before and before in marks and _ALPHABET.issuperset(stem[-length:]) else None


def is_random(form: HashForm) -> bool:
    """Returns true if the possible hash in a name looks too random to be typed by a person."""
    return form.kind == "hex" or len(PIECES.findall(form.token)) >= _RANDOM


def surely_typed(token: str) -> bool:
    """Returns true if a part of a name is a size, a number, a date or a version, as people type it."""
    return (
        token.isdigit()
        or _SIZE.search(token) is not None
        or DATED.match(token) is not None
        or _VERSION.match(token) is not None
        or _REVISION.match(token) is not None
    )


DATED = re.compile(r"(?:19|20)\d\d[-_]?(?:[01]\d|q[1-4]|[a-z]{3})", re.I)


def typed(form: HashForm) -> bool:
    """Returns true if a person may have typed the possible hash in a name, because it looks like a size, year, model,
    word or number. About one in twenty real hashes of eight characters looks like one of these, too."""
    token = form.token
    if form.kind == "hex":
        return _typed_hex(token) or (form.suffix in SHOWN and token in _PLACEHOLDERS)
    if surely_typed(token) or _YEAR.search(token):
        return True
    pieces = PIECES.findall(token)
    letters = [piece for piece in pieces if not piece.isdigit()]
    if not letters:
        return True
    if len(token) > 10 and _USUAL_WORD * len(pieces) <= len(token):
        # Long hashes have more and shorter pieces (`app-DatePickerDialog.js`, `app-item_picker_list.js`).
        return True
    if len(pieces) <= 2 and (letters == pieces or token.isalnum()) and not any(map(str.isupper, letters)):
        # Many names end with two words or a number (`furo-extensions.css`, `app-navtab30.js`). Very few hashes do.
        return min(map(len, letters)) >= _USUAL_WORD or all(map(_is_word, letters))
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


def resembles_typed(token: str) -> bool:
    """Returns true if a part of a name that is not in hex or base 32 resembles typed text: it has only capitals or only
    small letters, or it consists of short numbered parts (`fp16-v12`), or of words with a number (`iPhone7s`).

    About one in eight hashes of eight characters resembles typed text too. Use this check only for files that are
    rarely named by a hash.
    """
    if token.lower() == token or token.upper() == token or _NUMBERED.match(token):
        return True
    pieces = PIECES.findall(token)
    words = [piece for piece in pieces if not piece.isdigit()]
    longest = max(map(len, words), default=0)
    has_digit = len(words) < len(pieces)
    return len(pieces) == 4 and longest >= (3 if has_digit else 4) and all(map(_is_word, words))


def _typed_hex(token: str) -> bool:
    return (
        token.isdigit()
        or token.isalpha()
        or token.startswith("00")
        or DATED.match(token) is not None
        or (len(token) == 32 and _UUID.match(token) is not None)
    )


def of_words(token: str) -> bool:
    """Returns true if a part of a name consists of exactly four pieces, each a word, an abbreviation or a number."""
    pieces = PIECES.findall(token)
    return (
        len(pieces) == 4
        and (not token.isalnum() or sum(map(str.isdigit, token)) > 1)
        and all(piece.isdigit() or _is_word(piece) for piece in pieces)
    )


def _is_word(piece: str) -> bool:
    if len(piece) <= 2 or piece.lower() in _ABBREVIATIONS:
        return True
    return _VOWEL.search(piece) is not None and _NO_WORD.search(piece) is None
