"""Zipping a folder: the same zip each time, complete, and without files that must not be public."""

from __future__ import annotations

import hashlib
import io
import os
import random
import time
import zipfile
from pathlib import Path

import pytest

from easel.bundles.errors import DependenciesInBundleError, SecretInBundleError
from easel.bundles.inspect import inspect
from easel.bundles.models import Allowances, Limits
from easel.cli.shipping.errors import (
    BackslashError,
    EntryPointMissingError,
    FileNameError,
    LinkBrokenError,
    LinkLoopError,
    LinkOutsideError,
)
from easel.cli.shipping.ignore import rules_for
from easel.cli.shipping.pack import Selection, select, write_zip


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def chosen(folder: Path, root: Path | None = None) -> Selection:
    return select(folder, rules_for(folder.resolve(), root=root))


def paths(selection: Selection) -> list[str]:
    return [file.path for file in selection.files]


def zipped(folder: Path) -> bytes:
    target = io.BytesIO()
    write_zip(chosen(folder), target, lambda count: None)
    return target.getvalue()


def test_the_same_folder_gives_the_same_bytes_whoever_wrote_it_and_when(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"assets/{index}.js": f"export default {index};" * 50 for index in range(20)}
    files |= {"index.html": "<p>Hello</p>", "ä/ö.txt": "Grüße", "empty.txt": "", "logo.png": os.urandom(500)}
    one = write(tmp_path / "one", files)
    shuffled = list(files.items())
    random.Random(7).shuffle(shuffled)
    other = write(tmp_path / "other", dict(shuffled))
    for file in other.rglob("*"):
        os.utime(file, (time.time() - 86_400, time.time() - 86_400))
        file.chmod(0o755 if file.is_dir() else 0o600)
    assert hashlib.sha256(zipped(one)).digest() == hashlib.sha256(zipped(other)).digest()


def test_every_file_comes_out_as_it_went_in(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"index.html": "<p>", "a/b/c.css": "x" * 100_000, "photo.jpg": os.urandom(70_000)}
    with zipfile.ZipFile(io.BytesIO(zipped(write(tmp_path, files)))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(files)
        for path, content in files.items():
            assert archive.read(path) == (content.encode() if isinstance(content, str) else content)
        assert archive.getinfo("a/b/c.css").compress_type == zipfile.ZIP_DEFLATED
        assert archive.getinfo("photo.jpg").compress_type == zipfile.ZIP_STORED


def test_files_that_do_not_shrink_by_five_percent_are_stored(tmp_path: Path) -> None:
    noise, text = os.urandom(3 << 20), b"some text that shrinks\n" * 60_000
    stored: dict[str, str | bytes] = {
        "a.parquet": noise,
        "b.onnx": text[:20_000] + noise,
        "c.db": noise[:9_000],
        "d": "1",
    }
    stored |= {
        "e.bin": noise[:500_000] + text[:16_000],
        "f.pmtiles": text[:20_000] + noise + text[:20_000],
        "g.txt": "",
    }
    deflated: dict[str, str | bytes] = {"a.sqlite3": text, "b.bin": noise[:600_000] + text[:900_000], "c.js": "x" * 300}
    deflated |= {"index.html": "<p>" * 50, "d.data": text[:20_000] + noise[:9_000]}
    files = {**{f"s/{path}": content for path, content in stored.items()}, **deflated}
    with zipfile.ZipFile(io.BytesIO(zipped(write(tmp_path, files)))) as archive:
        assert archive.testzip() is None
        assert {one.filename for one in archive.infolist() if one.compress_type == zipfile.ZIP_DEFLATED} == {*deflated}
        assert all(one.compress_size <= one.file_size for one in archive.infolist())


def test_repositories_dependencies_secrets_and_junk_stay_out_and_are_named(tmp_path: Path) -> None:
    left = [".git/HEAD", "node_modules/react/index.js", ".DS_Store", "sub/.DS_Store", ".env", ".env.local"]
    left += ["easel.toml", "keys/id_rsa", "sub/.svn/entries", "__MACOSX/._index.html"]
    write(tmp_path, {"index.html": "", "a.js": "", ".well-known/security.txt": "", **dict.fromkeys(left, "x")})
    selection = chosen(tmp_path)
    assert paths(selection) == [".well-known/security.txt", "a.js", "index.html"]
    assert {entry.path for entry in selection.left_out} == {
        ".git/",
        "node_modules/",
        "sub/.svn/",
        "__MACOSX/",
        ".DS_Store",
        "sub/.DS_Store",
        ".env",
        ".env.local",
        "easel.toml",
        "keys/id_rsa",
    }
    assert {entry.reason for entry in selection.left_out} == {"by default"}


def test_easelignore_leaves_out_and_takes_back_in_as_gitignore_does(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".easelignore": "# maps\n*.map\n!keep.map\n/drafts/\nnotes/**/old\n!.env.example\n",
            "index.html": "",
            "a.js.map": "",
            "keep.map": "",
            "drafts/x.html": "",
            "blog/drafts/x.html": "",
            "notes/2024/old": "",
            ".env": "",
            ".env.example": "",
        },
    )
    selection = chosen(tmp_path)
    assert paths(selection) == [".env.example", "blog/drafts/x.html", "index.html", "keep.map"]
    reasons = {entry.path: entry.reason for entry in selection.left_out}
    assert reasons["a.js.map"] == reasons["drafts/"] == reasons["notes/2024/old"] == ".easelignore"
    assert reasons[".env"] == "by default"


def test_a_private_key_is_found_by_its_content_as_the_server_finds_it(tmp_path: Path) -> None:
    key = b"-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\n"
    files = {
        "index.html": b"x",
        "tls/server.PEM": key,
        "far.key": b"." * (1 << 20) + key,
        "ca.pem": b"CERTIFICATE",
        "a.txt": key,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe.key")
    found = select(tmp_path, rules_for(tmp_path))
    assert [file.path for file in found.files] == ["a.txt", "ca.pem", "index.html"]
    assert [(out.path, out.reason) for out in found.left_out] == [
        ("far.key", "by default"),
        ("pipe.key", "not a regular file"),
        ("tls/server.PEM", "by default"),
    ]
    (tmp_path / ".easelignore").write_text("!*.PEM\n.easelignore\n")
    assert "tls/server.PEM" in {file.path for file in select(tmp_path, rules_for(tmp_path)).files}


def test_an_easelignore_beside_easel_toml_counts_for_the_build_folder(tmp_path: Path) -> None:
    write(tmp_path, {".easelignore": "dist/private/\n*.map\n"})
    write(tmp_path / "dist", {"index.html": "", "a.map": "", "private/x": "", "b.js": ""})
    assert paths(chosen(tmp_path / "dist", root=tmp_path)) == ["b.js", "index.html"]


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "home", "assets/app.js": "js"})
    (tmp_path / "latest.js").symlink_to("assets/app.js")
    (tmp_path / "static").symlink_to("assets")
    selection = chosen(tmp_path)
    assert paths(selection) == ["assets/app.js", "index.html", "latest.js", "static/app.js"]
    with zipfile.ZipFile(io.BytesIO(zipped(tmp_path))) as archive:
        assert archive.read("static/app.js") == archive.read("latest.js") == b"js"


def test_a_link_that_leads_out_of_the_folder_is_refused_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "site", {"index.html": ""})
    write(tmp_path, {"passwords.txt": "hunter2"})
    (folder / "p.txt").symlink_to("../passwords.txt")
    with pytest.raises(LinkOutsideError, match=r"p\.txt"):
        chosen(folder)
    write(folder, {".easelignore": "p.txt\n"})
    assert paths(chosen(folder)) == ["index.html"]


def test_a_link_does_not_include_a_file_that_is_ignored_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "", ".env": "SECRET=1"})
    (tmp_path / "config.txt").symlink_to(".env")
    assert paths(chosen(tmp_path)) == ["index.html"]


def test_links_that_lead_nowhere_or_in_circles_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "one", {"index.html": ""})
    (folder / "gone").symlink_to("nowhere")
    with pytest.raises(LinkBrokenError, match="gone"):
        chosen(folder)
    folder = write(tmp_path / "two", {"index.html": "", "a/b.txt": ""})
    (folder / "a" / "again").symlink_to("..")
    with pytest.raises(LinkLoopError, match="a/again"):
        chosen(folder)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": ""})
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.html")).write_text("")
    except OSError:
        pytest.skip("this file system takes no such names")
    with pytest.raises(FileNameError, match=r"caf\\xe9"):
        chosen(tmp_path)
    write(tmp_path, {".easelignore": "caf*"})
    assert [entry.path for entry in chosen(tmp_path).left_out if "caf" in entry.path] == ["caf\\xe9.html"]


def test_a_name_with_a_backslash_is_refused_because_zips_have_it_between_folders(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "", "a/b\\c.txt": ""})
    with pytest.raises(BackslashError, match=r"`a/b\\c.txt`"):
        chosen(tmp_path)
    write(tmp_path, {".easelignore": "b*c.txt"})
    assert "a/b/c.txt" not in paths(chosen(tmp_path))


def test_decomposed_names_are_composed(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "", "u\u0308ber.html": ""})
    assert "\u00fcber.html" in paths(chosen(tmp_path))


def test_pipes_and_sockets_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": ""})
    os.mkfifo(tmp_path / "pipe")
    selection = chosen(tmp_path)
    assert paths(selection) == ["index.html"]
    assert selection.left_out[0].path == "pipe"


def test_a_folder_whose_index_is_ignored_is_refused_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, {"index.html": "", ".easelignore": "*.html\n"})
    with pytest.raises(EntryPointMissingError, match=r"left out by \.easelignore"):
        chosen(tmp_path)


@pytest.mark.parametrize("name", ["plot.html", "_shell.html", "200.html", "html/index/index.html"])
def test_a_folder_with_another_entry_page_is_an_app_as_its_zip_is(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: "", "data.json": ""})
    assert name in paths(chosen(tmp_path))
    write(tmp_path, {"more/pages.html": ""})
    if name == "plot.html":
        with pytest.raises(EntryPointMissingError):
            chosen(tmp_path)


def test_a_folder_gives_the_same_app_as_its_zip(tmp_path: Path) -> None:
    kept = ["index.html", ".nojekyll", ".well-known/security.txt", ".gitignore", ".env.example", "a~", "sub/easel.toml"]
    kept += ["assets/node_modules/@expo/fonts/Ionicons.ttf", "_nuxt/node_modules/x.js", ".htaccess", "a:b.html"]
    junk = ["Thumbs.db", "x/DESKTOP.INI", "._x", "x/._y.js", ".Spotlight-V100/a/b", ".index.html.swp", "Icon\r"]
    junk += ["easel.toml", ".easelignore", "#recycle/x", "x/@eaDir/y.jpg", ".Trash-1000/files/x", "x/.AppleDouble/y"]
    folder = write(tmp_path / "site", {path: path if path != ".easelignore" else "" for path in (*kept, *junk)})
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    apps = [
        inspect(memoryview(zip_), limits=Limits(), allow=Allowances()) for zip_ in (whole.getvalue(), zipped(folder))
    ]
    assert [sorted(app.files) for app in apps] == [sorted(kept)] * 2
    assert len(apps[0].left_out) == len(junk)
    assert {entry.path.split("/")[0] for entry in chosen(folder).left_out} == {path.split("/")[0] for path in junk}


SECRETS = [
    ".git/HEAD",
    "x/.GIT/HEAD",
    ".hg/x",
    "x/.svn/entries",
    ".env",
    "x/.env.production",
    "x/.npmrc",
    ".aws/credentials",
]
SECRETS += ["a/.ssh/b/known", "id_ed25519", "x/cert.PFX", ".htpasswd", "node_modules/x/y.js"]


@pytest.mark.parametrize("path", SECRETS)
def test_files_that_a_zip_may_not_contain_are_left_out_of_a_folder(tmp_path: Path, path: str) -> None:
    folder = write(tmp_path, {"index.html": "", path: "x"})
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.write(folder / "index.html", "index.html")
        archive.write(folder / path, path)
    with pytest.raises((SecretInBundleError, DependenciesInBundleError)):
        inspect(memoryview(whole.getvalue()), limits=Limits(), allow=Allowances())
    assert paths(chosen(folder)) == ["index.html"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_an_easelignore_is_read_however_an_editor_wrote_it(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, {"index.html": "", "a.map": "", "drafts/x": ""})
    (tmp_path / ".easelignore").write_bytes("*.map\r\ndrafts/\r\n".encode(encoding))
    assert paths(chosen(tmp_path)) == ["index.html"]
