"""A file is read from its bundle as a whole, and as a gzip body."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from easel.bundles.inflate import DamagedDataError
from easel.bundles.models import Member
from easel.bundles.read import content, gzip_frame
from tests.bundles.crafted import File, craft
from tests.bundles.looking import look

NOISE = random.Random(7).randbytes(300_000)
TEXT = b"".join(b"line %d of a text that compresses\n" % number for number in range(20_000))
BUNDLE = craft(
    File(),
    File(b"noise.bin", NOISE),
    File(b"text.txt", TEXT),
    File(b"stored.bin", NOISE, method=0),
    File(b"empty.css", b""),
    File(b"empty-stored.css", b"", method=0),
)
MEMBERS = look(BUNDLE).files
CONTENT = {"noise.bin": NOISE, "text.txt": TEXT, "stored.bin": NOISE, "empty.css": b"", "empty-stored.css": b""}
VIEW = memoryview(BUNDLE)


@pytest.mark.parametrize("path", sorted(CONTENT))
def test_the_whole_content_of_a_member_is_read(path: str) -> None:
    assert content(MEMBERS[path], VIEW) == CONTENT[path]


@pytest.mark.parametrize("path", ["noise.bin", "text.txt", "empty.css"])
def test_the_raw_bytes_in_their_frame_are_a_gzip_body(path: str) -> None:
    member = MEMBERS[path]
    header, trailer = gzip_frame(member)
    assert (len(header), len(trailer)) == (10, 8)
    body = header + BUNDLE[member.offset : member.offset + member.length] + trailer
    assert gzip.decompress(body) == CONTENT[path]
    assert zlib.decompress(body, wbits=31) == CONTENT[path]


def test_the_frame_of_a_file_above_4_gib_contains_its_size_modulo_2_to_the_32() -> None:
    member = Member("0" * 64, (5 << 32) + 9, "text/plain", 0, 0, 1, 8, 0xFFFFFFFF)
    assert gzip_frame(member)[1] == b"\xff\xff\xff\xff\x09\0\0\0"


@pytest.mark.parametrize("damage", ["cut", "noise", "moved", "short"])
def test_later_damage_of_a_bundle_is_detected(damage: str) -> None:
    member = MEMBERS["text.txt"]
    broken = {
        "cut": BUNDLE[: member.offset + member.length // 2],
        "noise": BUNDLE[: member.offset] + b"\xff" * member.length,
        "moved": b"\xff" * 9 + BUNDLE,
        "short": BUNDLE[: member.offset] + b"\3\0" * (member.length // 2),
    }[damage]
    with pytest.raises(DamagedDataError):
        content(member, memoryview(broken))


def test_a_stored_file_that_is_cut_off_is_noticed() -> None:
    member = MEMBERS["stored.bin"]
    broken = memoryview(BUNDLE)[: member.offset + 100]
    with pytest.raises(DamagedDataError):
        content(member, broken)
