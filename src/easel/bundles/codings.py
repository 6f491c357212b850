"""Files that the project's build has compressed itself: the meaning of their names, and which of them are sent decoded.

`game.data.br` and `app.wasm.gz` without the plain file next to them are meant to be sent with a `Content-Encoding`.
`archive.tar.gz` and `model.json.gz` are downloads, or data that a program unpacks itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

from easel.bundles.inflate import LARGEST_WINDOW, DamagedDataError, inflated, window
from easel.bundles.models import ZSTANDARD, Coding
from easel.bundles.packages import Package

if TYPE_CHECKING:
    import brotli
else:
    brotli = Package("brotli")

_SUFFIXES: Final[dict[str, Coding]] = {"br": "br", "gz": "gzip", "zst": "zstd"}
_ENDS = (*(f".{suffix}" for suffix in _SUFFIXES), ".svgz")
_CODE = frozenset({"js", "mjs", "cjs", "css", "wasm"})
"""Suffixes of code that browsers load directly, so that no program would unpack it."""
_UNITY = frozenset({"data", "json", "mem", "memory"})
"""Suffixes of files that Unity's loader requests next to code. Another program might unpack such a file itself if it is
compressed with gzip."""
_ARCHIVES = frozenset({"tar", "zip"})
_LOOKED_AT = 4 * 1024
_UNPACKED = 16 * 1024
"""Number of bytes of the decoded content that are examined to check the compression that the file's name states."""
_PIECE = 256 * 1024


def plain_name(path: str) -> str:
    """Returns the name (or path) of a compressed file without the suffix of the compression: `app.js` for
    `app.js.gz`."""
    return path[:-1] if path.lower().endswith(".svgz") else path.rpartition(".")[0]


def sent_decoded(paths: Collection[str], read: Callable[[str, int], bytes]) -> dict[str, Coding]:
    """Returns the compressed files that must be sent with a `Content-Encoding`, each with its compression.

    This applies to all Brotli files, because only browsers unpack them. It applies to gzip and Zstandard files if they
    contain code, or lie next to a loader of Unity. A file is left out if the plain file exists too, or if its content
    does not match its name. `read` returns the first bytes of a file.
    """
    compressed = (path for path in paths if path.lower().endswith(_ENDS))
    named = [(path, _SUFFIXES.get(_suffix(path), "gzip")) for path in compressed]
    loaders = {path.rpartition("/")[0] for path in paths if path.endswith(".loader.js")} if named else set()
    found = {}
    for path, coding in named:
        plain = plain_name(path)
        inner = _suffix(plain)
        is_meant = coding == "br" or inner in _CODE or (inner in _UNITY and path.rpartition("/")[0] in loaders)
        is_alone = plain not in paths and inner not in _ARCHIVES and bool(inner)
        if ((is_meant and is_alone) or _suffix(path) == "svgz") and _begins_like(read(path, _LOOKED_AT), coding):
            found[path] = coding
    return found


def siblings(path: str, paths: Collection[str]) -> Iterable[tuple[str, Coding]]:
    """Yields the compressed files next to the file at `path`, such as `app.js.gz` next to `app.js`, each with its
    compression."""
    for suffix, coding in _SUFFIXES.items():
        if (sibling := f"{path}.{suffix}") in paths:
            yield sibling, coding


def decoded(data: bytes, coding: Coding, limit: int) -> bytes | None:
    """Returns the content of compressed data. Returns None if the data is invalid, or if the content is longer than
    `limit` bytes. Unpacking stops at the limit."""
    try:
        if coding == "br":
            content = _brotli_decoded(data, limit)
        elif coding == "zstd":
            content = inflated(memoryview(data), ZSTANDARD, limit)
        else:
            content = _gzip_decoded(data, limit)
    except (brotli.error, DamagedDataError, IsalError):  # type: ignore[misc]
        return None
    return content if content is not None and len(content) <= limit else None


def _brotli_decoded(data: bytes, limit: int) -> bytes | None:
    stream = brotli.Decompressor()
    content = bytearray()
    piece = stream.process(data, output_buffer_limit=_PIECE)
    while piece and len(content) <= limit:
        content += piece
        piece = stream.process(b"", output_buffer_limit=_PIECE)
    return bytes(content) if stream.is_finished() else None


def _gzip_decoded(data: bytes, limit: int) -> bytes | None:
    stream = IgzipDecompressor(flag=DECOMP_GZIP)
    content = stream.decompress(data, limit + 1)
    return content if stream.eof and not stream.unused_data else None


def _begins_like(data: bytes, coding: Coding) -> bool:
    """Returns true if the first bytes of a file are compressed as its name states."""
    if coding == "zstd":
        return 0 < window(memoryview(data)) <= LARGEST_WINDOW
    try:
        if coding == "br":
            stream = brotli.Decompressor()
            content, is_at_end = stream.process(data, output_buffer_limit=_UNPACKED), stream.is_finished()
        else:
            inflater = IgzipDecompressor(flag=DECOMP_GZIP)
            content, is_at_end = inflater.decompress(data, _UNPACKED), inflater.eof
    except IsalError:  # type: ignore[misc]
        return False
    except brotli.error:
        return False
    # A short file must contain the end of the compressed data, unless its content is large.
    return is_at_end or len(data) > _LOOKED_AT or len(content) >= _UNPACKED


def _suffix(path: str) -> str:
    _, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return suffix.lower() if dot else ""
