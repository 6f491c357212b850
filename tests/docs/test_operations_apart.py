"""docs/operations for several machines, carried out as written, on a PostgreSQL and a bucket."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import obstore
import psycopg
import pytest

from testbed.running import RunningApp, free_port
from tests.apart import own_database
from tests.conftest import Platforms
from tests.docs.installed import DOCS, Installed, commands, install

BACKUPS = "s3://easel-backups/easel"


def page(text: str) -> dict[str, str]:
    return {"index.html": f"<!doctype html><title>{text}</title>"}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Yields the URL of the superuser of a PostgreSQL."""
    with (
        tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder,
        own_database(Path(folder) / "database") as url,
    ):
        yield url


@pytest.fixture(scope="module")
def machine(platforms: Platforms, database: str) -> Iterator[Installed]:
    """Returns one of several machines. All machines have the same configuration."""
    aws = {name: value for name, value in platforms("moto").environment.items() if name.startswith("AWS_")}
    httpx.put(f"{aws['AWS_ENDPOINT_URL']}/easel-backups", trust_env=False, timeout=60).raise_for_status()
    (sql,) = re.findall(r"```sql\n(.*?)```", (DOCS / "several-machines.md").read_text(), re.S)
    with psycopg.connect(database, autocommit=True) as superuser:
        for statement in sql.strip().split(";\n"):
            superuser.execute(statement.rstrip(";").encode())
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        made = install(Path(folder))
        try:
            made.does(commands("one-machine.md", "Install")[0].replace("one-machine.env", "several-machines.env"))
            secret = made.does(commands("several-machines.md", "Once")[0]).strip()
            made.environment |= {"EASEL_DATABASE_URL": named(database, "easel")}
            made.environment |= {**aws, "EASEL_OBJECTS_URL": "s3://easel/operations"}
            settings = {
                **made.environment,
                "EASEL_SECRET_KEY": secret,
                "EASEL_API_HOST": "127.0.0.1",
                "EASEL_EDGE_HOST": "127.0.0.1",
                "EASEL_METRICS_HOST": "127.0.0.1",
                "EASEL_API_PORT": str(made.api_port),
                "EASEL_EDGE_PORT": str(made.edge_port),
                "EASEL_API_URL": made.api_url,
                "EASEL_DOMAIN": "localhost",
                "EASEL_WORKER_METRICS_PORT": str(made.worker_port),
                "EASEL_BUILDER_METRICS_PORT": str(free_port()),
            }
            made.configure("\n".join(f"{name}={value}" for name, value in settings.items()))
            prepare, begin = commands("several-machines.md", "On each machine")
            made.key = made.does(prepare).split()[-1]
            made.does(begin)
            made.ready()
            yield made
        finally:
            made.end()


def named(url: str, database: str, password: str = "PASSWORD") -> str:
    """Returns the URL of another database of the same server, for Easel's own user."""
    parts = urlsplit(url)
    if parts.hostname is None:  # The URL uses a socket, which requires no password.
        return parts._replace(netloc="easel@", path=f"/{database}").geturl()
    return parts._replace(netloc=f"easel:{password}@{parts.hostname}:{parts.port}", path=f"/{database}").geturl()


def test_bucket_and_database_are_lost_and_restored(machine: Installed, database: str) -> None:
    app = RunningApp.create(machine)
    app.deploy(page("one"))
    machine.does(commands("upgrade.md", "Several machines")[0])
    machine.does(f"easel-admin backup {BACKUPS}")

    obstore.delete(store := machine.objects(), [one["path"] for one in obstore.list(store).collect()])
    assert app.client.post(f"{app.path}/versions/1/restore", json={}).json()["error"]["code"] == "version_damaged"
    copy, look = commands("disaster.md", "The bucket is lost")
    assert f"LIVE in production of {app.slug}: " in machine.does(look, expect=1)
    rclone = {
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_PROVIDER": "Other",
        "RCLONE_CONFIG_STORE_ENDPOINT": machine.environment["AWS_ENDPOINT_URL"],
        "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": machine.environment["AWS_ACCESS_KEY_ID"],
        "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": machine.environment["AWS_SECRET_ACCESS_KEY"],
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    machine.does(copy.replace("store:easel/objects", "store:easel/operations"), rclone)
    assert "No faults: all " in machine.does(look)
    assert app.client.post(f"{app.path}/versions/1/restore", json={}).status_code == 200

    assert app.deploy(page("since the backup"))["version"] == 2
    machine.does("systemctl stop easel.service")
    with psycopg.connect(database, autocommit=True) as superuser:
        superuser.execute("create database another owner easel")
    machine.configure(f"EASEL_DATABASE_URL={named(database, 'another')}")
    bring_back, begin = commands("disaster.md", "The database is lost: several machines")
    machine.does("easel-admin migrate")
    machine.does(bring_back)
    machine.does(begin)
    machine.ready()
    assert "one" in app.visit().text
    assert app.deploy(page("another second"))["version"] == 2
    assert "another second" in app.visit(environment="v2").text
