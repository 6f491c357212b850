"""Classes of characters (`\\d+`, `[a-z]{2}`) in the configuration of other hosting providers. A class limits the
strings that a placeholder accepts.

A class without repeated groups is matched in one pass over the string.
"""

from __future__ import annotations

import re

from easel.rules.files.reading import BadLineError

_CLASS = re.compile(
    r"(?P<set>\\[dw]|\[\^?(?:\\[dw./_-]|[\w.~%!,;=@ -]){1,64}\]|\[\^/(?:\\\.|\.)?\])"
    r"(?P<count>\+|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})?\Z",
    re.ASCII,
)
_COUNT = re.compile(r"(?:\+|\{[0-9,]++\})\Z")
_LONGER = re.compile(r":\w*-[\w-]*\Z", re.ASCII)
_PLACEHOLDER = re.compile(r":([A-Za-z]\w*)", re.ASCII)


def class_of(expression: str) -> str | None:
    """Returns a class of characters in the form that `Redirect.only` has. Returns None if the expression is not a
    class."""
    found = _CLASS.match(expression)
    if found is None or (found["set"].startswith("[^") and "/" not in found["set"]):
        # Such a class would match several segments.
        return None
    try:
        re.compile(found[0], re.ASCII)
    except (re.error, OverflowError):
        return None
    return found[0].replace("\\d", "0-9" if found["set"].startswith("[") else "[0-9]")


def check(pattern: str, only: dict[str, str]) -> None:
    """Checks that a reader can find the end of each placeholder in its segment from left to right. `only` contains the
    characters that each placeholder accepts. Raises BadLineError if a placeholder also accepts the character after it,
    because then only trying several ends could find a match. Raises BadLineError too if a text after a placeholder
    would belong to the placeholder's name in Netlify's dialect (`:id-x`)."""
    for segment in pattern.split("/"):
        if _LONGER.match(segment):
            raise BadLineError("its source has a `-` after a placeholder, in a form that is not supported.")
        parts = _PLACEHOLDER.split(segment)
        names = parts[1::2]
        if not any(name in only for name in names) or parts == ["", names[0], ""]:
            continue
        borders = [text for text in parts[2:-1:2] if text]
        is_clear = "*" not in segment and all(
            name in only and not any(_accepts(only[name], text[0]) for text in borders) for name in names
        )
        if borders and not is_clear:
            raise BadLineError("its source has an expression whose end in a segment is undefined.")
        if "*" in segment:
            raise BadLineError("its source has an expression next to a `*` in one segment.")


def _accepts(text: str, char: str) -> bool:
    one = re.compile(_COUNT.sub("", text), re.ASCII)
    return one.match(char) is not None
