"""Chooses the dialect of the rules files: the dialect that the project sets, or the dialect that the files show signs
of."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import islice

from easel.rules.files.lines import numbered
from easel.rules.models import HEADERS, REDIRECTS, WRANGLER, Choice, Dialect

MOST_LOOKED_AT = 20_000
"""Maximum number of lines of a rules file that are searched for signs of a dialect."""
_LONGEST = 2_000
_MOST_TOLD = 5

_CLOUDFLARE_NAMES = ("_routes.json", "_worker.js", *WRANGLER)
_NETLIFY_NAMES = ("netlify.toml",)
_NETLIFY_LINE = re.compile(
    r"\s[0-9]{3}!|\s(?:country|language|role|cookie)=|\A[a-z]+://|\A\S+\s+[\w.~-]+=|\s/index\.html\s+200\b"
    r"|\s(?:4[0-9][0-9]|5[0-9][0-9])(?:\s|\Z)|/\*\s+2[0-9][0-9]\s*\Z",
    re.IGNORECASE,
)
_MAY_BE_NETLIFY = (
    re.compile(r"[!=]"),
    re.compile(r"(?:^|\r)[^\S\r\n]*+[a-z]++://", re.MULTILINE),
    re.compile(r"\s(?:/index\.html\s|[45][0-9][0-9]\b)"),
    re.compile(r"/\*\s+2"),
)
"""Patterns for a fast check. Every line with a sign of Netlify's dialect matches at least one of them. Most files have
no such sign, and are searched only once, as a whole."""
_CLOUDFLARE_HEADER = re.compile(r"!\s*[\w-]+\Z|https://")
_PLACEHOLDER = re.compile(r"[\w-]+:.*(?<!\w):(?:splat|[A-Za-z]\w*)")

NO_SIGN = "nothing in the files indicates another dialect"
"""The reason for choosing Netlify's dialect if the files are valid in both dialects."""

Sign = tuple[str, int, str]


def choose(texts: Mapping[str, str], names: Collection[str], choice: Choice) -> tuple[Dialect, str, list[Sign]]:
    """Returns the dialect of the rules files, the reason for it, and remarks on lines that suggest the other dialect.

    `texts` are the rules files by name, `names` are the other files at the root, and `choice` is the project's setting.
    If there is no sign of a dialect, or there are signs of both, Netlify's dialect applies, because it is the larger
    language and serves files before rules.
    """
    if choice in ("netlify", "cloudflare"):
        return choice, "because of a setting", []
    lines = texts.get(REDIRECTS, "")
    may_be_netlify = any(sign.search(lines.lower()) for sign in _MAY_BE_NETLIFY)
    netlify = _signs(lines, REDIRECTS, _is_netlify) if may_be_netlify else []
    netlify += [(HEADERS, line, text) for _, line, text in _signs(texts.get(HEADERS, ""), HEADERS, _is_basic_auth)]
    cloudflare = _signs(texts.get(HEADERS, ""), HEADERS, _is_cloudflare)
    netlify += [(name, 0, f"because of `{name}`") for name in _NETLIFY_NAMES if name in names]
    cloudflare += [(name, 0, f"because of `{name}`") for name in _CLOUDFLARE_NAMES if name in names]
    if cloudflare and not netlify:
        return "cloudflare", _told(cloudflare), []
    doubts = [
        (file, line, "this line looks like Cloudflare's dialect, but the file is read in Netlify's dialect.")
        for file, line, _ in cloudflare
    ]
    return "netlify", _told(netlify) if netlify else NO_SIGN, doubts[:_MOST_TOLD]


def _told(signs: list[Sign]) -> str:
    file, line, text = signs[0]
    return f"{file}, line {line}: {text}" if line else text


def _signs(text: str, file: str, is_sign: object) -> list[Sign]:
    assert callable(is_sign)
    lines = islice(numbered(text), MOST_LOOKED_AT)
    found = ((file, number, f"`{line[:60]}`") for number, line in lines if len(line) <= _LONGEST and is_sign(line))
    return list(islice(found, _MOST_TOLD))


def _is_netlify(line: str) -> bool:
    return _NETLIFY_LINE.search(line.partition(" #")[0]) is not None


def _is_basic_auth(line: str) -> bool:
    return line.lower().startswith("basic-auth:")


def _is_cloudflare(line: str) -> bool:
    return _CLOUDFLARE_HEADER.match(line) is not None or (
        not line.startswith("/") and _PLACEHOLDER.match(line) is not None
    )
