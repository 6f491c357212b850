"""Pages whose digest is stated in the bundle itself."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

import pytest

from easel.bundles import vouched_pages
from easel.bundles.models import NO_PLACE
from tests.bundles.crafted import File, craft
from tests.bundles.looking import look

PAGE = b"<!doctype html><html><head><title>x</title></head></html>"
OTHER = PAGE + b"<p>other"


def by(files: Mapping[str, bytes | str]) -> dict[str, str]:
    """Returns the pages whose digest is stated, and the files that state them."""
    every = {"index.html": PAGE, "other.html": OTHER, **files}
    members = (File(path.encode(), text if isinstance(text, bytes) else text.encode()) for path, text in every.items())
    found = look(craft(*members))
    assert {path for path, one in found.files.items() if one.place == NO_PLACE} == found.vouched.keys()
    return found.vouched


def sri(algorithm: str, content: bytes = PAGE) -> str:
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


SHA1, MD5 = hashlib.sha1(PAGE).hexdigest(), hashlib.md5(PAGE).hexdigest()
SHA256 = hashlib.sha256(PAGE).hexdigest()
LISTS = {
    "ngsw.json": json.dumps({"configVersion": 1, "hashTable": {"/index.html": SHA1, "/main.js": "0" * 40}}),
    "service-worker-assets.js": f'self.assetsManifest = {{"assets": [{{"hash": "{sri("sha256")}", "url": "/"}}]}}',
    "_framework/blazor.boot.json": json.dumps({"resources": {"index.html": sri("sha256")}}, indent=1),
    "sri.json": json.dumps({"index.html": {"integrity": sri("sha384")}}),
    "integrity.txt": f"index.html {sri('sha512')}",
    "digests.json": json.dumps({"/": f"sha-256=:{sri('sha256')[7:]}:"}),
    "SHA256SUMS": f"{SHA256}  index.html\n",
    "index.html.sha512": hashlib.sha512(PAGE).hexdigest().upper(),
    "checksums.md5": f"{MD5} *index.html\r\n",
    "hashes.js": f'export default {{"index.html": "{SHA256}"}}',
    "check.html": f"<!doctype html><script>fetch('/', {{integrity: '{sri('sha384')}'}})</script>",
    "files.json": json.dumps({"index.html": {"sha256": sri("sha256")[7:]}}),
    "md5.json": json.dumps({"index.html": base64.b64encode(bytes.fromhex(MD5)).decode()}),
    "META-INF/MANIFEST.MF": f"Name: index.html\r\nSHA-512-Digest: {sri('sha512')[7:]}\r\n",
    "headers.json": json.dumps({"Digest": f"SHA-256={sri('sha256')[7:]}"}),
    "prefixed.json": json.dumps({"index.html": f"0x{SHA256}"}),
    "index.html.ots": "\0OpenTimestamps",
    "index.html.sig": "\0\1\2",
    "index.html.asc": "-----BEGIN PGP SIGNATURE-----",
}


@pytest.mark.parametrize("path", LISTS)
def test_any_file_with_a_pages_digest_vouches_for_the_page(path: str) -> None:
    assert by({path: LISTS[path]}) == {"index.html": path}


def test_pages_that_are_alike_are_all_vouched_for() -> None:
    assert by({"404.html": PAGE, "ngsw.json": LISTS["ngsw.json"]}).keys() == {"index.html", "404.html"}


@pytest.mark.parametrize(
    "files",
    [
        # A precache compares these digests with its own earlier lists, not with served content.
        {"sw.js": f'precacheAndRoute([{{url:"index.html",revision:"{MD5}"}}])'},
        {"precache-manifest.0123.js": f'self.__precacheManifest = [{{"revision": "{MD5}", "url": "/index.html"}}]'},
        # These are digests of other files.
        {"ngsw.json": json.dumps({"hashTable": {"/index.html": "0" * 40}})},
        {"sri.json": json.dumps({"app.js": sri("sha384", b"app")}), "app.js": "app"},
        {"a.html": f"<!doctype html><script src=app.js integrity={sri('sha384', b'app')}></script>"},
        {"data.json": json.dumps({"hex": "ab" * 5000, "not": f"x{SHA256}", "long": SHA256 + "0"})},
        {"data.json": json.dumps({"broken": "sha256-" + "A" * 43 + "B", "short": "sha512-" + "A" * 43})},
        {"data.json": json.dumps({"other": base64.b64encode(b"x" * 32).decode(), "long": "A" * 200 + "="})},
        {"blob.bin": SHA256, "picture.png": SHA256},
    ],
)
def test_no_other_text_vouches_for_a_page(files: dict[str, str]) -> None:
    assert by(files) == {}


def test_no_more_is_read_than_the_limit_the_small_lists_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouched_pages, "MOST_READ", 1000)
    assert by({"a.json": f'"{"f" * 64}"' * 100, "b.json": LISTS["ngsw.json"]}) == {"index.html": "b.json"}
    assert by({"a.json": f'"{"f" * 64}"' * 100 + LISTS["ngsw.json"]}) == {}


def test_a_large_list_of_digests_is_read() -> None:
    assert by({"ngsw.json": " " * 2_000_000 + LISTS["ngsw.json"]}) == {"index.html": "ngsw.json"}


@pytest.mark.parametrize(
    "script",
    [
        "navigator.serviceWorker.register('/sw.js')",
        "navigator.serviceWorker?.register(`/sw.js`)",
        "navigator.serviceWorker\n    .register ('/sw.js')",
        "n.serviceWorker.register(e,t)",
        'navigator["serviceWorker"].register(e)',
        "a" * 700_000 + "navigator.serviceWorker.register('/sw.js')" + "a" * 700_000,
    ],
)
def test_a_bundle_that_registers_a_service_worker_is_known(script: str) -> None:
    assert look(craft(File(), File(b"app.js", script.encode()))).has_worker
    assert look(craft(File(b"index.html", f"<!doctype html><script>{script}</script>".encode()))).has_worker


@pytest.mark.parametrize(
    "path",
    [
        *(
            "sw.js",
            "app/service-worker.js",
            "serviceWorker.js",
            "precache-manifest.0a1b2c.js",
            "firebase-messaging-sw.js",
        ),
        *("flutter_service_worker.js", "mockServiceWorker.js"),
    ],
)
def test_a_bundle_with_a_service_workers_script_is_recognised_by_its_name(path: str) -> None:
    assert look(craft(File(), File(path.encode(), b"1"))).has_worker
    assert not look(craft(File(), File(f"{path}.txt".encode(), b"1"), File(b"news.js", b"1"))).has_worker


def test_a_bundle_that_only_mentions_service_workers_has_none() -> None:
    text = b"if ('serviceWorker' in navigator) navigator.serviceWorker.ready.then(() => console.log('register'))"
    assert not look(craft(File(), File(b"app.js", text))).has_worker
