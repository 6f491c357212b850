"""Safe paths and their stored form, for members of a zip and for `source_files` alike."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.bundles import errors
from easel.bundles.names import check_path, decode_name, printable
from easel.errors import BadRequestError
from tests.bundles.crafted import File, craft
from tests.bundles.looking import look


@pytest.mark.parametrize(
    ("given_path", "kept"),
    [
        ("index.html", "index.html"),
        ("./a/./b//c.js", "a/b/c.js"),
        ("a\\b\\c.js", "a/b/c.js"),
        ("folder/", "folder"),
        ("cafe\u0301/menu.html", "caf\u00e9/menu.html"),
        ("...", "..."),
        ("a..b/..c/d..", "a..b/..c/d.."),
        ("trailing./dots..", "trailing./dots.."),
        (" spaces / stay ", " spaces / stay "),
        ("con/NUL.txt/aux", "con/NUL.txt/aux"),
        ("%2e%2e/x", "%2e%2e/x"),
        ("ab:c/d:e", "ab:c/d:e"),
        ("a:b.js", "a:b.js"),
        ("w:Main.html", "w:Main.html"),
        ("[id]/(group)/@slot/~x&y=z?#.js", "[id]/(group)/@slot/~x&y=z?#.js"),
        ("\U0001f468\u200d\U0001f373.png", "\U0001f468\u200d\U0001f373.png"),
    ],
)
def test_harmless_paths_are_kept_in_one_form(given_path: str, kept: str) -> None:
    assert check_path(given_path) == kept


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/index.html", errors.PathAbsoluteError),
        ("\\index.html", errors.PathAbsoluteError),
        ("//server/share", errors.PathAbsoluteError),
        ("..", errors.PathTraversalError),
        ("../x", errors.PathTraversalError),
        ("a/../b", errors.PathTraversalError),
        ("a/..", errors.PathTraversalError),
        ("a\\..\\b", errors.PathTraversalError),
        ("./../x", errors.PathTraversalError),
        ("C:/x", errors.PathDriveLetterError),
        ("c:", errors.PathDriveLetterError),
        ("c:\\x", errors.PathDriveLetterError),
        ("\u212a:\\x", errors.PathDriveLetterError),  # the Kelvin sign, which NFC makes a K
        ("a\0b", errors.PathControlCharacterError),
        ("a\nb", errors.PathControlCharacterError),
        ("a\x7fb", errors.PathControlCharacterError),
        ("a\x85b", errors.PathControlCharacterError),
        ("a\ud800b", errors.PathControlCharacterError),
        ("./C:/x", errors.PathDriveLetterError),
        ("", errors.PathEmptyError),
        (".", errors.PathEmptyError),
        ("./.", errors.PathEmptyError),
        ("n" * 1025, errors.PathTooLongError),
        ("\u00e9" * 513, errors.PathTooLongError),
        ("\U0001d160" * 200, errors.PathTooLongError),  # 800 bytes, and 2,400 in NFC
        ("a" + "\u0300\u0316" * 1_000_000, errors.PathTooLongError),
        ("\ud800" * 2000, errors.PathTooLongError),
    ],
)
def test_unsafe_paths_are_refused(path: str, kind: type[BadRequestError]) -> None:
    with pytest.raises(BadRequestError) as refusal:
        check_path(path)
    assert type(refusal.value) is kind
    assert str(refusal.value).isprintable()


def test_combining_marks_are_put_in_canonical_order() -> None:
    assert (
        check_path("a\u0300\u0316.txt")
        == check_path("a\u0316\u0300.txt")
        == "a\u0316\u0300.txt".replace("a\u0316\u0300", "\u00e0\u0316")
    )
    assert check_path("x" + "\u0316\u0300" * 15) == "x" + "\u0316" * 15 + "\u0300" * 15
    heap = "x" + "\u0300\u0316" * 16
    assert check_path(heap) == heap


@given(st.text(max_size=40) | st.text("./\\:aC\u0301\u212a", max_size=20))
def test_every_accepted_path_is_safe_and_stays_unchanged(path: str) -> None:
    try:
        kept = check_path(path)
    except BadRequestError:
        return
    parts = kept.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert "\\" not in kept
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in kept)
    assert unicodedata.is_normalized("NFC", kept)
    assert kept[1:3] not in (":", ":/") or not kept[0].isascii() or not kept[0].isalpha()
    assert check_path(kept) == kept


@given(st.binary(max_size=40), st.booleans(), st.none() | st.binary(max_size=40))
def test_any_bytes_are_a_name_or_refused(raw: bytes, flag: bool, unicode_path: bytes | None) -> None:
    try:
        name = decode_name(raw, utf8_flag=flag, unicode_path=unicode_path)
    except errors.PathEncodingError as refusal:
        name = str(refusal)
    assert isinstance(name, str)


@given(st.text(max_size=300))
def test_a_printed_name_cannot_disturb_a_log(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()


def test_the_limit_on_names_is_a_setting() -> None:
    assert check_path("ab", max_bytes=2) == "ab"
    with pytest.raises(errors.PathTooLongError, match="limit is 2"):
        check_path("abc", max_bytes=2)


@pytest.mark.parametrize(
    "names",
    [
        ["app", "app/main.js"],
        ["app/main.js", "app"],
        ["a/b", "a-b", "a.b", "a/b/c/d/e"],
        ["a/b/c/d/e", "a/b", "a/b!x"],
        ["app", "app//"],
        ["app/", "app"],
        ["x/y", "x/y/z/"],
    ],
)
def test_a_file_where_another_member_needs_a_folder_is_refused(names: list[str]) -> None:
    files = [File(name.encode(), b"" if name.endswith("/") else b"x") for name in names]
    with pytest.raises(errors.PathConflictError):
        look(craft(File(), *files))


def test_names_with_a_common_beginning_do_not_conflict() -> None:
    names = ["app", "app.js", "app-1/x", "app0", "apps/y", "ap/p"]
    assert set(look(craft(File(), *(File(name.encode(), b"x") for name in names))).files) == {"index.html", *names}
