"""Decodes large JSON objects in slices, because decoding a whole object would block the event loop."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from easel.bundles.models import Manifest, Member, decode_manifest

AT_ONCE = 128 * 1024
"""Maximum size in bytes of a JSON object that is decoded in one call, which takes about two milliseconds."""
_FILES = b'"files":{'
_ENTRIES = re.compile(rb'(?:"(?:[^"\\]++|\\.)*+":\[[^\[\]]*+\],?){1,250}+')
"""A pattern for up to 250 entries of an object in Easel's own format. Each entry is a name and a flat array."""
_decode = msgspec.json.Decoder(dict[str, Member]).decode

V = TypeVar("V")


def entries(data: bytes, at: int, decode: Callable[[bytes], dict[str, V]]) -> Iterator[tuple[dict[str, V], int]]:
    """Decodes a JSON object in slices of entries. `at` is the offset of the first entry. Yields each slice with the
    offset of the next entry or of the closing brace. If the object has another format than Easel's, ends early, or
    yields a wrong offset. Raises msgspec.ValidationError or msgspec.DecodeError as `decode` does."""
    while (some := _ENTRIES.match(data, at)) is not None:
        at = some.end()
        is_last = data[at - 1 : at] != b","
        yield decode(b"{%b}" % data[some.start() : at if is_last else at - 1]), at
        if is_last:
            return


def decode_in_slices(data: bytes) -> Iterator[Manifest | None]:
    """Decodes a large manifest in slices, so that the caller can do other work in between. Yields None after every
    slice, and finally the manifest that `decode_manifest` would return. A manifest in another format than Easel's is
    decoded in one call. Raises msgspec.ValidationError or msgspec.DecodeError when it is damaged."""
    begin = end = data.find(_FILES) + len(_FILES)
    files: dict[str, Member] = {}
    if len(data) > AT_ONCE and begin >= len(_FILES):
        for some, at in entries(data, begin, _decode):
            files.update(some)
            end = at
            yield None
    if files and is_closed(data, end):
        yield msgspec.structs.replace(decode_manifest(data[:begin] + data[end:]), files=files)
    else:
        yield decode_manifest(data)


def is_closed(data: bytes, at: int) -> bool:
    """Returns true if the JSON object ends with a closing brace at the offset `at`, directly after an entry."""
    return data[at : at + 1] == b"}" and data[at - 1 : at] != b","
