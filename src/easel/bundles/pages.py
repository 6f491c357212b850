"""Finds the offset in a page at which an added script runs before all other scripts and changes nothing else. The page
is parsed from its start and never searched, because text that looks like a tag may be in a comment, a script or a text
area. The offset is inside the head, or at the place where browsers begin a head."""

from __future__ import annotations

import re

from easel.bundles.markup import Tag, attributes, skip, start_tag, tag_name

LOOKED_AT = 256 * 1024
"""Number of first bytes of a page that are searched for the offset."""
LARGEST = 8 * 1024 * 1024
"""Maximum size in bytes of a page into which a script is inserted. A larger page is not meant for readers, and is
streamed unchanged."""
UTF8_MARK = b"\xef\xbb\xbf"
_DOCTYPE = re.compile(rb"<!doctype[\t\n\f\r ]*+([^\t\n\f\r >]*+)[^>]*+>", re.IGNORECASE)
_END_TAG = re.compile(rb"</[a-z]", re.IGNORECASE)
_PAGES_TAGS = frozenset({b"html", b"head", b"body"})
_CLOSED = {
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])[^>]*+>", re.IGNORECASE)
    for name in b"title style script noscript noframes textarea xmp iframe noembed svg math template select".split()
}
"""For each element whose content is not parsed as tags, a pattern for its end tag."""
_MOST_PASSED = 500
"""Maximum number of tags that are read to find a tag which only pages have, such as `<html>`."""
_ACCELERATED = frozenset(name.encode() for name in ("⚡", "amp", "⚡4ads", "amp4ads", "⚡4email", "amp4email"))
"""Attributes that mark an `<html>` element as AMP. An AMP page must not contain scripts of its own (AMP HTML, "Required
mark-up")."""


def script_place(page: bytes) -> int | None:
    """Returns the offset (bytes) in a page at which an inserted script runs before all other scripts. Returns None for
    a file that is not a page: a fragment without a doctype, `<html>`, `<head>` and `<body>`, a file whose name shows
    another format, a text in UTF-16, and an AMP page."""
    most = min(len(page), LOOKED_AT)
    at = skip(page, len(UTF8_MARK) if page.startswith(UTF8_MARK) else 0, most)
    is_page = False
    while (doctype := _DOCTYPE.match(page, at, most)) is not None:
        is_page = is_page or doctype[1].lower() == b"html"
        at = skip(page, doctype.end(), most)
    tag = start_tag(page, at, most)
    if tag is not None and tag.name == b"html":
        if not _ACCELERATED.isdisjoint(attributes(page, tag)):
            return None
        is_page = True
        at = skip(page, tag.end, most)
        tag = start_tag(page, at, most)
    if tag is not None and tag.name == b"head":
        return tag.end
    return at if is_page or _comes_to_a_page(page, at, most) else None


def _comes_to_a_page(page: bytes, at: int, most: int) -> bool:
    """Returns true if a tag begins at the offset `at`, and this tag or a following tag is a doctype, `<html>`, `<head>`
    or `<body>`."""
    for _ in range(_MOST_PASSED):
        if at < 0 or not page.startswith(b"<", at):
            return False
        name = tag_name(page, at, most)
        if name in _PAGES_TAGS:
            return True
        passed: re.Match[bytes] | Tag | None
        if name is not None:
            passed = _CLOSED[name].search(page, at, most) if name in _CLOSED else start_tag(page, at, most)
        else:
            passed = _END_TAG.match(page, at, most) or _DOCTYPE.match(page, at, most)
            if passed is not None and passed.lastindex and passed[1].lower() == b"html":
                return True
        # An element without an end tag extends to the end of the page.
        end = most if passed is None else passed.end if isinstance(passed, Tag) else passed.end()
        at = page.find(b"<", skip(page, end, most), most)
    return False
