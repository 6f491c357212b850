"""Members compressed with Zstandard (method 93) are read like deflated ones, within the same limits."""

from __future__ import annotations

import random
from typing import cast

import pytest
import zstandard

from easel.bundles import errors
from easel.bundles.inflate import LARGEST_WINDOW, DamagedDataError, inflate, raw
from easel.bundles.models import DEFLATED, ZSTANDARD, Limits
from easel.bundles.read import content
from easel.edge.cache.content import pieces
from easel.errors import BadRequestError
from easel.serving.models import BundleSlice, Site
from tests.bundles.crafted import PAGE, File, Header, craft
from tests.bundles.looking import look, sha256

MIB = 1 << 20
NOISE = random.Random(3).randbytes(3 * MIB)
TEXT = b"".join(b"line %d of a text that compresses\n" % number for number in range(90_000))


def packed(content: bytes, level: int = 3) -> bytes:
    return zstandard.ZstdCompressor(level=level).compress(content)


def member(name: bytes, content: bytes, raw: bytes | None = None, **lies: Header) -> File:
    return File(name, content, method=ZSTANDARD, raw=packed(content) if raw is None else raw, **lies)  # type: ignore[arg-type]


def refused(*files: File, limits: Limits | None = None) -> BadRequestError:
    with pytest.raises(BadRequestError) as refusal:
        look(craft(*files), limits=limits)
    return refusal.value


CONTENTS = {"index.html": PAGE, "noise.bin": NOISE, "text.txt": TEXT, "empty.css": b"", "frames.js": TEXT + PAGE}


@pytest.fixture(scope="module")
def bundle() -> bytes:
    """Returns a zip of all contents. One member consists of two frames."""
    return craft(
        *(member(path.encode(), CONTENTS[path]) for path in ("index.html", "noise.bin", "text.txt", "empty.css")),
        member(b"frames.js", TEXT + PAGE, packed(TEXT, 16) + packed(PAGE)),
    )


@pytest.mark.parametrize("path", sorted(CONTENTS))
def test_the_content_is_read_whole_and_in_pieces(bundle: bytes, path: str) -> None:
    found = look(bundle).files[path]
    whole = CONTENTS[path]
    assert (found.hash, found.size, found.method) == (sha256(whole), len(whole), ZSTANDARD)
    assert content(found, memoryview(bundle)) == whole
    assert b"".join(inflate(raw(found, memoryview(bundle)), ZSTANDARD)) == whole


def test_no_member_is_inflated_past_what_it_says() -> None:
    bomb = packed(bytes(200 * MIB), 19)
    lie = Header(size=10)
    for size in (10, 2 * MIB):
        lie = Header(size=size)
        refusal = refused(File(), member(b"bomb.js", b"", bomb, local=lie, central=lie))
        assert type(refusal) is errors.SizeMismatchError
    assert type(refused(File(), member(b"b.js", bytes(9)), limits=Limits(max_file_size=8))) is errors.FileTooLargeError


def test_a_window_that_needs_too_much_memory_is_refused_with_advice() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    long = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    raw = long.compress(TEXT) + long.flush()
    refusal = refused(File(), member(b"long.js", TEXT, raw))
    assert type(refusal) is errors.WindowTooLargeError
    assert refusal.details == {"member": "long.js", "size": 1 << 27, "limit": LARGEST_WINDOW}
    later = refused(File(), member(b"long.js", PAGE + TEXT, packed(PAGE) + raw))
    assert type(later) is errors.DataDamagedError


@pytest.mark.parametrize("whole", [PAGE, NOISE])
@pytest.mark.parametrize("damage", ["cut", "noise", "more", "nothing"])
def test_damaged_data_is_detected(whole: bytes, damage: str) -> None:
    raw = packed(whole)
    broken = {"cut": raw[:-7], "noise": b"\xff" * len(raw), "more": raw + b"more", "nothing": b""}[damage]
    assert type(refused(File(), member(b"x.js", whole, broken))) in (errors.DataDamagedError, errors.SizeMismatchError)


@pytest.mark.parametrize("after", [b"\x28", b"\x28\xb5\x2f\xfd", packed(PAGE)[:9], b"\x50\x2a\x4d\x18\x08\0\0\0"])
@pytest.mark.parametrize("whole", [PAGE, TEXT])
def test_a_member_that_ends_inside_a_frame_is_refused(whole: bytes, after: bytes) -> None:
    """Easel sends the data to browsers as it is, and a browser may refuse data that ends inside of a frame."""
    checked = zstandard.ZstdCompressor(write_checksum=True).compress(whole)
    for data in (packed(whole) + after, checked[:-1], checked + checked[: len(after)]):
        refusal = refused(File(), member(b"x.js", whole, data))
        assert isinstance(refusal, (errors.DataDamagedError, errors.SizeMismatchError))


def test_frames_to_skip_are_no_content() -> None:
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0skip"
    data = skipped + packed(PAGE) + skipped + packed(b"") + skipped
    assert look(craft(File(), member(b"x.js", PAGE, data))).files["x.js"].hash == sha256(PAGE)


def test_an_empty_member_needs_a_frame_too() -> None:
    """No data is no Zstandard, as it is no deflate, and a browser may refuse it."""
    for method in (ZSTANDARD, DEFLATED):
        nothing = File(b"x.js", b"", method=method, raw=b"")
        assert type(refused(File(), nothing)) is errors.DataDamagedError
    assert look(craft(File(), member(b"x.js", b"", packed(b"")))).files["x.js"].size == 0


def test_later_damage_of_a_bundle_is_detected(bundle: bytes) -> None:
    found = look(bundle).files["text.txt"]
    for broken in (bundle[: found.offset + 9], bundle[: found.offset] + b"\xff" * found.length):
        with pytest.raises(DamagedDataError):
            content(found, memoryview(broken))
        with pytest.raises(DamagedDataError):
            list(pieces(BundleSlice(found, cast("Site", None), "identity", 0, found.size), memoryview(broken)))


def test_frames_without_output_are_read_only_to_a_limit() -> None:
    raw = packed(b"") * 300_000
    assert look(craft(File(), member(b"nothing.js", b"", raw))).files["nothing.js"].size == 0
