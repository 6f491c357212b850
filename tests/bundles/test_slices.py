"""A large manifest is decoded in slices, with the same result."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easel.bundles import slices
from easel.bundles.models import BundleRef, Manifest, Member, decode_manifest
from easel.bundles.slices import AT_ONCE, decode_in_slices

_BUNDLE = BundleRef("apps/a/bundles/b.zip", "b" * 64, 2**40)


def manifest(paths: list[str], entry: bytes = b"") -> Manifest:
    digests = {path: hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest() for path in paths}
    files = {path: Member(digest, 2**33, "text/html", 0, 7, 5, 8, 1) for path, digest in digests.items()}
    return Manifest([_BUNDLE], files, entry)


def test_a_manifest_of_many_files_is_decoded_in_many_slices() -> None:
    made = manifest([f"assets/{n}.js" for n in range(20_000)], b"<p>")
    *before, whole = decode_in_slices(made.encode())
    assert whole == made
    assert before == [None] * 80


# Paths that look like the text between two files.
_PIECES = st.sampled_from(
    ['"', "\\", "]", "[", ",", ":", "{", "}", '"],"', '":[', '"files":{', "é", "\U0001f600", "a", "1"]
)


@given(
    st.lists(st.lists(_PIECES, min_size=1, max_size=8).map("".join), unique=True, max_size=40), st.binary(max_size=20)
)
@settings(max_examples=60, deadline=None)
def test_a_manifest_with_any_paths_decodes_to_itself(paths: list[str], entry: bytes) -> None:
    made = manifest([f"{path}{n}" for n in range(25) for path in paths], entry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "AT_ONCE", 0)
        *_, whole = decode_in_slices(made.encode())
    assert whole == made


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d[:-1],
        lambda d: d[:-2] + b",}",
        lambda d: d[: len(d) // 2],
        lambda d: d.replace(b",8,1,null,null,null,null]", b",8]"),
    ],
)
def test_a_damaged_manifest_is_reported_as_damaged(change) -> None:  # type: ignore[no-untyped-def]
    data = manifest([f"{n}.js" for n in range(2000)]).encode()
    assert len(data) > AT_ONCE
    with pytest.raises(msgspec.DecodeError):
        list(decode_in_slices(change(data)))


def test_a_manifest_in_another_format_is_decoded_too() -> None:
    made = manifest([f"{n}.js" for n in range(2000)])
    *_, whole = decode_in_slices(msgspec.json.format(made.encode(), indent=1))
    assert whole == made == decode_manifest(made.encode())
