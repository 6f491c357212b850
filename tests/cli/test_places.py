"""Any home and any stream, such as in containers, CI and Windows' consoles, instead of a person's terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from easel.cli.credentials import (
    ServerChoice,
    StoredKeys,
    checked_key,
    credentials_file,
    find_access,
    read_stored,
    store,
)
from easel.cli.errors import CredentialsUnwritableError, NoHomeError

from .conftest import Person

ARROW = "Fix → arrow 料理"


@pytest.fixture
def arrowed(person: Person, slug: str) -> Person:
    person.write(index_html="<!doctype html>")
    person.ok("deploy", "--create", "-m", ARROW)
    return person


def run(person: Person, *arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs `easel …` as a separate process, whose streams a shell may change."""
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, "-m", "easel.cli.main", *arguments]
    around = {**os.environ, **person.environment, **environment}
    return subprocess.run(command, cwd=person.folder, env=around, capture_output=True, check=False)


def test_output_is_possible_in_any_encoding(arrowed: Person) -> None:
    for encoding in ("cp1252", "ascii", "utf-16", "cp1252:strict"):
        told = run(arrowed, "versions", PYTHONIOENCODING=encoding)
        assert (told.returncode, told.stderr) == (0, b""), encoding
        answer = run(arrowed, "versions", "--json", PYTHONIOENCODING=encoding)
        document = json.loads(answer.stdout.decode(encoding.partition(":")[0]))
        assert document["versions"][0]["message"] == ARROW
    told = run(arrowed, "versions", LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (told.returncode, told.stderr) == (0, b"")


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("arguments", [["versions"], ["versions", "--json"], ["deploy", "-m", "x"], ["--help"]])
def test_a_stream_that_is_closed_ends_no_command(arrowed: Person, shell: str, arguments: list[str]) -> None:
    assert run(arrowed, *arguments, shell=shell).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("arguments", [["versions"], ["versions", "--json"]])
def test_output_to_a_full_disk_ends_with_a_sentence(arrowed: Person, arguments: list[str]) -> None:
    ended = run(arrowed, *arguments, shell=">/dev/full")
    assert ended.returncode == 1
    assert ended.stderr.decode().strip() == "The output cannot be written: No space left on device."


def test_a_user_without_a_home_deploys(person: Person, slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError("no such user")

    person.write(index_html="<!doctype html>")
    person.ok("apps", "create", slug)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
        person.environment.pop(name, None)
    key = ["--key", person.platform.api_key, "--server", person.platform.api_url]
    person.ok("deploy", "dist", "--app", slug, "-m", "x", *key)
    person.ok("deploy", "dist", "--create", "--app", slug, "-m", "x", *key)
    refused = person.run("login", *key)
    assert (refused.code, "EASEL_API_KEY" in refused.stderr) == (2, True), refused.stderr
    assert "easel.toml" in {file.name for file in person.folder.iterdir()} == {"dist", "easel.toml"}


def test_an_unwritable_key_file_is_reported_with_an_alternative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc")
    with pytest.raises(CredentialsUnwritableError, match=r"XDG_CONFIG_HOME.*EASEL_API_KEY"):
        store(credentials_file(), StoredKeys(None, {}))
    with pytest.raises(NoHomeError, match="EASEL_API_KEY"):
        store(None, StoredKeys(None, {}))
    assert read_stored(credentials_file()) == read_stored(None) == StoredKeys(None, {})
    monkeypatch.setenv("HOME", "/")
    monkeypatch.chdir(tmp_path)
    assert find_access(ServerChoice(server="http://localhost:1", key="sk_x")).key == "sk_x"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_key_is_read_however_a_shell_redirects_it(person: Person, encoding: str) -> None:
    (person.folder / "key").write_bytes(f"{person.platform.api_key}\r\n".encode(encoding))
    done = run(person, "login", "--server", person.platform.api_url, shell="< key")
    assert done.returncode == 0, done.stderr
    assert checked_key("\ufeffsk_x\n") == "sk_x"


def test_a_missing_folder_is_reported(person: Person) -> None:
    gone = person.folder / "gone"
    gone.mkdir()
    command = 'cd gone && rmdir ../gone && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "easel.cli.main", "status"],
        cwd=person.folder,
        env={**os.environ, **person.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Change to another folder" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_an_unusable_temporary_folder_is_reported_with_the_setting_to_change(
    person: Person, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.write(index_html="<!doctype html>")
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    refused = person.run("deploy", "--create", "-m", "x")
    assert (refused.code, "TMPDIR" in refused.stderr) == (2, True)
    assert person.run("apps", "show", slug).code == 4
