"""Names of members: how they are decoded, and which paths are safe. Pure rules."""

from __future__ import annotations

import contextlib
import re
import unicodedata
import zlib

from easel.bundles.errors import (
    PathAbsoluteError,
    PathControlCharacterError,
    PathDriveLetterError,
    PathEmptyError,
    PathEncodingError,
    PathTooLongError,
    PathTraversalError,
)

MAX_NAME_BYTES = 1024
_DRIVE = re.compile(r"[A-Za-z]:")


def decode_name(raw: bytes, *, utf8_flag: bool, unicode_path: bytes | None = None) -> str:
    """A member's name as text: UTF-8 by flag, else UTF-8 if it is valid, else cp437 (APPNOTE.TXT, appendix D).

    `unicode_path` is the body of the Info-ZIP Unicode Path extra field (0x7075), which wins while its CRC fits the
    raw name. Raises PathEncodingError for a name flagged UTF-8 that is not.
    """
    if unicode_path is not None and len(unicode_path) > 5 and unicode_path[0] == 1:
        fits = int.from_bytes(unicode_path[1:5], "little") == zlib.crc32(raw)
        with contextlib.suppress(UnicodeDecodeError):
            if fits:
                return unicode_path[5:].decode()
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if utf8_flag:
            raise PathEncodingError(member=printable(raw.decode("latin-1"))) from error
        return raw.decode("cp437")


def check_path(path: str, *, max_bytes: int = MAX_NAME_BYTES) -> str:
    """The path as Easel keeps it: relative, '/' between parts, NFC, no empty or '.' parts.

    Backslashes are read as '/'. A trailing '/' (a folder) is dropped. Raises one of the Path…Error classes.
    """
    size = len(path.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise PathTooLongError(member=printable(path[:80]) + "…", size=size, limit=max_bytes)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
        raise PathControlCharacterError(member=printable(path))
    normal = unicodedata.normalize("NFC", path.replace("\\", "/"))
    if _DRIVE.match(normal):
        raise PathDriveLetterError(member=path)
    if normal.startswith("/"):
        raise PathAbsoluteError(member=path)
    parts = [part for part in normal.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise PathTraversalError(member=path)
    if not parts:
        raise PathEmptyError()
    return "/".join(parts)


def printable(text: str) -> str:
    """The text with everything that could disturb a log or a terminal escaped, at most 200 characters."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[:200]
    )
