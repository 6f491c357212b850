"""The charset that a file declares."""

from __future__ import annotations

import pytest

from easel.bundles.charsets import with_charset
from tests.bundles.crafted import PAGE, File, craft
from tests.bundles.looking import look

HTML = "text/html; charset=utf-8"

SAID = [
    ('<meta charset="windows-1252">', "windows-1252"),
    ("<!doctype html><html><head><META CHARSET=Shift_JIS>", "shift_jis"),
    ("<meta charset = ' ISO-8859-1 '/>", "iso-8859-1"),
    ("<meta/charset=big5>", "big5"),
    ('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15">', "iso-8859-15"),
    ("<meta content='text/html;charset=\"euc-kr\"' http-equiv=content-type>", "euc-kr"),
    ("<!-- <meta charset=big5> --><title>a>b</title><meta charset=koi8-r>", "koi8-r"),
    ("<html a='<meta charset=big5>'><meta charset=gbk>", "gbk"),
    ("<meta charset=gb2312><meta charset=utf-8>", "gb2312"),
    ("<meta charset=x-user-defined>", "windows-1252"),
    ('<?xml version="1.0" encoding="windows-1251"?><html>', "windows-1251"),
    ("<meta charset=utf-8>", "utf-8"),
    ("<meta charset=utf8>", "utf-8"),
    ("<meta charset=utf-16>", "utf-8"),  # If the page were UTF-16, this declaration could not be read.
    ("<meta charset=no-such>", "utf-8"),
    ("<meta charset=no-such><meta charset=big5>", "big5"),
    ("<meta content='charset=big5'>", "utf-8"),
    ("<meta http-equiv=refresh content='0;charset=big5'>", "utf-8"),
    ("<!-- <meta charset=big5> -->", "utf-8"),
    ("<!-- never closed <meta charset=big5>", "utf-8"),
    ("<metal charset=big5>", "utf-8"),
    (" " * 1024 + "<meta charset=big5>", "utf-8"),
    ("", "utf-8"),
]


@pytest.mark.parametrize(("page", "charset"), SAID)
def test_a_page_has_the_charset_that_it_declares(page: str, charset: str) -> None:
    assert with_charset(HTML, page.encode()) == f"text/html; charset={charset}"


@pytest.mark.parametrize(
    ("mark", "charset"), [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be")]
)
def test_a_byte_order_mark_overrides_the_declared_charset(mark: bytes, charset: str) -> None:
    assert with_charset(HTML, mark + b"<meta charset=big5>") == f"text/html; charset={charset}"
    assert with_charset("text/css; charset=utf-8", mark + b'@charset "big5";') == f"text/css; charset={charset}"


def test_a_page_in_utf_16_is_recognised_without_a_byte_order_mark() -> None:
    assert with_charset(HTML, "<!doctype html>".encode("utf-16-le")) == "text/html; charset=utf-16le"
    assert with_charset(HTML, "<!doctype html>".encode("utf-16-be")) == "text/html; charset=utf-16be"


def test_a_style_sheet_is_in_the_charset_of_its_first_rule() -> None:
    assert with_charset("text/css; charset=utf-8", b'@charset "iso-8859-1"; a{}') == "text/css; charset=iso-8859-1"
    assert with_charset("text/css; charset=utf-8", b"a{} @charset 'big5';") == "text/css; charset=utf-8"


def test_a_file_without_a_charset_gets_none() -> None:
    assert with_charset("application/xhtml+xml", b"<meta charset=big5>") == "application/xhtml+xml"
    assert with_charset("text/javascript; charset=utf-8", b"<meta charset=big5>") == "text/javascript; charset=utf-8"


def test_the_manifest_also_has_the_type_of_a_file_with_many_pieces() -> None:
    old = b"<!doctype html><meta charset=windows-1252>"
    files = look(
        craft(File(b"index.html", PAGE), File(b"old.html", old), File(b"long.html", old + b"a" * 2_000_000))
    ).files
    assert files["index.html"].type == HTML
    assert files["old.html"].type == files["long.html"].type == "text/html; charset=windows-1252"
