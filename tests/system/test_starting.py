"""Starting Easel: a sentence explains each problem, and the lock file contains all requirements."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from easel.settings import Settings
from easel.settings.unknown import unknown_variables
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.migrate import migrate
from testbed.forking import forks
from testbed.running import Platform, RunningApp, free_port, make_platform
from testbed.stores import Bucket
from tests.system.cluster import answers

ROOT = Path(__file__).parents[2]


def easel(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EASEL_")}
    return forks().run(*arguments, env={**kept, **environment}, cwd=folder)


def test_a_second_easel_on_the_same_folder_says_why_it_does_not_start(platform: Platform, tmp_path: Path) -> None:
    done = easel("serve", "--data-dir", str(platform.data_dir), folder=tmp_path)
    assert done.returncode != 0
    assert "Another `easel serve` is running" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_reported_before_anything_is_created(platform: Platform, tmp_path: Path) -> None:
    ports = ("--api-port", str(platform.api_port), "--edge-port", str(free_port()))
    done = easel("serve", "--data-dir", str(tmp_path / "data"), *ports, folder=tmp_path)
    assert done.returncode != 0
    assert f"127.0.0.1:{platform.api_port}" in done.stderr
    assert "--api-port" in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


@pytest.mark.parametrize("role", ["API", "EDGE", "WORKER"])
def test_a_taken_port_of_a_second_processs_metrics_is_named(platform: Platform, tmp_path: Path, role: str) -> None:
    before = str(platform.api_port - 1)
    ports = ("--api-port", str(free_port()), "--edge-port", str(free_port()))
    second = {f"EASEL_{role}_METRICS_PORT": before, f"EASEL_{role}_PROCESSES": "2"}
    done = easel("serve", "--data-dir", str(tmp_path / "data"), *ports, folder=tmp_path, **second)
    assert done.returncode != 0
    assert f"127.0.0.1:{platform.api_port}" in done.stderr
    assert f"EASEL_{role}_METRICS_PORT" in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_the_first_key_is_shown_on_a_terminal(tmp_path: Path) -> None:
    made = make_platform(tmp_path)
    screen, terminal = pty.openpty()
    ports = ("--api-port", str(made.api_port), "--edge-port", str(made.edge_port))
    with made.log.open("ab") as log:
        made.process = subprocess.Popen(
            [sys.executable, "-m", "easel.cli.main", "serve", "--data-dir", str(made.data_dir), *ports],
            stdout=terminal,
            stderr=log,
            env={**os.environ, **made.environment},
        )
    os.close(terminal)
    said: list[str] = []
    with os.fdopen(screen, encoding="utf-8") as shown:
        # A terminal without users cannot be read (EIO).
        with suppress(OSError):
            for line in shown:
                said.append(line.strip())
                if "easel: Ready" in line:
                    break
        made.stop()
    assert "easel: Ready" in "\n".join(said), made.log.read_text()
    assert f"easel: The first API key is {made.api_key}" in said


@pytest.mark.parametrize("command", ["serve", "worker", "backup"])
def test_an_unknown_variable_is_reported_with_the_similar_known_one(tmp_path: Path, command: str) -> None:
    given = {"EASEL_WORKER_PROCESES": "4", "EASEL_PORT": "tcp://10.0.0.1:80", "EASEL_SERVICE_HOST": "10.0.0.1"}
    place = ["place"] if command == "backup" else []
    # This database does not exist, so nothing is started.
    done = easel(command, *place, folder=tmp_path, EASEL_DATABASE_URL="postgresql://127.0.0.1:1/no", **given)
    said = [line for line in done.stderr.splitlines() if "not a setting" in line]
    assert said == [
        "easel: Warning: EASEL_WORKER_PROCESES is not a setting and has no effect. Did you mean EASEL_WORKER_PROCESSES?"
    ]


def test_metrics_have_ports_of_their_own_whatever_the_public_ones_are() -> None:
    assert [Settings().metrics_port(role) for role in ("api", "edge", "worker")] == [9000, 9080, None]
    assert Settings(api_port=65000).metrics_port("api") == 64000
    assert Settings(edge_metrics_port=0).metrics_port("edge") is None


def test_every_variable_that_is_read_or_written_about_is_known() -> None:
    places = [ROOT / "Makefile", *(ROOT / "deploy").rglob("*"), *(ROOT / "docs").rglob("*.md")]
    places += [file for folder in ("src", "tests", "bench") for file in (ROOT / folder).rglob("*.py")]
    texts = [place.read_text() for place in places if place.is_file() and place != Path(__file__)]
    named = {name for text in texts for name in re.findall(r"\bEASEL_[A-Z_]*[A-Z]\b", text)}
    assert "EASEL_SERVER" in named
    assert unknown_variables(dict.fromkeys(named, ""), Settings.model_fields) == {}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://[::1]:5432/easel",
        "postgresql://easel@/easel?host=/run/postgresql",
        "postgresql://easel:p%40ss@one:5432,two:5432/easel?target_session_attrs=read-write",
        "postgresql://localhost/easel?user=a@b",
    ],
)
def test_addresses_of_databases_are_taken_as_they_are_written(url: str) -> None:
    assert Settings(database_url=url).database_url == url


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ((), {"EASEL_API_PORT": "abc"}, "EASEL_API_PORT cannot be `abc`"),
        (
            (),
            {"EASEL_DATABASE_URL": "mysql://me:secret@host/x"},
            "EASEL_DATABASE_URL cannot be `mysql://***@host/x`",
        ),
        ((), {"EASEL_DATABASE_URL": "postgresql://me:sec/ret@host/x"}, "%40 %3A %2F %25"),
        ((), {"EASEL_SECRET_KEY": "MADE-ONCE"}, "at least 16 characters"),
        (("--api-port", "99999"), {}, "`--api-port` cannot be `99999`"),
        ((), {"EASEL_LOG_LEVEL": "loud"}, "EASEL_LOG_LEVEL cannot be `loud`: write DEBUG"),
        (("--data-dir", "/proc/there-is-no-place"), {}, "/proc/there-is-no-place cannot be used"),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = easel("serve", *arguments, folder=tmp_path, **environment)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [("ftp://host/x", "cannot open an object store"), ("s3://easel/x", "The object store is unavailable")],
)
def test_an_unusable_store_is_reported_at_once(tmp_path: Path, url: str, said: str) -> None:
    nobody = Bucket(free_port(), "easel").environment("x")
    ports = ("--api-port", str(free_port()), "--edge-port", str(free_port()))
    done = easel("serve", *ports, folder=tmp_path, **{**nobody, "EASEL_OBJECTS_URL": url})
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_without_tls_says_how_to_allow_it(tmp_path: Path) -> None:
    plain = {**Bucket(free_port(), "easel").environment("x"), "AWS_ALLOW_HTTP": ""}
    ports = ("--api-port", str(free_port()), "--edge-port", str(free_port()))
    done = easel("serve", *ports, folder=tmp_path, **plain)
    assert done.returncode != 0
    assert f"AWS_ENDPOINT_URL is {plain['AWS_ENDPOINT_URL']}" in done.stderr
    assert "set AWS_ALLOW_HTTP=true" in done.stderr
    assert "again" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_an_unusable_database_is_reported_at_once(tmp_path: Path, command: str) -> None:
    done = easel(command, folder=tmp_path, EASEL_DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{free_port()}/x")
    assert done.returncode != 0
    assert "The database is unavailable" in done.stderr
    assert "Check EASEL_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_one_of_several_machines_makes_no_database_of_its_own(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    for command in (("migrate",), ("backup", str(place)), ("verify",), ("organisation", "x")):
        done = easel(*command, folder=tmp_path, EASEL_ROLE="api")
        assert done.returncode != 0
        assert "the same EASEL_DATABASE_URL" in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_missing_place_of_backups_is_reported(tmp_path: Path) -> None:
    done = easel("restore-backup", str(tmp_path / "mistyped"), folder=tmp_path)
    assert done.returncode != 0
    assert f"There is no backup in {tmp_path / 'mistyped'}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to make a folder of another user's")
def test_the_database_of_another_user_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "postgres"
    folder.mkdir(parents=True)
    shutil.chown(folder, "nobody")
    (folder / "PG_VERSION").write_text("18\n")
    done = easel("migrate", folder=tmp_path)
    assert done.returncode != 0
    assert "belongs to the user nobody" in done.stderr
    assert "Traceback" not in done.stderr
    assert folder.owner() == "nobody"


def test_the_current_folder_never_provides_code(tmp_path: Path) -> None:
    for module in ("fastapi", "uvicorn", "limits", "email"):
        (tmp_path / f"{module}.py").write_text("open('taken', 'w')\n")
    log = tmp_path / "log"
    command = [str(Path(sys.executable).with_name("easel")), "serve", "--data-dir", "data"]
    command += ["--api-port", str(free_port()), "--edge-port", str(free_port())]
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + 180
        while b"easel: Ready." not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(180)
    assert not (tmp_path / "taken").exists()


def test_another_organisation_gets_a_key_of_its_own_and_no_slug_of_others(platform: Platform, tmp_path: Path) -> None:
    app, gone = RunningApp.create(platform), RunningApp.create(platform)
    gone.deploy({"index.html": "<!doctype html>"})
    gone.client.delete(gone.path)
    made = easel("organisation", "Other", "--data-dir", str(platform.data_dir), folder=tmp_path)
    assert made.returncode == 0, made.stderr
    with platform.client(made.stdout.strip()) as client:
        assert client.get("/v1/apps").json()["total_count"] == 0
        assert client.get(app.path).status_code == 404
        refused = client.post("/v1/apps", json={"slug": gone.slug, "meta": {"title": "x"}})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "slug_reserved")
        own = RunningApp.create(platform, key=made.stdout.strip())
        for dry_run in (True, False):
            refused = client.patch(own.path, params={"dry_run": dry_run}, json={"slug": gone.slug})
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "slug_reserved")
    assert RunningApp.create(platform, gone.slug).app_id != gone.app_id
    assert platform.client().get(app.path).status_code == 200


def test_a_folder_without_a_server_is_not_changed(tmp_path: Path) -> None:
    for command in (("organisation", "Other"), ("migrate",)):
        done = easel(*command, "--data-dir", str(tmp_path / "nothing"), folder=tmp_path)
        assert done.returncode != 0
        assert "contains no data of Easel" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_pinned_packages_are_enough_to_run_easel(tmp_path: Path) -> None:
    """The program must not need packages that only the test tools install."""
    uv = Path(sys.executable).with_name("uv")
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(uv), "pip", "install", "--quiet", "--python", str(python)]
    for command in (
        [str(uv), "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")],
        [*install, "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.txt")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    needed = "import easel.running.supervisor, easel.api.application, easel.edge.server, easel.worker.worker, greenlet"
    done = subprocess.run(
        [str(python), "-c", needed],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_last_role_that_runs_alone_stops_the_embedded_database(tmp_path: Path) -> None:
    made = make_platform(tmp_path)
    database = EmbeddedPostgres(made.data_dir / "postgres")
    migrate(database.start())
    database.stop()
    ports = {"EASEL_API_PORT": str(made.api_port), "EASEL_EDGE_PORT": str(made.edge_port)}
    settings = {"EASEL_DATA_DIR": str(made.data_dir), **ports}
    with made.log.open("ab") as log, ExitStack() as started:

        def alone(role: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "easel.cli.main", role]
            process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **settings})
            started.callback(process.kill)
            return process

        edge = alone("edge")
        while not answers(made.edge_port):
            assert edge.poll() is None, made.log.read_text()
            time.sleep(0.05)
        api = alone("api")
        while not answers(made.api_port):
            assert api.poll() is None, made.log.read_text()
            time.sleep(0.05)
        edge.terminate()
        assert edge.wait(180) == -signal.SIGTERM
        assert database.runs
        api.terminate()
        assert api.wait(180) == -signal.SIGTERM
    assert not database.runs
