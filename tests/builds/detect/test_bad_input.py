"""Malicious or mistaken sources get one clear sentence, in bounded time, and no file outside the sources is read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from easel.builds.detect import workspaces
from easel.builds.detect.errors import BuildFileInvalidError, BuildPlanError, NothingToBuildError
from easel.builds.detect.files import LARGEST, LARGEST_YAML, without_comments
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.plan import plan
from easel.builds.output import judge
from easel.builds.tree import LeadsOutError, Tree
from tests.builds.detect.skeletons import ANGULAR, STATIC, package, write


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "it is not an object of names and values"),
        ("7", "it is not an object"),
        ('"text"', "it is not an object"),
        ("{", "JSON is malformed|truncated"),
        ("{'a': 1}", "JSON is malformed"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (" " * (LARGEST + 1), f"it is longer than {LARGEST} bytes"),
        ("{}\x00", "malformed"),
    ],
    ids=range(9),
)
def test_an_invalid_package_json_is_refused_with_the_reason(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BuildFileInvalidError, match=rf"`package.json` cannot be read: .*({reason})"):
        plan(write(tmp_path, {"package.json": text}), BuildOptions())


@pytest.mark.parametrize("data", [b"\xff\xfe{\0}\0", b'{"name": "\xff"}', b"\x80"])
def test_a_package_json_in_another_encoding_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_bytes(data)
    with pytest.raises(BuildFileInvalidError, match="line 1 is not valid UTF-8"):
        plan(tmp_path, BuildOptions())


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": "\ufeff" + package("vite build", "vite"), "index.html": ""})
    assert plan(tmp_path, BuildOptions()).framework == "vite"


def test_values_of_another_kind_are_left_out_as_npm_does(tmp_path: Path) -> None:
    text = '{"name": [], "scripts": ["x"], "dependencies": {"vite": 1, "astro": "*"}, "engines": "x", "workspaces": 7,'
    text += '"packageManager": {}, "devEngines": {"packageManager": []}, "volta": [1], "devDependencies": null}'
    made = plan(write(tmp_path, {"package.json": text}), BuildOptions())
    assert (made.framework, made.build) == ("astro", ("npx", "--no-install", "astro", "build"))


@pytest.mark.parametrize(
    "text",
    [
        "// ours\n" + ANGULAR,
        ANGULAR.replace('"version"', '/* "a": */ "version"'),
        ANGULAR.replace('"root": "",', '"root": "", // end\n'),
        ANGULAR[:-1] + ", }",
    ],
)
def test_comments_in_angular_json_are_ignored(text: str, tmp_path: Path) -> None:
    write(tmp_path, {"package.json": package("ng build", "@angular/cli"), "angular.json": text})
    assert plan(tmp_path, BuildOptions()).outputs[0] == "dist/shop/browser"


def test_comment_signs_within_a_string_are_kept() -> None:
    text = '{"a": "http://x/*y*/", "b": "\\"//", "c": [1, 2,], }'
    assert without_comments(text) == '{"a": "http://x/*y*/", "b": "\\"//", "c": [1, 2 ]  }'


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("mkdocs.yml", "a: [", "expected the node content"),
        ("mkdocs.yml", "[" * 10_000, "nested too deeply"),
        ("mkdocs.yml", "- a", "is not an object"),
        ("mkdocs.yml", " " * LARGEST_YAML + "  ", "it is longer than"),
        ("mkdocs.yml", "a: &a [*a]\nb: *c", "undefined alias"),
        ("zensical.toml", "a = [", "Invalid value|Unclosed array"),
        ("zensical.toml", ".".join("a" * 50) + " = 1", "more than 16 parts"),
        ("hugo.toml", "a = 1\na = 2", "Cannot overwrite"),
    ],
)
def test_a_broken_configuration_is_refused_with_the_reason(name: str, text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BuildFileInvalidError, match=rf"`{name}` cannot be read: .*({reason})"):
        plan(write(tmp_path, {name: text}), BuildOptions())


def test_aliases_that_multiply_are_not_followed(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    bomb += "plugins: *a29\nmarkdown_extensions: [admonition]\n"
    assert plan(write(tmp_path, {"mkdocs.yml": bomb}), BuildOptions()).framework == "mkdocs"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside.json", "/proc/self/environ", "a/../../outside.json"])
def test_a_link_out_of_the_sources_is_not_read(target: str, tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text(package("vite build", "vite"))
    sources = tmp_path / "sources"
    (sources / "a").mkdir(parents=True)
    os.symlink(target, sources / "package.json")
    with pytest.raises(BuildFileInvalidError, match="cannot be read: it is a link that leads out"):
        plan(sources, BuildOptions())
    for name in ("mkdocs.yml", "index.html", ".nvmrc", "next.config.js", "package-lock.json"):
        os.symlink(target, sources / name)
    tree = Tree(sources)
    assert not any(tree.is_file(name) for name in os.listdir(sources))


def test_links_inside_the_sources_are_followed(tmp_path: Path) -> None:
    files = {f"real/{name}": text for name, text in STATIC["vite"][0].items()}
    write(tmp_path, files)
    os.symlink("/build/real/package.json", tmp_path / "package.json")
    os.symlink("real/index.html", tmp_path / "index.html")
    assert plan(tmp_path, BuildOptions()).framework == "vite"
    os.symlink("real", tmp_path / "link")
    assert plan(tmp_path, BuildOptions(root="link")).root == "real"


def test_circular_links_are_recognised(tmp_path: Path) -> None:
    os.symlink("b", tmp_path / "a")
    os.symlink("a", tmp_path / "b")
    os.symlink(".", tmp_path / "here")
    os.symlink("a/package.json", tmp_path / "package.json")
    with pytest.raises(LeadsOutError, match="in a circle"):
        Tree(tmp_path).real("a")
    with pytest.raises(BuildFileInvalidError, match="in a circle"):
        plan(tmp_path, BuildOptions())
    (tmp_path / "package.json").unlink()
    with pytest.raises(NothingToBuildError):
        plan(tmp_path, BuildOptions())


def test_an_entry_that_is_no_file_is_not_awaited(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "package.json")
    os.mkfifo(tmp_path / ".nvmrc")
    (tmp_path / "mkdocs.yml").mkdir()
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(os.path.relpath(tmp_path / "hugo.toml"))
        with pytest.raises(BuildPlanError):
            plan(tmp_path, BuildOptions())


def test_a_hundred_thousand_folders_are_not_all_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    kind = Tree.kind

    def counted(tree: Tree, path: str) -> object:
        looked.append(path)
        return kind(tree, path)

    monkeypatch.setattr(Tree, "kind", counted)
    monkeypatch.setattr(workspaces, "_MOST_FOLDERS", 100)
    # A hundred links lead to one folder with a hundred links, and so on. There are very many paths with few folders.
    for depth in range(3):
        folder = tmp_path / f"d{depth}"
        folder.mkdir()
        for number in range(100):
            os.symlink(f"../d{depth + 1}", folder / f"l{number}")
    for number in range(200):
        (tmp_path / "d3" / f"f{number}").mkdir(parents=True)
    with pytest.raises(NothingToBuildError):
        plan(tmp_path, BuildOptions())
    assert len(looked) < 5_000


def test_names_of_any_characters_are_shown_as_text(tmp_path: Path) -> None:
    for name in ("a\x1b[2J", "b\nc", "\u202egnp", "d"):
        write(tmp_path / name, {"package.json": package("vite build", "vite"), "index.html": ""})
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\xfe")
    with pytest.raises(BuildPlanError) as refusal:
        plan(tmp_path, BuildOptions())
    message = refusal.value.message
    assert r"`a\x1b[2J`" in message
    assert message.isprintable()
    assert plan(tmp_path, BuildOptions(root="d")).root == "d"


def test_the_log_shows_a_script_of_any_length_on_one_line(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": package("x\n\x1b[31m" + "y" * 10_000), "index.html": ""})
    assert all(reason.isprintable() and len(reason) < 400 for reason in plan(tmp_path, BuildOptions()).reasons)


def test_an_output_outside_is_no_output(tmp_path: Path) -> None:
    sources = write(tmp_path / "sources", STATIC["vite"][0])
    write(tmp_path, {"outside/index.html": "secret"})
    made = plan(sources, BuildOptions())
    os.symlink("../outside", sources / "dist")
    with pytest.raises(BuildPlanError):
        judge(sources, made)
