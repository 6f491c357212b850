"""Zips from real tools: zips that deploy, and zips that are refused by name. `tests/data/zips/make.py` made them."""

from __future__ import annotations

import json
import runpy

import pytest

from easel.bundles import errors
from easel.bundles.models import Allowances
from easel.bundles.read import content
from easel.errors import BadRequestError
from tests.bundles.looking import ZIPS, look_at, sha256

SITE: dict[str, bytes] = runpy.run_path(str(ZIPS / "make.py"))["SITE"]

WHOLE_SITES = [
    "bsdtar", "bsdtar-dot", "bsdtar-stored", "bsdtar-zip64",
    "infozip", "infozip-piped", "infozip-stored", "infozip-utf8",
    "infozip-zip64", "jar", "python", "python-backslashes", "python-comment", "python-folders",
    "python-macos-top-folder", "python-top-folder", "python-unseekable", "python-unseekable-stored",
    "python-unseekable-zip64", "python-zip64", "sevenzip", "sevenzip-local-names", "sevenzip-stored",
]  # fmt: skip

REFUSED: dict[str, tuple[type[BadRequestError], str | None]] = {
    "bsdtar-absolute": (errors.PathAbsoluteError, "/srv/site/index.html"),
    "bsdtar-symlink": (errors.SymlinkError, "current.html"),
    "bsdtar-tar": (errors.NotAZipError, None),
    "bsdtar-tar-gz": (errors.NotAZipError, None),
    "bsdtar-traversal": (errors.PathTraversalError, "../index.html"),
    "bsdtar-zip64-after-a-script": (errors.ZipHasPrefixError, None),
    "html": (errors.NotAZipError, None),
    "infozip-after-a-script": (errors.ZipHasPrefixError, None),
    "infozip-bzip2": (errors.MethodUnsupportedError, "index.html"),
    "infozip-capital-entry-point": (errors.EntryPointMissingError, None),
    "infozip-encrypted": (errors.EncryptedError, "index.html"),
    "infozip-env-file": (errors.SecretInBundleError, ".env"),
    "infozip-env-file-in-top-folder": (errors.SecretInBundleError, "dist/config/.env.production"),
    "infozip-git-folder": (errors.SecretInBundleError, ".git/config"),
    "infozip-key-by-content": (errors.SecretInBundleError, "keys/server.pem"),
    "infozip-key-by-name": (errors.SecretInBundleError, "keys/id_ed25519"),
    "infozip-no-entry-point": (errors.EntryPointMissingError, None),
    "infozip-node-modules": (errors.DependenciesInBundleError, "node_modules/left-pad/index.js"),
    "infozip-self-extracting": (errors.ZipHasPrefixError, None),
    "infozip-source-project": (errors.SourceBundleError, "package.json"),
    "infozip-source-project-in-folder": (errors.SourceBundleError, "shop/package.json"),
    "infozip-split-first-part": (errors.MultiDiskError, None),
    "infozip-split-last-part": (errors.MultiDiskError, None),
    "infozip-symlink": (errors.SymlinkError, "current.html"),
    "infozip-zip64-record-missing": (errors.ZipMalformedError, None),
    "python-backslash-traversal": (errors.PathTraversalError, "..\\..\\start.js"),
    "python-control-character": (errors.PathControlCharacterError, "line\\nbreak.js"),
    "python-device": (errors.DeviceError, "null"),
    "python-drive-letter": (errors.PathDriveLetterError, "C:\\site\\app.js"),
    "python-duplicate": (errors.PathDuplicateError, "app.js"),
    "python-duplicate-nfc": (errors.PathDuplicateError, "caf\u00e9.js"),
    "python-duplicate-slashes": (errors.PathDuplicateError, "js/app.js"),
    "python-empty": (errors.ZipEmptyError, None),
    "python-fifo": (errors.DeviceError, "pipe"),
    "python-file-and-empty-folder": (errors.PathConflictError, "app"),
    "python-file-and-folder": (errors.PathConflictError, "app"),
    "python-long-name": (errors.PathTooLongError, "\u00e9" * 200 + "\u2026"),
    "python-lzma": (errors.MethodUnsupportedError, "index.html"),
    "python-only-folders": (errors.ZipEmptyError, None),
    "python-only-junk": (errors.ZipEmptyError, None),
    "python-socket": (errors.DeviceError, "run.sock"),
    "python-traversal-inside": (errors.PathTraversalError, "assets/../../../etc/passwd"),
    "python-unc": (errors.PathAbsoluteError, "\\\\server\\share\\app.js"),
    "sevenzip-7z": (errors.NotAZipError, None),
    "sevenzip-aes": (errors.EncryptedError, "index.html"),
    "sevenzip-bzip2": (errors.MethodUnsupportedError, "assets/app-4f2a9c1b.js"),
    "sevenzip-deflate64": (errors.MethodUnsupportedError, "assets/app-4f2a9c1b.js"),
    "sevenzip-first-volume": (errors.ZipTruncatedError, None),
    "sevenzip-lzma": (errors.MethodUnsupportedError, "assets/app-4f2a9c1b.js"),
    "sevenzip-ppmd": (errors.MethodUnsupportedError, "assets/app-4f2a9c1b.js"),
    "sevenzip-symlink": (errors.SymlinkError, "current.html"),
}


@pytest.mark.parametrize("name", WHOLE_SITES)
def test_the_zips_of_all_tools_give_the_same_site(name: str) -> None:
    files = look_at(name).files
    assert {path: member.hash for path, member in files.items()} == {
        path: sha256(expected) for path, expected in SITE.items()
    }
    bundle = memoryview((ZIPS / f"{name}.zip").read_bytes())
    assert {path: content(member, bundle) for path, member in files.items()} == SITE


def test_a_page_zipped_from_standard_input_deploys() -> None:
    assert look_at("infozip-zip64-stdin").files["index.html"].hash == sha256(SITE["index.html"])


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_faulty_zip_is_refused_by_its_own_code_naming_the_member(name: str) -> None:
    kind, member = REFUSED[name]
    with pytest.raises(BadRequestError) as refusal:
        look_at(name)
    assert type(refusal.value) is kind
    assert refusal.value.details.get("member") == member
    if member is not None and "`{member}`" in (kind.__doc__ or ""):
        assert f"`{member}`" in str(refusal.value)
    assert "{" not in str(refusal.value)
    json.dumps(refusal.value.details)


def test_every_committed_zip_is_tested() -> None:
    assert {path.stem for path in ZIPS.glob("*.zip")} == {*WHOLE_SITES, *REFUSED, "infozip-zip64-stdin"}


def test_a_zip_of_the_finder_loses_its_folder_and_its_junk_and_the_result_says_so() -> None:
    seen = look_at("python-macos-top-folder")
    assert seen.stripped_root == "dist"
    assert len(seen.left_out) == 8
    assert seen.warnings == [
        "all files are in the folder `dist/`, so this folder was used as the root of the app.",
        "Easel left out 8 files that no app needs: `__MACOSX/._dist` and 7 more.",
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("infozip-env-file", ".env"),
        ("infozip-env-file-in-top-folder", "config/.env.production"),
        ("infozip-git-folder", ".git/config"),
        ("infozip-key-by-content", "keys/server.pem"),
        ("infozip-key-by-name", "keys/id_ed25519"),
    ],
)
def test_an_app_may_allow_what_looks_like_a_secret(name: str, path: str) -> None:
    assert path in look_at(name, allow=Allowances(secrets=True)).files
    with pytest.raises(errors.SecretInBundleError):
        look_at(name, allow=Allowances(dependencies=True))


def test_an_app_may_allow_node_modules() -> None:
    files = look_at("infozip-node-modules", allow=Allowances(dependencies=True)).files
    assert "node_modules/left-pad/index.js" in files
    with pytest.raises(errors.DependenciesInBundleError):
        look_at("infozip-node-modules", allow=Allowances(secrets=True))


def test_a_missing_entry_point_is_refused_with_the_root_and_the_nearest_page() -> None:
    with pytest.raises(errors.EntryPointMissingError) as refusal:
        look_at("infozip-no-entry-point")
    assert str(refusal.value) == (
        "There is no index.html at the root of the zip. The root of the zip contains `README.md`, `app/`. The closest "
        "match is `app/build/index.html`. Zip the contents of `app/build/`, not its parent folder."
    )
    with pytest.raises(errors.EntryPointMissingError, match=r"Rename it to `index\.html`"):
        look_at("infozip-capital-entry-point")


@pytest.mark.parametrize(
    ("name", "found"),
    [("sevenzip-7z", "7z"), ("bsdtar-tar-gz", "gzip"), ("bsdtar-tar", "tar archive"), ("html", "HTML")],
)
def test_the_error_for_another_archive_names_its_format(name: str, found: str) -> None:
    with pytest.raises(errors.NotAZipError, match=found):
        look_at(name)
