"""Decoding a large manifest in slices: all of it at once would stop a process that has others to answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from easel.bundles.models import Manifest, Member, decode_manifest

AT_ONCE = 128 * 1024
"""The largest manifest (bytes as stored) that is decoded in one go, which takes about two milliseconds."""
_FILES = 250
_BEGIN = b'"files":{'
_ENTRIES = re.compile(rb'(?:"(?:[^"\\]++|\\.)*+":\[[^\[\]]*+\],?){1,%d}+' % _FILES)
"""Some files as `Manifest.encode` writes them: a path, and an array without another one in it."""
_decode = msgspec.json.Decoder(dict[str, Member]).decode


def decode_in_slices(data: bytes) -> Iterator[Manifest | None]:
    """Gives None after every slice, and at last the manifest that `decode_manifest` would give.

    A manifest that is written otherwise than Easel does is decoded in one go. Raises msgspec.ValidationError or
    msgspec.DecodeError when it is damaged.
    """
    begin = data.find(_BEGIN) + len(_BEGIN)
    if len(data) <= AT_ONCE or begin < len(_BEGIN):
        yield decode_manifest(data)
        return
    files: dict[str, Member] = {}
    at = begin
    while (some := _ENTRIES.match(data, at)) is not None:
        at = some.end()
        is_last = data[at - 1 : at] != b","
        files.update(_decode(b"{%b}" % data[some.start() : at if is_last else at - 1]))
        if is_last:
            break
        yield None
    if data[at : at + 1] != b"}" or data[at - 1 : at] == b",":
        yield decode_manifest(data)
        return
    yield msgspec.structs.replace(decode_manifest(data[:begin] + data[at:]), files=files)
