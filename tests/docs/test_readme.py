"""The README's first deploy, run as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.running import Platform

ROOT = Path(__file__).parents[2]


def blocks(language: str, document: str = "README.md") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


@pytest.fixture
def elsewhere(tmp_path: Path, platform: Platform) -> Path:
    """Returns a folder that looks like the repository to a reader of the README: with `.venv/bin` and `data`. Its
    parent is the home folder of the user who started the platform."""
    clone = tmp_path / "easel"
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "easel").write_text(f'#!/bin/sh\nexec {sys.executable} -m easel.cli.main "$@"\n')
    (programs / "easel").chmod(0o755)
    (clone / "data").symlink_to(platform.data_dir)
    note = tmp_path / ".local" / "state" / "easel" / "data-dir"
    note.parent.mkdir(parents=True)
    note.write_text(f"{platform.data_dir}\n")
    return clone


def on_this_platform(text: str, platform: Platform) -> str:
    return text.replace(":8080", f":{platform.edge_port}").replace(":8000", f":{platform.api_port}")


def test_the_first_deploy_works_as_written(platform: Platform, elsewhere: Path) -> None:
    commands = [block for block in blocks("sh") if "make " not in block]
    assert len(commands) == 2
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("EASEL_", "XDG_"))}
    before = sorted(elsewhere.iterdir())
    done = subprocess.run(
        ["sh", "-eux", "-c", on_this_platform("echo second block\n".join(commands), platform)],
        cwd=elsewhere,
        env={**environment, "HOME": str(elsewhere.parent), "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("second block\n")
    assert "Hello from version 1" in first
    assert "Hello from version 1" in second.rsplit("<!doctype", 1)[1]
    assert sorted(elsewhere.iterdir()) == before


def test_the_clients_example_works_as_written(
    platform: Platform, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (script,) = blocks("python")
    monkeypatch.chdir(elsewhere)
    # The script runs in this process, because a separate process would have to import the client's thousand modules
    # again.
    for _ in range(2):
        exec(compile(on_this_platform(script, platform), "README.md", "exec"), {"__name__": "__main__"})
        assert capsys.readouterr().out.strip() == f"complete http://hello-client.localhost:{platform.edge_port}/"
    assert "Hello from Python" in platform.visit("hello-client").text


def test_the_api_is_driven_with_curl_as_written(platform: Platform, elsewhere: Path) -> None:
    script = "\n".join(blocks("sh", "docs/api.md"))
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", on_this_platform(script, platform)],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    lines = done.stdout.splitlines()
    assert "event: done" in lines
    ended = lines.index("complete")
    assert lines[ended + 1].endswith("Hello from curl")
    assert lines[ended + 2 :] == [
        "1",
        f"http://staging-with-curl.localhost:{platform.edge_port}/",
        "1",
        "{'added': 0, 'removed': 0, 'modified': 0, 'unchanged': 2}",
        "with-curl",
        "2",
    ]


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_architecture_lists_the_existing_packages() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for folder in (ROOT / "src" / "easel").iterdir():
        if folder.is_dir() and (folder / "__init__.py").exists():
            assert f"{folder.name}/" in text, folder.name
