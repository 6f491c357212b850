"""docs/operations, carried out as written. A machine is installed, backed up, upgraded, lost, damaged and repaired."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from easel.settings import Settings
from testbed.running import RunningApp
from tests.docs.installed import DOCS, ROOT, Installed, commands, install

UNITS = ROOT / "deploy" / "systemd"


@pytest.fixture(scope="module")
def machine() -> Iterator[Installed]:
    """Yields a machine installed as docs/operations/one-machine.md says."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        made = install(Path(folder))
        try:
            files, begin = commands("one-machine.md", "Install")
            made.does(files)
            # "Write your names into it": the settings contain the addresses of this machine.
            made.configure(
                f"EASEL_DOMAIN=localhost\nEASEL_API_URL={made.api_url}\nEASEL_EDGE_SCHEME=http\n"
                f"EASEL_API_PORT={made.api_port}\nEASEL_EDGE_PORT={made.edge_port}\n"
                f"EASEL_WORKER_METRICS_PORT={made.worker_port}"
            )
            said = made.does(begin)
            assert '"status":"ok"' in said
            assert said.rstrip().endswith(made.api_key)
            yield made
        finally:
            made.end()


def page(text: str) -> dict[str, str]:
    return {"index.html": f"<!doctype html><title>{text}</title>"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze; install `systemd`")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS.glob("easel*"):
        # `systemd-analyze` checks whether the program exists.
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/easel/.venv/bin/easel", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    # systemd before 254, as in Debian 12, does not know this setting, and continues.
    said = [line for line in done.stderr.splitlines() if "Unknown key 'DelegateSubgroup'" not in line]
    assert (done.returncode, said) == (0, [])


def test_every_setting_in_the_examples_exists() -> None:
    known = {f"EASEL_{name.upper()}" for name in Settings.model_fields}
    for text in [*UNITS.glob("*.env"), *DOCS.glob("*.md"), ROOT / "docs" / "running.md"]:
        named = set(re.findall(r"\bEASEL_[A-Z_]+[A-Z]\b", text.read_text()))
        assert not {name for name in named - known if "CHAOS" not in name}, text


def test_the_metrics_include_the_memory_of_the_processes(machine: Installed) -> None:
    (command,) = re.findall(r"```sh\n(.*?)```", (DOCS / "sizing.md").read_text(), re.S)
    told = machine.does(command)
    # A builder starts only for a build.
    for role in ("api", "worker", "edge"):
        assert re.search(rf"^easel: {role} \d+ kB$", told, re.M), told


def test_a_faulty_deploy_is_rolled_back_and_stays_rolled_back(machine: Installed) -> None:
    app = RunningApp.create(machine, slug="shop")
    for text in ("good", "broken"):
        app.deploy(page(text))
    back, repaired = commands("disaster.md", "A wrong deploy")
    person = {"EASEL_SERVER": machine.api_url, "EASEL_API_KEY": machine.api_key}
    easel = 'easel() { /opt/easel/.venv/bin/easel "$@"; }\n'
    machine.does(easel + back, person)
    assert "good" in app.visit().text
    assert app.deploy(page("repaired"))["status"] == "complete"
    assert "good" in app.visit().text
    machine.does(easel + repaired, person)
    assert "repaired" in app.visit().text


def test_the_apps_that_fill_a_disk_are_found_and_deleted(machine: Installed) -> None:
    """tests/system/test_full_disk.py tests the behaviour on a full disk."""
    app = RunningApp.create(machine)
    app.deploy(page("large") | {"large.bin": os.urandom(200_000)})
    look, delete = commands("disaster.md", "The disk is full")
    said = machine.does(look)
    told = {name: float(value) for name, value in re.findall(r"^(easel_disk_\w+) (.+)$", said, re.M)}
    assert told["easel_disk_free_bytes"] > told["easel_disk_reserve_bytes"] > 0
    assert re.search(rf"^[2-9]\d\d\t.*/{app.app_id}$", said, re.M), said
    person = {"EASEL_SERVER": machine.api_url, "EASEL_API_KEY": machine.api_key}
    machine.does('easel() { /opt/easel/.venv/bin/easel "$@"; }\n' + delete.replace("shop", app.slug), person)
    assert app.visit().status_code == 404


def test_an_embedded_database_that_was_killed_is_started_again(machine: Installed) -> None:
    app = RunningApp.create(machine)
    app.deploy(page("before"))
    # Without this visit, the edge would keep its earlier routes, because it has not refreshed since the deploy.
    assert "before" in app.visit().text
    file = machine.data_dir / "postgres" / "postmaster.pid"
    before = file.read_text().split()[0]
    os.kill(int(before), signal.SIGKILL)
    assert "before" in app.visit().text
    deadline = time.monotonic() + 60
    while not file.exists() or file.read_text().split()[:1] in ([], [before]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    machine.ready()
    assert app.deploy(page("after"))["status"] == "complete"


def test_objects_that_are_lost_or_damaged_come_back_from_the_backup(machine: Installed) -> None:
    app = RunningApp.create(machine)
    for text in ("one", "two"):
        app.deploy(page(text))
    machine.does("systemctl start easel-backup.service")
    bundles = sorted((machine.data_dir / "objects/apps" / app.app_id / "bundles").iterdir())
    bundles[0].unlink()
    bundles[1].write_bytes(b"damaged")
    look, put_back = commands("disaster.md", "Objects are lost or damaged")
    said = machine.does(look, expect=1)
    assert f"{bundles[0].name} is missing ({app.slug}: version " in said
    assert f"{bundles[1].name} does not match the hash in its name ({app.slug}: version " in said
    assert said.count(f"LIVE in production of {app.slug}: ") == 1
    bundles[1].unlink()
    machine.does(put_back + look)
    for number in (1, 2):
        assert app.client.post(f"{app.path}/versions/{number}/restore", json={}).status_code == 200
        assert app.visit().status_code == 200


def test_lost_parts_are_restored_and_a_failed_upgrade_is_undone(machine: Installed) -> None:
    """The test uses as few starts as possible, because several sections have the same steps."""
    backup, restart = commands("upgrade.md", "One machine")
    (undo,) = commands("upgrade.md", "If it fails")
    (secret_is_lost,) = commands("disaster.md", "The secret key is lost")
    (machine_is_lost,) = commands("disaster.md", "The machine is lost: one machine")
    assert secret_is_lost.endswith(restart.splitlines()[0] + "\n")
    assert set(machine_is_lost.splitlines()) <= {*undo.splitlines(), *restart.splitlines()}

    app = RunningApp.create(machine)
    app.deploy(page("before"))
    machine.does(backup)
    secret = machine.data_dir / "secret-key"
    before = secret.read_text()
    secret.unlink()
    machine.does(secret_is_lost + restart.splitlines()[1])
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (before, 0o600)
    machine.ready()
    assert "before" in app.visit().text

    # The newer release has changed the schema, and does not work.
    app.deploy(page("since"))
    with psycopg.connect(machine.database_url, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    assert "Install the newer Easel" in machine.does("easel-admin migrate", expect=1)
    machine.does(undo + machine_is_lost.splitlines()[-1])
    machine.ready()
    assert "before" in app.visit().text
    assert app.deploy(page("again"))["version"] == 2
