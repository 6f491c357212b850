"""Two servers of one user: the command line stays with the server that it used."""

from __future__ import annotations

from pathlib import Path

import pytest

from easel.cli.credentials import ServerChoice, find_access
from easel.places import lock_data_dir, remember_data_dir, remembered_data_dir


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("EASEL_DATA_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_second_server_does_not_take_over_the_command_line(home: Path) -> None:
    first, second = home / "first", home / "a second"
    with lock_data_dir(first):
        assert remember_data_dir(first) == ""
        with lock_data_dir(second):
            assert remember_data_dir(second) == f" --data-dir '{second}'"
            assert remembered_data_dir() == first
    with lock_data_dir(second):
        # The first one has ended.
        assert remember_data_dir(second) == ""
    assert remembered_data_dir() == second


def test_a_server_that_nobody_chose_is_named_with_its_data_folder(home: Path) -> None:
    folder = home / "data"
    with lock_data_dir(folder):
        (folder / "api-key").write_text("sk_local")
        remember_data_dir(folder)
        assert find_access(ServerChoice()).data_dir is not None
        assert find_access(ServerChoice(key="sk_a")).data_dir is not None
        assert find_access(ServerChoice(data_dir=folder)).data_dir is None
        assert find_access(ServerChoice(server="http://127.0.0.1:8000")).data_dir is None


def test_the_origin_of_a_key_is_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_access(ServerChoice(key="sk_a")).origin == "the option --key"
    monkeypatch.setenv("EASEL_API_KEY", "sk_a")
    assert find_access(ServerChoice(key="sk_a")).origin == "the variable EASEL_API_KEY"
