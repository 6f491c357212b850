"""The better-compressed variants beside a bundle."""

from __future__ import annotations

import random

import brotli
import pytest

from easel.bundles.inflate import inflated, raw
from easel.bundles.models import Member
from easel.serving.variants import build_variants, read_index
from tests.serving.building import Place

FILES = {
    "index.html": b"<p>hello</p>" * 500,
    "app.js": b"export const answer = 42;\n" * 400,
    "copy.js": b"export const answer = 42;\n" * 400,
    "style.css": b".a { color: red }\n" * 300,
    "tiny.js": b"1",
    "noise.txt": random.Random(7).randbytes(4000),
    "photo.jpg": b"\xff\xd8" + b"0" * 4000,
}
PLACE = Place(FILES)


def read(member: Member) -> bytes:
    return inflated(raw(member, memoryview(bytes(PLACE.data))), member.method, member.size)


def test_every_variant_decodes_to_its_file_and_is_smaller_than_what_lies_in_the_bundle() -> None:
    data = build_variants(PLACE.manifest, read)
    assert data is not None
    index = read_index(memoryview(data))
    members = PLACE.manifest.files
    assert set(index) == {members["app.js"].hash, members["style.css"].hash}
    for path in ("app.js", "copy.js", "style.css"):
        offset, length = index[members[path].hash]
        assert brotli.decompress(data[offset : offset + length]) == FILES[path]
        assert length < members[path].length


def test_making_them_can_be_stopped() -> None:
    assert build_variants(PLACE.manifest, read, should_stop=lambda: True) is None


@pytest.mark.parametrize("cut", [0, 4, 12, 40, -1])
def test_a_damaged_object_is_told_as_such(cut: int) -> None:
    data = build_variants(PLACE.manifest, read)
    assert data is not None
    with pytest.raises(ValueError, match="variants object"):
        read_index(memoryview(data[:cut]))
