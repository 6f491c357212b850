"""The app's root, files that are left out, refused accidents, and notes."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest

from easel.bundles import errors
from easel.bundles.models import Inspection
from easel.bundles.root import (
    _CREDENTIAL_NAMES,
    _JUNK,
    _JUNK_FILES,
    _KEY_NAMES,
    _KEY_STORES,
    _REPOSITORIES,
    find_root,
)
from tests.bundles.crafted import PAGE, File, craft
from tests.bundles.looking import look


def look_in(*names: str) -> Inspection:
    return look(craft(*(File(name.encode(), b"" if name.endswith(("/", "\\")) else PAGE) for name in names)))


def test_an_index_at_the_root_is_the_entry_point() -> None:
    seen = look_in("index.html", "docs/index.html", "package.json")
    assert set(seen.files) == {"index.html", "docs/index.html", "package.json"}
    assert (seen.stripped_root, seen.left_out, seen.warnings) == ("", [], [])


@pytest.mark.parametrize(
    "others",
    [
        (),
        ("dist/", "dist/assets/"),
        ("__MACOSX/._dist", "__MACOSX/dist/._index.html", "__MACOSX/"),
        (".DS_Store", "Thumbs.db"),
        ("._dist",),
        (".localized", "desktop.ini", "DESKTOP.INI", "Icon\r", "dist/Icon\r", "dist/._index.html"),
        (".Spotlight-V100/Store-V2/x", ".fseventsd/y", ".Trashes/501/x", ".TemporaryItems/", ".Trash-1000/files/x"),
        (
            "$RECYCLE.BIN/S-1-5-21/desktop.ini",
            "RECYCLER/S-1-5-21/x",
            "~$report.docx",
            ".~lock.a.odt#",
            ".dropbox",
            "System Volume Information/IndexerVolumeGuid",
            ".directory",
            "@eaDir/x",
        ),
        (
            "dist/index.html:Zone.Identifier",
            "dist/.#index.html",
            "dist/#index.html#",
            "dist/.app.js.kate-swp",
            ".photo.jpg.icloud",
            ".stfolder/x",
            ".sync_0a1b.db",
            ".849C9593-D756-4E56-8D6E-42412F2A707B",
            "#snapshot/x",
            "dist/a.png@SynoEAStream",
            "Picasa.ini",
        ),
        ("/", "./", "\\", ".\\.\\", "//"),
        ("empty-folder/",),
    ],
)
def test_the_only_top_level_folder_is_the_root_whatever_litter_is_beside_it(others: tuple[str, ...]) -> None:
    seen = look_in("dist/index.html", "dist/assets/app.js", *others)
    assert set(seen.files) == {"index.html", "assets/app.js"}
    assert seen.stripped_root == "dist"
    assert seen.warnings[0] == "all files are in the folder `dist/`, so this folder was used as the root of the app."


@pytest.mark.parametrize("other", ["README.md", "lib/x.js", "dist2/index.html", ".htaccess"])
def test_a_folder_next_to_other_entries_is_not_the_root(other: str) -> None:
    with pytest.raises(errors.EntryPointMissingError, match=r"`dist/index\.html`\. Zip the contents of `dist/`"):
        look_in("dist/index.html", other)


def test_only_one_folder_is_stripped() -> None:
    with pytest.raises(errors.EntryPointMissingError, match="Zip the contents of `project/dist/`"):
        look_in("project/dist/index.html", "project/dist/deeper/still/index.html")


def test_the_cache_that_sphinx_leaves_next_to_its_pages_is_not_published() -> None:
    seen = look_in("index.html", ".doctrees/environment.pickle", ".doctrees/guide/one.doctree", "_static/base.css")
    assert set(seen.files) == {"index.html", "_static/base.css"}


def test_junk_of_operating_systems_is_left_out_at_every_depth() -> None:
    litter = ["__MACOSX/x", ".DS_Store", "a/.DS_Store", "a/b/Thumbs.db", "a/__MACOSX/._y"]
    seen = look_in("index.html", "a/kept.js", *litter)
    assert set(seen.files) == {"index.html", "a/kept.js"}
    assert sorted(seen.left_out) == sorted(litter)
    assert seen.warnings == ["Easel left out 5 files that no app needs: `__MACOSX/x` and 4 more."]
    assert look_in("index.html", ".DS_Store").warnings == ["Easel left out 1 file that no app needs: `.DS_Store`."]


@pytest.mark.parametrize(
    "name",
    [
        "DS_Store",
        "Thumbs.db.js",
        "__MACOSX.js",
        "MACOSX/x",
        "thumbs.html",
        "_.x",
        "desktop.init",
        "x._y",
        "recycled/x",
        "recycler/x",
        "a~$.js",
        "c#.html",
        "x/#b.html",
        "a#b#c.js",
        "x.icloud.js",
        "zone.identifier",
        ".lock",
    ],
)
def test_files_that_only_resemble_junk_stay(name: str) -> None:
    assert name in look_in("index.html", name).files


@pytest.mark.parametrize("folder", ["_easel"])
@pytest.mark.parametrize("root", ["", "dist/"])
def test_files_where_the_platform_answers_are_kept_and_named_as_never_served(folder: str, root: str) -> None:
    seen = look_in(f"{root}index.html", f"{root}{folder}/users.json", f"{root}{folder}/more.json")
    assert f"{folder}/users.json" in seen.files
    assert seen.warnings[-1] == (
        f"addresses under `/{folder}/` are reserved for the platform, so `{folder}/users.json` and all other files in "
        "that folder are never served."
    )


@pytest.mark.parametrize(
    "name",
    [
        "api/index.html",
        "_api/x.json",
        "functions/x.js",
        "api/types.d.ts",
        "_auth/login.html",
        "docs/api/x.json",
        "api.html",
        "apis/x.json",
        "_easel.js",
    ],
)
def test_files_that_only_resemble_the_platforms_are_not_warned_about(name: str) -> None:
    assert look_in("index.html", name).warnings == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("web.config", "`web.config` is a rules file for another web server"),
        (".htaccess", "has no effect in Easel"),
        ("api/hello.ts", "Easel does not run server functions yet, so `api/hello.ts` is served as a file"),
        ("functions/a/b.tsx", "Easel does not run server functions yet"),
    ],
)
def test_files_without_an_effect_are_reported(name: str, told: str) -> None:
    seen = look_in("dist/index.html", f"dist/{name}")
    assert name in seen.files
    assert told in seen.warnings[-1]


def test_a_project_with_an_index_is_deployed_with_a_warning() -> None:
    seen = look_in("index.html", "package.json", "src/main.jsx")
    assert len(seen.warnings) == 1
    assert "build the project and upload the output folder" in seen.warnings[0]


@pytest.mark.parametrize("names", [("package.json",), ("package.json", "dist/index.html"), ("shop/package.json",)])
def test_a_package_json_without_an_index_makes_a_source_bundle(names: tuple[str, ...]) -> None:
    with pytest.raises(errors.SourceBundleError) as refusal:
        look_in(*names, *(f"{names[0].rpartition('/')[0] or 'src'}/main.js",))
    assert refusal.value.code == "source_build_unsupported"


@pytest.mark.parametrize(
    "names",
    [
        ("mkdocs.yml", "docs/index.md"),
        ("site/zensical.toml", "site/docs/index.md"),
        ("hugo.toml", "content/_index.md"),
        ("docs/conf.py", "docs/index.rst"),
        ("package.json", "200.html"),
    ],
)
def test_sources_of_other_tools_also_make_a_source_bundle(names: tuple[str, ...]) -> None:
    with pytest.raises(errors.SourceBundleError, match=rf"`{re.escape(names[0])}`, and no index"):
        look_in(*names)


@pytest.mark.parametrize(
    "names", [("mkdocs.yml", "index.html"), ("hugo.toml", "about.html"), ("conf.py", "a.txt"), ("index.html", "a.js")]
)
def test_pages_next_to_a_project_file_do_not_make_a_source_bundle(names: tuple[str, ...]) -> None:
    with suppress(errors.EntryPointMissingError):
        assert find_root(names) == ""


def test_a_package_json_in_a_deeper_folder_makes_no_source_bundle() -> None:
    with pytest.raises(errors.EntryPointMissingError):
        look_in("a/package.json", "b/x.js")


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (("site.zip",), r"There is another zip inside the zip\. Upload only that inner zip, `site\.zip`"),
        (("artifact/build.ZIP", "artifact/README"), r"Upload only that inner zip, `artifact/build\.ZIP`"),
        (("artifact.tar",), r"Unpack `artifact\.tar`, and zip its contents"),
        (("out.tar.gz", "sums.txt"), r"Unpack `out\.tar\.gz`"),
        (("index.htm", "about.htm"), r"`index\.htm`\. Rename it to `index\.html`\."),
        (("Default.htm", "b.html"), r"Rename it to `index\.html`\."),
    ],
)
def test_a_zip_of_an_archive_or_with_another_servers_entry_page_is_refused_with_advice(
    names: tuple[str, ...], hint: str
) -> None:
    with pytest.raises(errors.EntryPointMissingError, match=hint):
        look_in(*names)


@pytest.mark.parametrize(
    ("names", "home", "root"),
    [
        (("plot.html", "data.json"), "plot.html", ""),
        (("site/app.HTM", "site/404.html"), "app.HTM", "site"),
        (("client/_shell.html", "client/a.js"), "_shell.html", "client"),
        (("200.html", "about.html", "docs/index.html"), "200.html", ""),
        (("index.htm", "a.js"), "index.htm", ""),
        (("site/DEFAULT.HTM", "site/404.html"), "DEFAULT.HTM", "site"),
        (("book.xhtml", "a.css"), "book.xhtml", ""),
        (("page.html", "old.xhtml"), "page.html", ""),
        (("html/index/index.html", "html/admin/index.html", "static/a.js"), "html/index/index.html", ""),
        (("dist/html/main/index.html", "dist/route.json"), "html/main/index.html", "dist"),
        (("200.html", "html/index/index.html"), "200.html", ""),
    ],
)
def test_a_zip_with_another_entry_page_is_an_app(names: tuple[str, ...], home: str, root: str) -> None:
    found = look_in(*names)
    assert (found.home, found.stripped_root) == (home, root)


@pytest.mark.parametrize(
    "names",
    [("a.html", "b.html"), ("404.html",), ("pages/only.html", "a.js"), ("html/a/index.html",), ("a.js",)],
)
def test_none_of_several_pages_is_chosen_as_the_entry_page_by_guessing(names: tuple[str, ...]) -> None:
    with pytest.raises(errors.EntryPointMissingError):
        look_in(*names)


def test_an_error_lists_only_some_entries_of_a_large_root() -> None:
    with pytest.raises(errors.EntryPointMissingError) as refusal:
        look_in(*(f"file-{number:02}.js" for number in range(30)))
    assert "`file-07.js` and more." in str(refusal.value)
    assert len(refusal.value.details["found"]) == 20


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".env.local", ".env.production", "config/.env", ".ENV", ".git/config", "lib/.git/HEAD", "lib/.git",
        "id_rsa", "keys/id_ed25519", "keys/id_ecdsa", "cert.p12", "cert.PFX", "app.jks", "app.keystore", "putty.ppk",
    ],
)  # fmt: skip
def test_files_that_are_almost_always_secret_are_refused_by_name(name: str) -> None:
    with pytest.raises(errors.SecretInBundleError, match=r"--allow secrets --publish") as refusal:
        look_in("index.html", name)
    assert refusal.value.details["member"] == name


@pytest.mark.parametrize("name", ["server.pem", "tls/server.key", "tls/SERVER.KEY"])
@pytest.mark.parametrize("kind", [b"", b"RSA ", b"EC ", b"OPENSSH ", b"ENCRYPTED "])
def test_a_private_key_is_known_by_its_content(name: str, kind: bytes) -> None:
    key = b"-----BEGIN " + kind + b"PRIVATE " + b"KEY-----\nbm90IGEga2V5\n"
    for content in (key, b"# a chain\n" + b"x" * 3_000_000 + key):
        with pytest.raises(errors.SecretInBundleError) as refusal:
            look(craft(File(), File(name.encode(), content)))
        assert refusal.value.details == {"member": name, "kind": "a private key"}


@pytest.mark.parametrize(
    "name",
    [
        ".env.example", ".env.sample", ".env.template", "env.js", ".environment", "environment.env.js", ".gitignore",
        ".gitkeep", "git/x", "id_rsa.pub", "cert.pem", "public.key", ".well-known/security.txt", "keys.html",
    ],
)  # fmt: skip
def test_files_that_only_resemble_a_secret_are_deployed(name: str) -> None:
    assert name in look_in("index.html", name).files


def test_dependencies_are_refused_at_the_root_only() -> None:
    assert "vendor/node_modules/x.js" in look_in("index.html", "vendor/node_modules/x.js").files
    for root in ("", "dist/"):
        with pytest.raises(errors.DependenciesInBundleError) as refusal:
            look_in(f"{root}index.html", f"{root}node_modules/x.js")
        assert refusal.value.details == {"member": f"{root}node_modules/x.js"}


@pytest.mark.parametrize("above", ["", "a/"])
def test_every_kind_of_junk_is_left_out(above: str) -> None:
    files = [f"{start}x" for start in _JUNK_FILES]
    files += ["#a#", ".a.swp", ".a.icloud", "a.txt:Zone.Identifier", "a@SynoResource", "RECYCLER/S-1-5/a", ".Trash-1/a"]
    for name in (*_JUNK, *(f"{name}/a" for name in _JUNK), *(name.upper() for name in _JUNK), *files):
        found = look(craft(File(), File(b"x.js", b""), File(f"{above}{name}".encode(), b"")))
        assert (list(found.files), found.left_out) == (["index.html", "x.js"], [f"{above}{name}"])


@pytest.mark.parametrize("above", ["", "a/"])
def test_every_kind_of_secret_is_refused(above: str) -> None:
    files = [*_KEY_NAMES, *(f"x{end}" for end in _KEY_STORES), *_CREDENTIAL_NAMES, ".env", ".ENV.local"]
    folders = [*(f"{folder}/a" for folder, _ in _REPOSITORIES), ".aws/a", ".ssh/b/a"]
    for name in (*files, *(name.upper() for name in files), *folders):
        with pytest.raises(errors.SecretInBundleError):
            look(craft(File(), File(b"x.js", b""), File(f"{above}{name}".encode(), b"")))
