"""Lines of `.easelignore` mean what they mean in git."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from easel.cli.shipping.gitignore import GitIgnore

NAMES = ("a", "b", "src", "public", "app.js", "app.js.map", ".env", "foo bar", "#h", "!n", "A", "a.b.c")
PARTS = (
    *NAMES, "*", "**", "?", "*.js", "[ab]", "[!a]", "a*", "*b", "*.*", "[a-c]", r"\#h", r"\!n", r"foo\ bar", "**a",
    "[[:alpha:]]", "[[:upper:]_.]*", "[]a]", "[^a]", "{a,b}", ".*", "?*", "x.[jt]s", "[a[b]",
)  # fmt: skip


def excluded(lines: list[str], paths: list[str]) -> set[str]:
    """Returns the paths that are excluded, by themselves or with a folder above them."""
    rules = GitIgnore(lines)

    def is_out(path: str) -> bool:
        parts = path.split("/")
        folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return any(rules.excludes(folder, folder=True) for folder in folders) or bool(
            rules.excludes(path, folder=False)
        )

    return {path for path in paths if is_out(path)}


def excluded_by_git(repository: Path, lines: list[str], paths: list[str]) -> set[str]:
    """Returns the paths that `git check-ignore` lists."""
    (repository / ".git/info/exclude").write_text("\n".join(lines) + "\n")
    command = ["git", "-C", str(repository), "check-ignore", "--no-index", "--stdin", "-z"]
    listed = subprocess.run(command, input="\0".join(paths).encode(), capture_output=True, check=False)
    return {name for name in listed.stdout.decode().split("\0") if name}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an empty Git repository."""
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@pytest.mark.parametrize(
    "lines",
    [
        [".env/", "!public"],
        ["*.map", "!src"],
        ["public/**", "!public/app.js"],
        ["src/**/", "!src/a"],
        ["a", "!/a"],
        ["/*", "!/public"],
        ["*/", "!a/"],
        ["**/b/**"],
        ["/*/**", "!*.js"],
        ["[[:upper:]]", "[[:digit:][:alpha:]]*.map"],
        ["foo\\ bar  ", "\\#h", "\\!n/"],
    ],
)
def test_a_folder_that_is_included_again_does_not_include_what_is_excluded_below_it(
    repository: Path, lines: list[str]
) -> None:
    paths = [f"{one}/{two}/{three}" for one in NAMES[:4] for two in NAMES for three in NAMES[4:8]]
    assert excluded(lines, paths) == excluded_by_git(repository, lines, paths)


def test_random_lines_exclude_the_same_files_as_in_git(repository: Path) -> None:
    choose = random.Random(5)
    drawn = {"/".join(choose.choices(NAMES, k=choose.randint(1, 4))) for _ in range(160)}
    paths = sorted(path for path in drawn if not any(other.startswith(path + "/") for other in drawn))

    def line() -> str:
        text = "/".join(choose.choices(PARTS, k=choose.choice((1, 1, 1, 2, 2, 3))))
        return choose.choice(("", "", "", "!", "/")) + text + choose.choice(("", "", "/", " "))

    for _ in range(150):
        lines = [line() for _ in range(choose.randint(1, 4))]
        assert excluded(lines, paths) == excluded_by_git(repository, lines, paths), lines


def test_many_stars_are_matched_within_moments() -> None:
    """Git itself would take hours for some of these lines."""
    lines = ["*a" * 12 + "b", "**/a/" * 12 + "b", "[a" * 9000, "[[:" * 9000]
    paths = ["a" * 200, "a" * 200 + "b", "a/" * 100 + "c", "a/" * 100 + "b/c"]
    assert excluded(lines, paths) == {paths[1], paths[3]}


def test_stars_between_other_parts_exclude_the_same_files_as_in_git(repository: Path) -> None:
    paths = ["ab/q/xyz", "ab/q/x/aayzz", "xyz", "abb/aayzyz/xyz", "ab/xx/xyzzy", "x/q/x/y/z", "aab/x/y/xz/yz"]
    for line in ("*?*[ab]*/**/x*y*z", "**/x*/**/a*y*z", "a*b*/**/x*y*z*", "**/x/**/y/**", "*[ab]*[yz]*z", "**/*z*y*z"):
        assert excluded([line], paths) == excluded_by_git(repository, [line], paths), line


def test_a_set_of_characters_matches_no_slash(repository: Path) -> None:
    paths = ["x/y", "xay", "xzy", "x/a", "x-y"]
    for line in ("/x[!a]y", "/x[+-9]y", "/x[^z]a", "/x[!-~]y"):
        assert excluded([line], paths) == excluded_by_git(repository, [line], paths), line
