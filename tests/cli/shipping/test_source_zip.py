"""The files of a project that are sent for a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from easel.cli.shipping.errors import SourceMissingError
from easel.cli.shipping.source_zip import select_sources

from .test_sources import git

FILES = {
    "package.json": "{}",
    "easel.toml": '[build]\noutput = "site"\n',
    "src/main.ts": "export {}",
    "packages/a/index.ts": "export {}",
    "packages/a/node_modules/x.js": "x",
    "node_modules/react/index.js": "x",
    "dist/index.html": "built",
    ".env": "SECRET=1",
    ".env.production": "VITE_A=1",
    ".gitignore": "dist/\n",
    "docs/draft.md": "x",
    ".easelignore": "docs/\n",
    ".DS_Store": "x",
}
ALWAYS = [".gitignore", "easel.toml", "package.json", "packages/a/index.ts", "src/main.ts"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "link").symlink_to("/etc/passwd")
    return tmp_path


def sent(project: Path) -> list[str]:
    return [file.path for file in select_sources(project).files]


def test_outside_of_git_all_files_that_are_not_ignored_are_sent(project: Path) -> None:
    assert sent(project) == ALWAYS
    left_out = {entry.path: entry.reason for entry in select_sources(project).left_out}
    assert left_out["link"] == "because it is a symbolic link"
    assert left_out[".env"] == "by default"


def test_in_a_work_tree_what_git_tracks_is_sent_as_well(project: Path) -> None:
    git(project, "init", "-q")
    assert sent(project) == ALWAYS
    git(project, "add", "-f", ".env.production", "docs/draft.md", "node_modules/react/index.js")
    # Files that the project's own rules exclude are not sent, even if Git tracks them.
    assert sent(project) == [".env.production", *ALWAYS]


@pytest.mark.parametrize(
    ("content", "goes_along"),
    [
        ("engine-strict=true\nlegacy-peer-deps = true\n; _auth=x\n# _password=y\n", True),
        ("//npm.example.com/:_authToken=${NPM_TOKEN}\n", True),
        ("@me:registry=https://npm.example.com/\n", True),
        ("//npm.example.com/:_authToken=npm_abc\n", False),
        ("a=1\r\n_auth = dTpw\r\n", False),
        ('//npm.example.com/:_password="cHc="\n', False),
        ("registry=https://ada:pw@npm.example.com/\n", False),
        ("key=-----BEGIN PRIVATE KEY-----\\nx\n", False),
        ("a=1\n" * 20_000, False),
    ],
)
def test_an_npmrc_without_a_credential_is_sent(project: Path, content: str, goes_along: bool) -> None:
    (project / "packages/a/.npmrc").write_text(content)
    assert ("packages/a/.npmrc" in sent(project)) is goes_along


def test_a_folder_without_files_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text("x")
    with pytest.raises(SourceMissingError):
        select_sources(tmp_path)
