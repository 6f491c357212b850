"""Files that are unchanged since the previous version are not read again, and every finding of reading them is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from pathlib import Path

import pytest

from easel import __version__
from easel.bundles import members
from easel.bundles.errors import CrcMismatchError, SecretInBundleError
from easel.bundles.inflate import inflated_with_crc
from easel.bundles.inspect import inspect
from easel.bundles.models import Allowances, BundleRef, Inspection, Limits, Manifest
from easel.bundles.previous_version import PreviousVersion, as_before
from tests.bundles.crafted import STORED, File, Header, craft
from tests.bundles.looking import look

PAGE = b"<!doctype html><html><head><title>x</title></head></html>"
LIST = json.dumps({"hashTable": {"/index.html": hashlib.sha1(PAGE).hexdigest()}}).encode()
SITE = {
    "index.html": PAGE,
    "about.html": b"<!doctype html><meta charset=windows-1252><title>about</title>",
    "part.html": b"<p>no page",
    "app.js": b"navigator.serviceWorker.register('/worker.js')",
    "data.js.br": b"\x0b\x02\x80hello\x03",
    "style.css": b'@charset "latin1"; a { color: red }',
    "ngsw.json": LIST,
    "assets/index-Bx3k9Qa1.js": b"import './other-CwZ4mT0p.js'",
    "assets/other-CwZ4mT0p.js": b"1",
}


def zipped(files: dict[str, bytes]) -> bytes:
    return craft(*(File(path.encode(), content) for path, content in files.items()))


def before_of(
    data: bytes, folder: Path, allow: Allowances | None = None, release: str = __version__
) -> PreviousVersion | None:
    """Returns the version that was made from these bytes, as the next deploy finds it."""
    bundle = folder / "bundle.zip"
    bundle.write_bytes(data)
    found = look(data, allow=allow)
    return as_before(Manifest([BundleRef("", "", len(data))], found.files, inspected_by=release), bundle)


def look_after(data: bytes, before: PreviousVersion | None, allow: Allowances | None = None) -> Inspection:
    return inspect(memoryview(data), limits=Limits(), allow=allow or Allowances(), before=before)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"index.html": PAGE + b"<p>new"},
        {"ngsw.json": b"{}"},
        {"app.js": b"no worker any more"},
        {"style.css": b"a { color: blue }", "new.txt": b"new"},
        {"about.html": b"", "data.js": b"hello"},
        {"index.html": PAGE.replace(b"x", b"y"), "other.html": PAGE},
    ],
)
def test_an_equal_bundle_is_recognised_after_any_version(change: dict[str, bytes], tmp_path: Path) -> None:
    data = zipped(SITE | change)
    before = before_of(zipped(SITE), tmp_path)
    assert before is not None
    assert astuple(look_after(data, before)) == astuple(look(data))


def test_only_files_that_changed_are_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def counted(raw: memoryview, method: int, limit: int) -> tuple[bytes, int]:
        content, crc = inflated_with_crc(raw, method, limit)
        read.append(content)
        return content, crc

    before = before_of(zipped(SITE), tmp_path)
    monkeypatch.setattr(members, "inflated_with_crc", counted)
    look_after(zipped({**SITE, "style.css": b"changed"}), before)
    # The first page has no place for a script because another file states its digest. The second file is no page.
    assert sorted(read) == sorted([PAGE, SITE["part.html"], b"changed"])


def test_other_bytes_with_the_same_size_and_checksum_are_read(tmp_path: Path) -> None:
    """A checksum is no proof, so the bytes themselves are compared."""
    before = before_of(craft(File(), File(b"a.txt", b"one", STORED)), tmp_path)
    lie = Header(crc=0x7A6C86F1)
    assert before is not None
    assert before.files["a.txt"].crc == lie["crc"]
    with pytest.raises(CrcMismatchError):
        look_after(craft(File(), File(b"a.txt", b"two", STORED, local=lie, central=lie)), before)


def test_a_key_that_an_app_no_longer_allows_is_refused_though_it_did_not_change(tmp_path: Path) -> None:
    data = zipped({"index.html": PAGE, "a.pem": b"-----BEGIN PRIVATE KEY-----"})
    before = before_of(data, tmp_path, Allowances(secrets=True))
    with pytest.raises(SecretInBundleError):
        look_after(data, before)


def test_findings_of_another_release_do_not_count(tmp_path: Path) -> None:
    data = zipped(SITE)
    assert before_of(data, tmp_path, release="0.1.0") is None
    (tmp_path / "bundle.zip").unlink()
    manifest = Manifest([BundleRef("", "", len(data))], look(data).files, inspected_by=__version__)
    assert as_before(manifest, tmp_path / "bundle.zip") is None
    (tmp_path / "bundle.zip").write_bytes(data[:-1])
    assert as_before(manifest, tmp_path / "bundle.zip") is None
