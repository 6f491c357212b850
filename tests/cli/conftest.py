"""A person at the command line: with a home, a project folder, and the running platform."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from easel.cli.client import Client
from easel.cli.credentials import ServerAccess
from easel.cli.main import program
from testbed.running import Platform


@dataclass(frozen=True)
class Ended:
    """The result of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """Returns the one JSON document on stdout."""
        return json.loads(self.stdout)


@dataclass
class Person:
    """A person in a folder without a terminal. All output is read from pipes."""

    home: Path
    folder: Path
    platform: Platform
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, typed: str | None = None) -> Ended:
        """Runs `easel …` in this process, which is faster than a separate process."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            result = CliRunner().invoke(program, list(arguments), input=typed, env=self.environment)
        finally:
            os.chdir(before)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def ok(self, *arguments: str) -> Ended:
        """Runs a command that must succeed."""
        ended = self.run(*arguments)
        assert ended.code == 0, ended.stderr
        return ended

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts `easel …` as a separate process, to be interrupted."""
        return subprocess.Popen(
            [sys.executable, "-m", "easel.cli.main", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, **files: str) -> None:
        """Writes files of the built app. In a name, `__` stands for `/`, and `_` for `.`."""
        for name, content in files.items():
            file = self.folder / "dist" / name.replace("__", "/").replace("_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    def place(self, name: str, content: str) -> None:
        """Writes a file in the folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    @property
    def client(self) -> Client:
        """Returns the API's client, for checks besides the commands."""
        return Client(ServerAccess(self.platform.api_url, self.platform.api_key))


@pytest.fixture
def person(platform: Platform, slug: str, tmp_path: Path) -> Person:
    """Returns a person whose folder is named like the slug, so that `--create` uses it."""
    folder = tmp_path / slug
    folder.mkdir()
    environment = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "EASEL_DATA_DIR": str(platform.data_dir),
        "EASEL_SERVER": "",
        "EASEL_API_KEY": "",
        "EASEL_APP": "",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
    }
    return Person(tmp_path, folder, platform, environment)
