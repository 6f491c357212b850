"""Names of members (entries) in a zip: decodes them, and checks that a path is safe. All functions are pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from easel.bundles.errors import (
    PathAbsoluteError,
    PathControlCharacterError,
    PathDriveLetterError,
    PathEmptyError,
    PathEncodingError,
    PathTooLongError,
    PathTraversalError,
)
from easel.composed import composed

MAX_NAME_BYTES = 1024
# Matches `C:/x` and `C:` alone, but not `a:b.js`, which is an ordinary name.
_DRIVE = re.compile(r"[A-Za-z]:(?:/|\Z)")
# Control characters C0, DEL and C1 (Unicode's Cc), and halves of surrogate pairs, which UTF-8 cannot encode.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNICODE_PATH_VERSION = 1
_SHOWN = 200
_TOGETHER = 256
_MARKS_OF_OTHERS = ("\\", ":", "//", "/.")
"""If an ASCII path is not in its stored form, or is refused for a character, it contains one of these strings."""

T = TypeVar("T")


def decode_name(raw: bytes, *, utf8_flag: bool, unicode_path: bytes | None = None) -> str:
    """Decodes the name of a member in a zip. The name is UTF-8 if the zip marks it as such or if it is valid UTF-8,
    otherwise cp437 (APPNOTE.TXT, appendix D).

    `unicode_path` is the body of the Info-ZIP Unicode Path extra field (0x7075, §4.6.9), which overrides the name if
    its CRC matches the raw name. Raises PathEncodingError if a name is marked as UTF-8 but is not UTF-8.
    """
    # Some zip tools do not know the Unicode Path field. If such a tool renames a member, the CRC in the field does not
    # match the new name, and the field is ignored.
    if (
        unicode_path is not None
        and len(unicode_path) > 5
        and unicode_path[0] == _UNICODE_PATH_VERSION
        and int.from_bytes(unicode_path[1:5], "little") == zlib.crc32(raw)
    ):
        return _utf8(unicode_path[5:])
    if utf8_flag:
        return _utf8(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise PathEncodingError(member=printable(raw[:_SHOWN].decode("utf-8", "backslashreplace"))) from error


def check_path(path: str, *, max_bytes: int = MAX_NAME_BYTES) -> str:
    """Checks the path of a member, and returns it in its stored form: relative, '/' between parts, NFC, no empty or '.'
    parts.

    Backslashes are read as '/'. A trailing '/' (a folder) is dropped. The length limit (bytes of UTF-8) applies to the
    given and the stored path, because NFC can make a name longer. A path over the limit is not examined further. Raises
    one of the Path…Error classes.
    """
    _check_length(path, path, max_bytes)
    # Control characters are not printable, and most names are printable. This check is faster than the expression.
    if not path.isprintable() and _CONTROL.search(path):
        raise PathControlCharacterError(member=printable(path))
    normal = path.replace("\\", "/")
    if not path.isascii():
        normal = composed(normal)
        _check_length(normal, path, max_bytes)
    if ":" in normal and _DRIVE.match(normal):
        raise PathDriveLetterError(member=printable(path))
    if normal.startswith("/"):
        raise PathAbsoluteError(member=printable(path))
    parts = normal.split("/")
    if ".." in parts:
        raise PathTraversalError(member=printable(path))
    if "" in parts or "." in parts:
        parts = [part for part in parts if part not in ("", ".")]
        if not parts:
            raise PathEmptyError(member=printable(path))
        normal = "/".join(parts)
        if _DRIVE.match(normal):
            raise PathDriveLetterError(member=printable(path))
    return normal


def together(paths: Iterable[str]) -> str:
    """Joins paths into one text in lower case, with a slash before and after each path. Searching this text takes far
    less time than searching each path."""
    return f"/{'/|/'.join(paths)}/".lower()


def are_plain(paths: str) -> bool:
    """Returns true if `check_path` certainly accepts all paths in a text (from `together`) and returns them unchanged.
    The caller checks their lengths."""
    return paths.isascii() and paths.isprintable() and not any(mark in paths for mark in _MARKS_OF_OTHERS)


def in_slices(values: Iterable[T]) -> Iterator[list[T]]:
    """Yields the values in slices of a few hundred, so that a check of a whole slice needs little memory."""
    rest = iter(values)
    while some := list(islice(rest, _TOGETHER)):
        yield some


def _check_length(text: str, path: str, max_bytes: int) -> None:
    # A character takes at least one byte, so a text with too many characters need not be encoded.
    size = len(text)
    if size <= max_bytes and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise PathTooLongError(member=printable(path), size=size, limit=max_bytes)


def names_root(path: str) -> bool:
    r"""Returns true if the path is a spelling of the root folder: `/`, `./`, `.\`, or nothing."""
    return not path.strip("./\\") and all(part in ("", ".") for part in path.replace("\\", "/").split("/"))


def printable(text: str) -> str:
    """Returns a text as it may appear in a message: control characters are escaped, and it is truncated to 200
    characters."""
    shown = text[:_SHOWN]
    if not shown.isprintable():
        shown = "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode() for character in shown
        )
    return shown if len(text) <= _SHOWN else shown + "…"
