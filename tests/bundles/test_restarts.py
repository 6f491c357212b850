"""Reading from the middle of a long deflated member."""

from __future__ import annotations

import random
import zlib

import pytest

from easel.bundles.inflate import DamagedDataError
from easel.bundles.models import DEFLATED, Member
from easel.bundles.restarts import _PLACE, Restarts, find_restarts, inflate_from
from tests.bundles.crafted import deflate, inflating_to

MIB = 1 << 20
_random = random.Random(11)
LINES = b"".join(b"%d,%x,%d\n" % (n, _random.getrandbits(40), n * n) for n in range(80_000))


def member(content: bytes, raw: bytes) -> Member:
    return Member("0" * 64, len(content), "text/csv", 0, 0, len(raw), DEFLATED, zlib.crc32(content))


def read(places: Restarts, raw: bytes, start: int, stop: int) -> bytes | None:
    """Returns the content between two bytes, from the nearest restart point. Returns None if no point comes before
    it."""
    restart = places.reaching(start, stop, len(raw))
    if restart is None:
        return None
    assert restart.content <= start
    out = b""
    for piece in inflate_from(restart, memoryview(raw)):
        out += piece
        if len(out) >= stop - restart.content:
            break
    return out[start - restart.content : stop - restart.content]


@pytest.mark.parametrize("level", [1, 6])
def test_every_part_equals_the_same_part_of_the_whole_content(level: int) -> None:
    content = LINES + _random.randbytes(700_000) + LINES[::-1]
    raw = deflate(content, level)
    section = find_restarts(member(content, raw), memoryview(raw))
    assert section is not None
    places = Restarts(memoryview(section))
    assert len(places) >= len(content) // MIB
    bits = {places.reaching(n, n + 1, len(raw)).bit % 8 for n in range(MIB, len(content), 100_000)}  # type: ignore[union-attr]
    assert len(bits) > 2
    for start in (*range(MIB, len(content) - 100, 333_333), len(content) - 100):
        for length in (1, 100, 700_000):
            assert read(places, raw, start, min(len(content), start + length)) == content[start : start + length]
    assert read(places, raw, 5, 10) is None


def test_places_take_a_small_part_of_what_they_are_of() -> None:
    zeros = inflating_to(64 * MIB)
    section = find_restarts(member(bytes(64 * MIB), zeros), memoryview(zeros))
    assert section is not None
    assert len(section) < 20_000
    assert read(Restarts(memoryview(section)), zeros, 60 * MIB, 60 * MIB + 9) == bytes(9)


def test_damaged_data_has_no_restarts() -> None:
    raw = deflate(LINES)
    for damaged in (b"\xff" * len(raw), raw[:99] + b"\xff" * 9 + raw[108:]):
        assert find_restarts(member(LINES, damaged), memoryview(damaged)) is None


def test_a_damaged_restart_point_is_not_used() -> None:
    raw = deflate(LINES)
    section = find_restarts(member(LINES, raw), memoryview(raw))
    assert section is not None
    starts = [*range(900_000, len(LINES), 200_000), len(LINES) - 9]
    right = [LINES[start : start + 9] for start in starts]
    assert [read(Restarts(memoryview(section)), raw, start, start + 9) for start in starts] == right
    for at in (36 + _PLACE.size, 44 + _PLACE.size, len(section) - 9):
        changed = bytearray(section)
        changed[at] ^= 1
        places = Restarts(memoryview(bytes(changed)))
        found = [read(places, raw, start, start + 9) for start in starts]
        assert None in found
        assert all(one in (None, other) for one, other in zip(found, right, strict=True))
    for cut in (0, 20, 36, 60):
        with pytest.raises(ValueError, match="cut off"):
            Restarts(memoryview(section[:cut]))


def test_data_that_was_damaged_later_is_reported() -> None:
    raw = deflate(LINES)
    section = find_restarts(member(LINES, raw), memoryview(raw))
    assert section is not None
    restart = Restarts(memoryview(section)).reaching(len(LINES) - 9, len(LINES), len(raw))
    assert restart is not None
    with pytest.raises(DamagedDataError):
        b"".join(inflate_from(restart, memoryview(raw[:-9])))
