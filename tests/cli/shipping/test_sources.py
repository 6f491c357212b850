"""The source files of an app."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from easel.cli.shipping import sources
from easel.cli.shipping.sources import collect_sources
from easel.cli.shipping.worktree import current_commit, is_distrusted

FILES = {
    "package.json": "{}",
    "src/main.ts": "export {}",
    "src/secret.local": "x",
    "dist/index.html": "built",
    "node_modules/react/index.js": "x",
    ".env": "SECRET=1",
    ".gitignore": "*.local\ndist/\n",
    "docs/draft.md": "x",
    ".easelignore": "docs/\n",
}
EXPECTED = [".gitignore", "package.json", "src/main.ts"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    names = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com"}
    names |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env={**os.environ, **names})


def test_ignored_files_dependencies_secrets_and_the_build_are_no_source(project: Path) -> None:
    assert sorted(collect_sources(project, project / "dist").texts) == EXPECTED


def test_git_selects_the_same_source_files(project: Path) -> None:
    git(project, "init", "-q")
    assert sorted(collect_sources(project, project / "dist").texts) == EXPECTED
    git(project, "add", ".gitignore")
    (project / "gone.txt").write_text("x")
    git(project, "add", "gone.txt")
    (project / "gone.txt").unlink()
    assert sorted(collect_sources(project, project / "dist").texts) == EXPECTED


def test_binary_files_are_omitted_and_counted(project: Path) -> None:
    (project / "logo.png").write_bytes(b"\x89PNG\0")
    (project / "old.txt").write_bytes(b"caf\xe9")
    found = collect_sources(project, project / "dist")
    assert sorted(found.texts) == EXPECTED
    assert sorted(found.not_text) == ["logo.png", "old.txt"]


def test_a_project_that_is_its_own_output_sends_its_files(project: Path) -> None:
    assert "src/main.ts" in collect_sources(project, project).texts


def test_the_smallest_of_too_many_source_files_are_sent(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILES", 2)
    (project / "large.txt").write_text("x" * 1000)
    found = collect_sources(project, project / "dist")
    assert (len(found.texts), found.too_much[-1]) == (2, "large.txt")
    monkeypatch.setattr(sources, "MAX_FILES", 20)
    monkeypatch.setattr(sources, "MAX_BYTES", 1010)
    found = collect_sources(project, project / "dist")
    assert (sorted(found.texts), found.too_much) == (EXPECTED, ("large.txt",))


def test_source_that_an_editor_wrote_as_utf_16_is_sent_as_text(project: Path) -> None:
    (project / "notes.txt").write_text("Grüße", encoding="utf-16")
    (project / "marked.txt").write_text("Grüße", encoding="utf-8-sig")
    found = collect_sources(project, project / "dist").texts
    assert found["notes.txt"] == found["marked.txt"] == "Grüße"


def test_a_file_whose_name_the_server_refuses_is_left_out(project: Path) -> None:
    (project / "a\tb.txt").write_text("x")
    (project / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    found = collect_sources(project, project / "dist")
    assert (sorted(found.texts), len(found.not_text)) == (EXPECTED, 2)


def test_the_commit_is_shown_with_its_author(project: Path) -> None:
    assert current_commit(project / "dist", project) is None
    git(project, "init", "-q")
    assert current_commit(project / "dist", project) is None
    git(project, "commit", "-q", "--allow-empty", "-m", "Fix the header\n\nIt was too tall.")
    commit = current_commit(project / "dist", project)
    assert commit is not None
    assert (commit.subject, commit.author) == ("Fix the header", "Ada <ada@example.com>")
    assert commit.message == "Fix the header\n\nIt was too tall."
    assert len(commit.revision) == 40


def committed(folder: Path, *names: str) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-f", *names)
    git(folder, "commit", "-q", "-m", f"of {folder.name}")


@pytest.mark.parametrize("given", ["dist", "dist/index.html", "site"])
def test_a_build_of_a_project_has_the_projects_commit(project: Path, given: str) -> None:
    (project / "site").mkdir()
    (project / "site" / "index.html").write_text("by hand")
    committed(project, "src", "site")
    for root in (project, project / "dist"):
        commit = current_commit(project / given, root)
        assert commit is not None
        assert commit.subject == f"of {project.name}"


def test_a_folder_in_an_unrelated_work_tree_has_no_commit(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".profile").write_text("settings")
    (tmp_path / ".gitignore").write_text("*\n")
    committed(tmp_path, ".profile", ".gitignore")
    blog, built = tmp_path / "blog", tmp_path / "blog" / "dist"
    built.mkdir(parents=True)
    for target, root in ((blog, blog), (blog, tmp_path), (built, blog), (built, built), (tmp_path / "dist", tmp_path)):
        assert current_commit(target, root) is None, (target, root)
    (blog / "main.ts").write_text("x")
    committed(blog, "main.ts")
    for target, root in ((blog, blog), (blog, tmp_path), (built, blog), (built, built)):
        commit = current_commit(target, root)
        assert commit is not None
        assert commit.subject == "of blog"


@pytest.mark.parametrize("given", ["hello", "hello/site.zip"])
def test_a_new_folder_in_a_clone_has_no_commit_of_the_clone(project: Path, given: str) -> None:
    new = project / "hello"
    new.mkdir()
    (new / "index.html").write_text("by hand")
    (new / "site.zip").write_text("a zip")
    committed(project, "src", ".gitignore")
    (project / "easel.toml").write_text('app = "hello"')
    for root in (project, new):
        assert current_commit(project / given, root) is None
    git(project, "add", "easel.toml")
    assert current_commit(project / given, project) is not None


def test_a_zip_next_to_tracked_files_has_their_commit(project: Path) -> None:
    (project / "site.zip").write_text("a zip")
    committed(project, "src")
    assert current_commit(project / "site.zip", project) is not None


def test_a_commit_is_marked_if_deployed_files_differ_from_it(project: Path) -> None:
    committed(project, "src")
    (project / "src" / "main.ts").write_text("export { changed }")
    commit = current_commit(project / "dist", project)
    assert commit is not None
    assert commit.revision == f"{commit.sha}-dirty"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "shift-jis"])
def test_a_commit_message_in_another_encoding_is_read(project: Path, encoding: str) -> None:
    text = "料理" if encoding == "shift-jis" else "Grüße"
    git(project, "init", "-q")
    git(project, "config", "i18n.commitEncoding", encoding)
    git(project, "config", "i18n.logOutputEncoding", encoding)
    (project / ".message").write_bytes(text.encode(encoding))
    git(project, "commit", "-q", "--allow-empty", "-F", ".message")
    commit = current_commit(project / "dist", project)
    assert commit is not None
    assert commit.subject == text


def test_a_repository_of_another_user_is_no_obstacle(project: Path) -> None:
    committed(project, "src")
    os.environ["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
    try:
        assert current_commit(project / "dist", project) is None
        assert is_distrusted(project)
        assert sorted(collect_sources(project, project / "dist").texts) == EXPECTED
    finally:
        del os.environ["GIT_TEST_ASSUME_DIFFERENT_OWNER"]
    assert not is_distrusted(project)
