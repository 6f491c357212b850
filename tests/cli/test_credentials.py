"""The choice of server and key, and the storage of keys."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from easel.cli.credentials import (
    ServerAccess,
    ServerChoice,
    StoredKeys,
    credentials_file,
    find_access,
    read_stored,
    server_address,
    store,
)
from easel.cli.errors import ApiKeyMalformedError, CredentialsUnreadableError, NotSignedInError, ServerAddressError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("EASEL_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def local_server(folder: Path, api_url: str, key: str) -> Path:
    folder.mkdir()
    (folder / "api-key").write_text(key + "\n")
    (folder / "server.json").write_text(json.dumps({"api_url": api_url, "edge_url": "http://localhost:8080"}))
    return folder


def test_only_their_owner_can_read_stored_keys(home: Path) -> None:
    file = credentials_file()
    assert file is not None
    assert file == home / "config" / "easel" / "credentials.toml"
    kept = StoredKeys(default="https://a.example", keys={"https://a.example": "sk_a", "http://localhost:8000": "sk_b"})
    store(file, kept)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_stored(file) == kept
    assert [entry.name for entry in file.parent.iterdir()] == ["credentials.toml"]


def test_options_win_over_the_stored_login_and_the_stored_login_over_the_local_server(home: Path) -> None:
    local_server(home / "data", "http://127.0.0.1:8123", "sk_local")
    assert find_access(ServerChoice()) == ServerAccess("http://127.0.0.1:8123", "sk_local")
    store(credentials_file(), StoredKeys("https://a.example", {"https://a.example": "sk_a"}))
    assert find_access(ServerChoice()) == ServerAccess("https://a.example", "sk_a")
    assert find_access(ServerChoice(server="b.example", key="sk_b")) == ServerAccess("https://b.example", "sk_b")
    assert find_access(ServerChoice(server="localhost:8123")) == ServerAccess("http://127.0.0.1:8123", "sk_local")
    assert find_access(ServerChoice(data_dir=home / "data")) == ServerAccess("http://127.0.0.1:8123", "sk_local")


def test_a_key_is_only_sent_to_the_server_for_which_it_was_stored() -> None:
    store(credentials_file(), StoredKeys("https://a.example", {"https://a.example": "sk_a"}))
    with pytest.raises(NotSignedInError, match=r"evil\.example"):
        find_access(ServerChoice(project_server="https://evil.example"))


def test_a_command_without_a_key_says_how_to_get_one() -> None:
    with pytest.raises(NotSignedInError, match="easel login"):
        find_access(ServerChoice())


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("localhost:8000", "http://localhost:8000"),
        ("127.0.0.1:1", "http://127.0.0.1:1"),
        ("easel.example.com/", "https://easel.example.com"),
        ("http://10.0.0.7:8000", "http://10.0.0.7:8000"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_may_be_written_in_short_form(given: str, used: str) -> None:
    assert server_address(given) == used


@pytest.mark.parametrize("given", ["", "ftp://x", "http://", "http://u:p@x", "http://x:port", "http://a b", "x?y=1"])
def test_a_text_that_is_no_server_address_is_refused(given: str) -> None:
    with pytest.raises(ServerAddressError):
        server_address(given)


def test_a_malformed_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(ApiKeyMalformedError) as caught:
        find_access(ServerChoice(server="localhost:1", key="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_a_damaged_file_is_reported() -> None:
    file = credentials_file()
    assert file is not None
    file.parent.mkdir(parents=True)
    file.write_text("servers = [")
    with pytest.raises(CredentialsUnreadableError, match=r"credentials\.toml"):
        find_access(ServerChoice())
