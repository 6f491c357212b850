"""The command line alone is light: it is installed without the server, and runs without importing it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from easel.cli.exit_codes import ExitCode
from easel.cli.main import COMMANDS

from .conftest import Person

ROOT = Path(__file__).parents[2]
LIMIT = 25_000_000
"""Maximum number of bytes of the command line, installed and compiled."""

OPTIONAL = {"brotli", "_brotli", "stringzilla", "typing_extensions"}
"""Packages of the server that urllib3 and Easel's own search use only if they are installed."""

SCRIPT = """
import importlib, json, pkgutil, sys
import easel.cli
for module in pkgutil.walk_packages(easel.cli.__path__, "easel.cli."):
    importlib.import_module(module.name)
from easel.cli.main import program
code = program.main(sys.argv[1:], standalone_mode=False) or 0
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def pinned(name: str) -> set[str]:
    """Returns the packages of a file of pins."""
    return set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / f"{name}.txt").read_text(), re.M))


def servers_modules() -> set[str]:
    """Returns the importable modules of the packages that only the server needs."""
    only = pinned("runtime") - pinned("cli")
    assert {"sqlalchemy", "fastapi", "pydantic", "pygit2"} <= only
    providing = packages_distributions()
    return {
        module
        for module, packages in providing.items()
        if {re.sub(r"[-_.]+", "-", package).lower() for package in packages} <= only
    }


@pytest.mark.parametrize("arguments", [["status"], ["diff", "1", "1"], ["check", "--request", "/"]], ids=" ".join)
def test_no_command_of_the_client_imports_a_package_of_the_server(
    person: Person, slug: str, arguments: list[str]
) -> None:
    person.write(index_html="<!doctype html>")
    person.ok("deploy", "--create", "-m", "x")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=person.folder,
        env=person.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    code, imported = json.loads(done.stdout.splitlines()[-1])
    assert (code, set(imported) & (servers_modules() | {"httpx"}) - OPTIONAL) == (0, set())


def test_help_imports_no_command() -> None:
    script = "import sys; from easel.cli.main import program; program.main(['--help'], standalone_mode=False);"
    script += "print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert {name for name in imported if name.startswith("easel")} == {
        "easel",
        "easel.cli",
        "easel.cli.exit_codes",
        "easel.cli.main",
    }
    assert imported.isdisjoint({"rich", "urllib3", "msgspec", "ssl"})


@pytest.mark.network
def test_the_command_line_alone_is_small_and_names_the_packages_that_the_server_needs(tmp_path: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    place = tmp_path / "venv"
    easel, python = place / "bin" / "easel", place / "bin" / "python"
    # Files of earlier builds in this tree must not be in the wheel.
    tree = shutil.copytree(ROOT / "src", tmp_path / "tree" / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree.parent)
    build = ["build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    run(uv, *build, "--out-dir", str(tmp_path), str(tree.parent))
    run(uv, "venv", "--quiet", "--python", sys.executable, str(place))
    (wheel,) = tmp_path.glob("*.whl")
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    pins = ["--constraint", str(ROOT / "requirements" / "cli.txt")]
    done = subprocess.run([uv, *install, *pins, str(wheel)], capture_output=True, text=True, check=False)
    if done.returncode != 0 and re.search(r"[Ff]ailed to fetch|dns error|error sending request", done.stderr):
        pytest.skip(f"no package registry is reachable: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    (packages,) = place.glob("lib/python*/site-packages")
    assert sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) <= LIMIT
    names = run(uv, "pip", "list", "--quiet", "--format", "freeze", "--python", str(python))
    installed = {line.split("==")[0] for line in names.splitlines() if "==" in line}
    assert "easel" in installed or "easel @" in names
    assert installed - {"easel"} <= pinned("cli")
    assert "Deploys:" in run(str(easel), "--help")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html>")
    assert "1 file, 15 bytes uncompressed" in run(str(easel), "check", str(tmp_path / "site"))
    for command in COMMANDS["Running Easel"]:
        needed = {"organisation": ["Acme"]}.get(command, [])
        needed = [str(tmp_path / "b")] if command in ("backup", "restore-backup", "export", "import") else needed
        ended = subprocess.run(
            [str(easel), command, *needed], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (
            ExitCode.USAGE,
            "",
            f"`easel {command}` needs the server, which is not installed. Install Easel's wheel with the extra"
            " `server`.\n",
        )


def run(*command: str) -> str:
    """Runs a command that must succeed, and returns its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
