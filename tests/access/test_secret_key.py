"""One database has one secret key: an api with a different key does not start."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from easel.access import instance_key
from easel.access.secrets import Vault
from easel.apps.config import seal
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.migrate import migrate
from testbed.databases import Migrated
from testbed.forking import forks
from testbed.running import RunningApp, forked_platform, free_port
from tests.system.cluster import answers
from tests.system.test_starting import easel

FIRST, SECOND = "the first key, of 16 or more", "another key, of 16 or more"


@pytest.fixture(scope="module")
def server(migrated: Migrated) -> Iterator[str]:
    """Yields a server with a database that has the schema."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        migrated.copy_to(Path(folder) / "postgres")
        server = EmbeddedPostgres(Path(folder) / "postgres")
        yield server.start()
        server.stop()


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """Yields a migrated database of an operator."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database own template postgres")
        yield server.replace("/postgres?", "/own?")
        connection.execute("drop database own (force)")


def runs(folder: Path, **environment: str) -> None:
    """Starts an api, and checks that it responds."""
    port = free_port()
    process = forks().start("api", "--api-port", str(port), env={**os.environ, **environment}, cwd=folder)
    try:
        while not answers(port):
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait()


def test_an_api_with_another_key_is_refused_until_the_first_is_said_to_be_lost(url: str, tmp_path: Path) -> None:
    ports = {"EASEL_API_PORT": str(free_port()), "EASEL_EDGE_PORT": str(free_port())}
    first = {"EASEL_DATABASE_URL": url, "EASEL_SECRET_KEY": FIRST, **ports}
    second = {**first, "EASEL_SECRET_KEY": SECOND}
    runs(tmp_path, **first)
    for command in ("api", "serve"):
        refused = easel(command, folder=tmp_path, **second)
        assert refused.returncode != 0
        assert "EASEL_SECRET_KEY does not match the secret key" in refused.stderr
        assert "Traceback" not in refused.stderr
    with psycopg.connect(url) as connection:
        known = connection.execute("select value from instance").fetchall()
    assert len(known) == 1
    assert FIRST not in str(known)
    assert easel("new-secret-key", folder=tmp_path, **second).returncode == 0
    runs(tmp_path, **second)


def sealed_by(secret: str) -> str:
    """Returns a configuration with a secret under this key."""
    return json.dumps(seal(Vault(secret), {"build_config": {"secrets": {"TOKEN": "a secret"}}}, {}))


def add_app(url: str, name: str, *, day: int, draft: str = "{}", published: str = "{}") -> None:
    """Adds an app whose last change was on that day of the month."""
    with psycopg.connect(url) as connection:
        connection.execute("insert into organisation (id, name) values ('org_1', '') on conflict do nothing")
        connection.execute(
            "insert into app (id, org_id, slug, is_active, draft, published, last_version, last_sequence,"
            " created_at, updated_at) values (%s, 'org_1', %s, true, %s, %s, 0, 0, now(), make_date(2026, 1, %s))",
            (name, name, draft, published, day),
        )


def add_answer(url: str, secret: str) -> None:
    """Adds a response that an api with this key remembered."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into remembered_answer (org_id, key_id, key, request_hash, status, body, created_at)"
            " values ('org_1', 'key_1', %s, '', 200, %s, now())",
            (secret, Vault(secret).seal("{}")),
        )


@pytest.mark.parametrize("where", ["draft", "published", "answer"])
def test_the_first_key_after_the_migration_must_decrypt_the_stored_secrets(url: str, where: str) -> None:
    if where == "answer":
        add_answer(url, FIRST)
    else:
        add_app(url, "sealed", day=1, **{where: sealed_by(FIRST)})
    add_app(url, "plain", day=2, draft=json.dumps({"meta": {"title": "$sealed"}}))
    for _ in range(2):
        with pytest.raises(instance_key.SecretKeyDiffersError):
            instance_key.recognise(url, Vault(SECOND), source="EASEL_SECRET_KEY")
    with psycopg.connect(url) as connection:
        assert connection.execute("select value from instance").fetchall() == []
    instance_key.recognise(url, Vault(FIRST), source="EASEL_SECRET_KEY")
    with psycopg.connect(url) as connection:
        assert connection.execute("select value from instance").fetchall() == [(Vault(FIRST).fingerprint,)]


@pytest.mark.parametrize(
    "config",
    [
        {"hero": {"props": {"$sealed": "no secret"}}},
        {"auth_config": {"api_keys": [{"label": {"$sealed": "no secret"}, "key_id": {"$sealed": "no secret"}}]}},
        {"build_config": {"env_vars": {"$sealed": "no secret"}, "secrets": None}, "auth_config": {"api_keys": None}},
    ],
)
def test_a_value_that_only_resembles_a_secret_does_not_prevent_a_key(url: str, config: dict[str, object]) -> None:
    migrate(url)
    add_app(url, "lookalike", day=1, draft=json.dumps(config))
    instance_key.recognise(url, Vault(FIRST), source="EASEL_SECRET_KEY")


def test_a_secret_of_an_entry_of_api_keys_is_sealed_as_well(url: str) -> None:
    migrate(url)
    config = {"auth_config": {"api_keys": [{"label": "one", "Client_Secret": "a secret"}]}}
    add_app(url, "sealed", day=1, published=json.dumps(seal(Vault(FIRST), config, {})))
    with pytest.raises(instance_key.SecretKeyDiffersError):
        instance_key.recognise(url, Vault(SECOND), source="EASEL_SECRET_KEY")
    instance_key.recognise(url, Vault(FIRST), source="EASEL_SECRET_KEY")


def test_a_key_that_decrypts_some_stored_secrets_is_accepted(url: str) -> None:
    """The previous key was lost earlier. The values encrypted under it were never set again."""
    add_app(url, "older", day=1, draft=sealed_by(FIRST), published=sealed_by(FIRST))
    add_app(url, "newer", day=2, draft=sealed_by(SECOND), published=sealed_by(FIRST))
    add_answer(url, FIRST)
    instance_key.recognise(url, Vault(SECOND), source="EASEL_SECRET_KEY")
    with pytest.raises(instance_key.SecretKeyDiffersError):
        instance_key.recognise(url, Vault(FIRST), source="EASEL_SECRET_KEY")


def test_an_operator_can_confirm_a_new_key(url: str) -> None:
    add_app(url, "sealed", day=1, draft=sealed_by(FIRST))
    instance_key.replace(url, Vault(SECOND))
    instance_key.recognise(url, Vault(SECOND), source="EASEL_SECRET_KEY")


def test_apis_that_start_at_once_keep_one_key(url: str) -> None:

    def start(secret: str) -> str | None:
        try:
            instance_key.recognise(url, Vault(secret), source="EASEL_SECRET_KEY")
        except instance_key.SecretKeyDiffersError:
            return None
        return secret

    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(start, [FIRST, SECOND] * 4)) - {None}
    assert len(kept) == 1


def test_a_lost_key_of_the_data_folder_is_replaced_and_reported(tmp_path: Path, migrated: Migrated) -> None:
    platform = forked_platform(tmp_path)
    migrated.copy_to(platform.data_dir / "postgres")
    platform.start()
    try:
        app = RunningApp.create(platform)
        platform.stop()
        assert "secret key has changed" not in platform.log.read_text()
        (platform.data_dir / "secret-key").unlink()
        platform.start()
        assert platform.log.read_text().count("The secret key has changed") == 1
        assert app.deploy({"index.html": "<!doctype html>"})["status"] == "complete"
    finally:
        platform.stop()
