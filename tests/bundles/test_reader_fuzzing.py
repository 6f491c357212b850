"""Any uploaded bytes lead to a clear refusal or an app, in bounded time and memory."""

from __future__ import annotations

import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easel.bundles.models import Allowances, Limits
from easel.bundles.read import content
from easel.errors import BadRequestError
from tests.bundles.crafted import File, craft, craft64, inflating_to
from tests.bundles.looking import ZIPS, look

SEEDS = [
    *(path.read_bytes() for path in sorted(ZIPS.glob("*.zip"))),
    craft(File(), File(b"bomb.bin", bytes(8 << 20), raw=inflating_to(8 << 20))),
    craft64(File(), File(b"a/b.js", b"x" * 70_000)),
]
INTERESTING = [b"\0", b"\xff", b"\xff\xff", b"\xff" * 4, b"\xff" * 8, b"\1\0\0\0", b"\0\0\0\x80", b"PK\1\2", b"PK\3\4",
               b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"\1\0\x10\0", b"up", b"..", b"/", b"\\"]  # fmt: skip
LIMITS = Limits(max_files=50, max_file_size=16 << 20, max_total_size=32 << 20)


def check(data: bytes) -> None:
    """Checks one upload. An accepted bundle must contain the content that it states."""
    began = time.process_time()
    try:
        seen = look(data, limits=LIMITS, allow=Allowances(secrets=True, dependencies=True), threads=1)
    except BadRequestError as refusal:
        message = str(refusal)
        if not message.isprintable() or len(message) > 2000:
            raise AssertionError(message) from refusal
    else:
        assert len(seen.files) <= LIMITS.max_files
        for member in seen.files.values():
            assert len(content(member, memoryview(data))) == member.size
    assert time.process_time() - began < 2


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.binary(max_size=300).map(lambda junk: b"PK\3\4" + junk + b"PK\5\6" + bytes(18)))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    check(data)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_any_change_to_a_zip_is_refused_or_read(seed: bytes, data: st.DataObject) -> None:
    torn = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(torn)))
        put = data.draw(st.sampled_from(INTERESTING) | st.binary(max_size=8))
        over = data.draw(st.sampled_from([0, len(put), len(put), len(put), 30]))
        torn[at : at + over] = put
    check(bytes(torn))


@pytest.mark.parametrize("part", ["directory", "everywhere"])
def test_thousands_of_random_changes_are_refused_or_read_in_bounded_memory(part: str) -> None:
    """This is faster than Hypothesis, with the same changes each time. Changes of the directory reach the most code."""
    chance = random.Random(part)
    tracemalloc.start()
    try:
        for _ in range(1500):
            torn = bytearray(chance.choice(SEEDS))
            begin = max(0, torn.find(b"PK\1\2")) if part == "directory" else 0
            for _ in range(chance.randrange(1, 5)):
                at = chance.randrange(begin, len(torn))
                put = chance.choice(INTERESTING)
                torn[at : at + len(put)] = put
            check(bytes(torn))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
