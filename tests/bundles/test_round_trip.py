"""Any tree of files, zipped by Python, comes out with the hashes of its files."""

from __future__ import annotations

import io
import unicodedata
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st

from easel.bundles.models import Allowances
from easel.bundles.read import content
from easel.bundles.root import is_junk
from tests.bundles.looking import look, sha256

ANYTHING = Allowances(secrets=True, dependencies=True)
NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\:"), min_size=1, max_size=12
).filter(lambda name: name not in (".", ".."))
CONTENT = st.binary(max_size=200) | st.builds(
    lambda piece, times: piece * times, st.binary(max_size=9), st.integers(0, 9000)
)


class Pipe(io.BytesIO):
    """A stream without seeking, so that Python writes data descriptors."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Draws files by path, in NFC. No file is at the path of another file's folder."""
    tree: dict[str, bytes] = {}
    for parts in draw(st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=12)):
        path = unicodedata.normalize("NFC", "/".join(parts))
        folders = {path[:at] for at, character in enumerate(path) if character == "/"}
        taken = any(other == path or other.startswith(path + "/") or other in folders for other in tree)
        if not taken and not is_junk(path) and path.split("/")[0] != "index.html":
            tree[path] = draw(CONTENT)
    return {"index.html": draw(CONTENT), **tree}


@settings(max_examples=80, deadline=None)
@given(
    trees(), st.booleans(), st.booleans(), st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), st.booleans()
)
def test_every_file_of_a_zip_is_served_unchanged(
    tree: dict[str, bytes], seekable: bool, zip64: bool, compression: int, in_folder: bool
) -> None:
    target = io.BytesIO() if seekable else Pipe()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for path, expected in tree.items():
            with archive.open(f"top/{path}" if in_folder else path, "w", force_zip64=zip64) as member:
                member.write(expected)
    bundle = target.getvalue()
    seen = look(bundle, allow=ANYTHING)
    assert seen.stripped_root == ("top" if in_folder else "")
    assert {path: member.hash for path, member in seen.files.items()} == {
        path: sha256(expected) for path, expected in tree.items()
    }
    assert {path: content(member, memoryview(bundle)) for path, member in seen.files.items()} == tree
