"""Reads the first tags of a page, as browsers do: comments, declarations, and start tags with their attributes (HTML
§13.2.5). Skipped text is matched in one pass, in time linear in its length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

BLANK = rb"[\t\n\f\r ]"
COMMENT = rb"<!--(?:-?>|.*?--!?>)"
_ATTRIBUTE_NAME = rb"[\t\n\f\r /]*+(?P<name>=[^\t\n\f\r />=]*+|[^\t\n\f\r />=]++)"
_VALUE = rb"""(?P<value>"[^"]*+"|'[^']*+'|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>))"""
_ATTRIBUTE_VALUE = rb"(?:B*+=B*+V|(?!B*+=))".replace(b"B", BLANK).replace(b"V", _VALUE)
_NAMED = (_ATTRIBUTE_NAME + _ATTRIBUTE_VALUE).replace(b"?P<name>", b"?:").replace(b"?P<value>", b"?:")
TAGS_REST = rb"(?:" + _NAMED + rb")*+[\t\n\f\r /]*+>"
"""A pattern for the rest of a tag after its name. A `>` in quotes belongs to a value."""

_SKIPPED = re.compile(
    rb"(?:" + BLANK + rb"++|" + COMMENT + rb"|<!(?!--|doctype)[^>]*+>|<\?[^>]*+>|</(?![a-z])[^>]*+>)++",
    re.IGNORECASE | re.DOTALL,
)
"""A pattern for white space, comments, and text that browsers treat as comments: processing instructions and unknown
declarations."""
_TAG_NAME = re.compile(rb"<([a-z][^\t\n\f\r />]*+)", re.IGNORECASE)
_TAGS_REST = re.compile(TAGS_REST)
_ATTRIBUTE = re.compile(_ATTRIBUTE_NAME + _ATTRIBUTE_VALUE)
_MOST_ATTRIBUTES = 64
_RAW_TEXT = {
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.IGNORECASE)
    for name in b"script style title textarea noscript template".split()
}
"""For each element whose content is not parsed as tags, a pattern for its end tag."""


class Tag(NamedTuple):
    """A start tag in a page: its name in lower case, the offset of its attributes, and the offset after the tag."""

    name: bytes
    begin: int
    end: int


def skip(page: bytes, at: int, most: int) -> int:
    """Returns the offset after all white space and comments that begin at `at` and end before `most`."""
    found = _SKIPPED.match(page, at, most)
    return found.end() if found is not None else at


def tag_name(page: bytes, at: int, most: int) -> bytes | None:
    """Returns the name, in lower case, of the start tag at the offset `at`. Returns None if there is no start tag."""
    found = _TAG_NAME.match(page, at, most)
    return found[1].lower() if found is not None else None


def start_tag(page: bytes, at: int, most: int) -> Tag | None:
    """Returns the start tag at the offset `at`. Returns None if there is none, or if it does not end before `most`."""
    named = _TAG_NAME.match(page, at, most)
    rest = _TAGS_REST.match(page, named.end(), most) if named is not None else None
    return Tag(named[1].lower(), named.end(), rest.end()) if named is not None and rest is not None else None


def start_tags(page: bytes, most: int, looks: int) -> Iterator[Tag]:
    """Yields the start tags in a page that end before the offset `most`, in order. At most `looks` places where a tag
    may begin are examined. Tags inside scripts, styles and templates are skipped."""
    at = 0
    for _ in range(looks):
        at = page.find(b"<", at, most)
        if at < 0:
            return
        if (after := skip(page, at, most)) > at:
            at = after
            continue
        if tag_name(page, at, most) is None:
            at += 1
            continue
        tag = start_tag(page, at, most)
        if tag is None:
            return
        yield tag
        at = tag.end
        if (ends := _RAW_TEXT.get(tag.name)) is not None:
            end = ends.search(page, at, most)
            at = end.end() if end is not None else most


def attributes(page: bytes, tag: Tag) -> dict[bytes, bytes]:
    """Returns the attributes of a start tag by name in lower case. If two attributes have the same name, the first one
    is used."""
    found: dict[bytes, bytes] = {}
    for match in islice(_ATTRIBUTE.finditer(page, tag.begin, tag.end - 1), _MOST_ATTRIBUTES):
        value = match["value"] or b""
        found.setdefault(match["name"].lower(), value[1:-1] if value[:1] in (b'"', b"'") else value)
    return found
