"""The better-compressed variants of a bundle's files."""

from __future__ import annotations

import gzip
import hashlib
import random

import brotli
import msgspec
import pytest
import zstandard

from easel.bundles.codings import decoded
from easel.bundles.models import Coding
from easel.serving.compressing import build_variants
from easel.serving.variants import LARGEST, MAGIC, VariantsCheck, read_index, variant_key
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
CODINGS: tuple[Coding, ...] = ("br", "zstd")


def test_every_variant_decodes_to_its_file_and_is_smaller_than_what_lies_in_the_bundle() -> None:
    data = build_variants(PLACE.manifest, [PLACE.view])
    assert data is not None
    (index,) = read_index(memoryview(data))
    assert index is not None
    members = PLACE.manifest.files
    assert set(index) == {variant_key(members[path].hash, one) for path in ("app.js", "style.css") for one in CODINGS}
    for path in ("app.js", "copy.js", "style.css"):
        for coding in CODINGS:
            offset, length = index[variant_key(members[path].hash, coding)]
            assert decoded(data[offset : offset + length], coding, 1 << 20) == FILES[path]
        assert index[members[path].hash][1] < members[path].length


def test_the_creation_of_variants_can_be_stopped() -> None:
    assert build_variants(PLACE.manifest, [PLACE.view], should_stop=lambda: True) is None


@pytest.mark.parametrize("cut", [0, 4, 12, 40, -1])
def test_a_damaged_object_is_reported_as_damaged(cut: int) -> None:
    data = build_variants(PLACE.manifest, [PLACE.view])
    assert data is not None
    with pytest.raises(ValueError, match="variants object"):
        list(read_index(memoryview(data[:cut])))


def test_a_large_index_is_read_in_slices_and_checked_against_the_objects_length() -> None:
    index = {hashlib.sha256(b"%d" % n).hexdigest(): (n, 1) for n in range(5000)}
    encoded = msgspec.json.encode(index)
    data = MAGIC + len(encoded).to_bytes(8, "big") + encoded + bytes(5000)
    *slices, whole = read_index(memoryview(data))
    assert whole == {digest: (len(data) - 5000 + offset, 1) for digest, (offset, _) in index.items()}
    assert slices == [None] * 20
    for damaged in (data[:-1], data.replace(b"[4999,1]}", b"[4999,1],"), data.replace(b"[4000,1]", b"[4000,x]")):
        with pytest.raises(ValueError, match="variants object"):
            list(read_index(memoryview(damaged)))


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_variants_are_checked_in_pieces_of_any_size(size: int) -> None:
    data = build_variants(PLACE.manifest, [PLACE.view])
    assert data is not None
    check(data, size)
    for cut in (0, 5, 12, 30, len(data) - 1):
        with pytest.raises(ValueError):
            check(data[:cut], size)


def test_no_changed_byte_of_variants_goes_unnoticed() -> None:
    data = build_variants(PLACE.manifest, [PLACE.view])
    assert data is not None
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(ValueError):
            check(bytes(changed), 1000)


@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_variants_of_large_files_are_checked_whole(size: int) -> None:
    whole = b"".join(b"const v%d = %d;\n" % (n, n * n) for n in range(60_000))
    made: dict[Coding, bytes] = {"br": brotli.compress(whole, quality=1), "gzip": gzip.compress(whole, 1)}
    made["zstd"] = zstandard.compress(whole) + zstandard.compress(b"")
    digest = hashlib.sha256(whole).hexdigest()
    for coding, small in made.items():
        for content in (small, small[:-1], small[:-3000]):
            index = msgspec.json.encode({variant_key(digest, coding): (0, len(content))})
            data = MAGIC + len(index).to_bytes(8, "big") + index + content
            if content is small:
                check(data, size)
            else:
                with pytest.raises(ValueError, match=r"does not match its file|cannot be read"):
                    check(data, size)


def test_a_variant_that_never_ends_is_noticed_before_it_fills_the_memory() -> None:
    bomb = brotli.compress(bytes(LARGEST + 1), quality=1)
    index = msgspec.json.encode({hashlib.sha256(bytes(LARGEST + 1)).hexdigest(): (0, len(bomb))})
    with pytest.raises(ValueError, match="longer than any file"):
        check(MAGIC + len(index).to_bytes(8, "big") + index + bomb, 1000)


def check(data: bytes, size: int) -> None:
    checked = VariantsCheck()
    for at in range(0, len(data), size):
        checked.feed(data[at : at + size])
    checked.finish()


def test_sibling_files_with_other_contents_are_not_unpacked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(data: bytes, coding: Coding, limit: int) -> bytes | None:
        asked.append(len(data))
        return decoded(data, coding, limit)

    monkeypatch.setattr("easel.serving.compressing.decoded", counted)
    bomb = brotli.compress(bytes(100_000), lgwin=16)
    files = {f"{number}.js": f"const number = {number};\n".encode() * 100 for number in range(60)}
    place = Place({**files, **{f"{path}.br": bomb for path in files}})
    assert build_variants(place.manifest, [place.view]) is not None
    assert len(asked) < 30
