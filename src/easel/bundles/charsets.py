"""Finds the charset that a text declares in its content. A different charset in the Content-Type would make browsers
misread the text."""

from __future__ import annotations

import re

from easel.bundles.markup import TAGS_REST, attributes, start_tag

PRESCANNED = 1024
"""Number of first bytes of a page within which it must declare its charset (HTML §13.2.3.2)."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_MARKED = frozenset(mark[:1] for mark, _ in _MARKS)
_UTF16_TAGS = ((b"<\0", "utf-16le"), (b"\0<", "utf-16be"))
_DECLARING = ("text/html", "text/css")
"""Content types of texts that can declare a charset in their content."""
_UTF16 = frozenset(
    "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff unicodefffe utf-16 utf-16be utf-16le".split()  # noqa: SIM905
)
_UTF8 = frozenset("unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8".split())  # noqa: SIM905
_OTHERS = frozenset(
    """
    866 cp866 csibm866 ibm866 csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2
    csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3 csisolatin4 iso-8859-4
    iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4 csisolatincyrillic cyrillic iso-8859-5 iso-ir-144
    iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988 arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114
    iso-8859-6 iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 csisolatingreek
    ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek
    csiso88598e csiso88598i csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-8859-8-i iso-ir-138 iso8859-8 iso88598
    iso_8859-8 iso_8859-8:1988 logical visual csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6
    iso-8859-13 iso8859-13 iso885913 iso-8859-14 iso8859-14 iso885914 csisolatin9 iso-8859-15 iso8859-15 iso885915
    iso_8859-15 l9 iso-8859-16 cskoi8r koi koi8 koi8-r koi8_r koi8-ru koi8-u csmacintosh mac macintosh x-mac-roman
    x-mac-cyrillic x-mac-ukrainian dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874 cp1250 windows-1250
    x-cp1250 cp1251 windows-1251 x-cp1251 ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100
    iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252 cp1253 windows-1253 x-cp1253
    cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 windows-1254
    x-cp1254 cp1255 windows-1255 x-cp1255 cp1256 windows-1256 x-cp1256 cp1257 windows-1257 x-cp1257 cp1258 windows-1258
    x-cp1258 chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030 big5 big5-hkscs
    cn-big5 csbig5 x-x-big5 cseucpkdfmtjapanese euc-jp x-euc-jp csiso2022jp iso-2022-jp csshiftjis ms932 ms_kanji
    shift-jis shift_jis sjis windows-31j x-sjis cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987
    ks_c_5601-1989 ksc5601 ksc_5601 windows-949
    """.split()  # noqa: SIM905
)
"""The labels of charsets that browsers know (Encoding §4.2), except for UTF-8 and UTF-16."""
_IN_CONTENT = re.compile(rb"""charset[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r ;"']++))""", re.I)
_STYLE_RULE = re.compile(rb'@charset "([^"]{1,100})";')
_XML_DECLARATION = re.compile(rb"""<\?xml[^>]*?[\t\n\f\r ]encoding[\t\n\f\r ]*+=[\t\n\f\r ]*+["']([^"'>]++)["']""")
_META = rb"<meta(?=[\t\n\f\r /])"
_TO_META = re.compile(
    rb"(?:[^<]++|<!--(?:-?>|.*?-->)|<(?:!(?!--)|[/?])[^>]*+>|(?!"
    + _META
    + rb")<[a-z][^\t\n\f\r />]*+"
    + TAGS_REST
    + rb"|<(?![a-z!/?]))*+(?="
    + _META
    + rb")",
    re.IGNORECASE | re.DOTALL,
)


def with_charset(type_: str, content: bytes) -> str:
    """Returns `type_` with the charset that the text's first bytes (`content`) declare. A byte order mark overrides any
    declaration. A label that browsers do not know is ignored."""
    if content[:1] not in _MARKED and not type_.startswith(_DECLARING):
        return type_  # This is the result for most files.
    plain, _, rest = type_.partition(";")
    if not rest or not plain.startswith("text/"):
        return type_
    label = _marked(plain, content) or _declared(plain, content[:PRESCANNED])
    return type_ if label in (None, "utf-8") else f"{plain}; charset={label}"


def _marked(plain: str, content: bytes) -> str | None:
    marks = (*_MARKS, *_UTF16_TAGS) if plain == "text/html" else _MARKS
    return next((label for mark, label in marks if content.startswith(mark)), None)


def _declared(plain: str, head: bytes) -> str | None:
    if plain == "text/html":
        return _of_page(head)
    if plain == "text/css" and (rule := _STYLE_RULE.match(head)) is not None:
        return _known(rule[1])
    return None


def _of_page(head: bytes) -> str | None:
    """Returns the charset that the first bytes of an HTML page declare, in the first `<meta>` with a charset or in an
    XML declaration. Returns None if they declare none. It follows "prescan a byte stream" (HTML §13.2.3.2)."""
    at = 0
    while (found := _TO_META.match(head, at)) is not None:
        tag = start_tag(head, found.end(), len(head))
        if tag is None:
            break
        label = _of_meta(attributes(head, tag))
        if label is not None:
            return label
        at = tag.end
    declaration = _XML_DECLARATION.match(head)
    return _known(declaration[1]) if declaration is not None else None


def _of_meta(values: dict[bytes, bytes]) -> str | None:
    if b"charset" in values:
        return _known(values[b"charset"])
    if values.get(b"http-equiv", b"").lower() != b"content-type":
        return None
    found = _IN_CONTENT.search(values.get(b"content", b""))
    return _known(found[found.lastindex or 0]) if found is not None else None


def _known(value: bytes) -> str | None:
    label = value.strip(b"\t\n\f\r ").lower().decode("latin-1")
    if label in _UTF8 or label in _UTF16:
        # The declaration was read as ASCII, so the page is not UTF-16.
        return "utf-8"
    if label == "x-user-defined":
        return "windows-1252"
    return label if label in _OTHERS else None
