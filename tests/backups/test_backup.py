"""A backup is made while Easel runs and deploys. Then everything is destroyed, and the backup restores all of it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import obstore
import pytest

from easel.versions.pruning import Policy
from testbed.databases import Migrated
from testbed.running import Platform, RunningApp, forked_platform, zip_of
from testbed.stores import moto
from tests.backups.commands import easel
from tests.versions.pruning import prune_and_sweep


def page(number: int) -> dict[str, str]:
    return {"index.html": f"<!doctype html><title>page {number}</title>", "only.txt": f"file {number}"}


def everything(app: RunningApp) -> object:
    """Returns all that a user can see of an app: every version with its hashes, every pointer, the deploys and their
    logs."""
    versions = app.client.get(f"{app.path}/versions").json()["versions"]
    details = [app.client.get(f"{app.path}/versions/{v['version']}").json() for v in versions]
    deploys = app.client.get(f"{app.path}/deploys", params={"limit": 100}).json()["deploys"]
    logs = [app.client.get(f"{app.path}/deploys/{d['deploy_id']}/logs/stream").text for d in deploys]
    repository = app.client.get(f"{app.path}/connect-repo").json()
    return json.loads(json.dumps([app.client.get(app.path).json(), repository, details, deploys, logs]))


@pytest.fixture(scope="module")
def shared(migrated: Migrated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = forked_platform(tmp_path_factory.mktemp("backup"))
    migrated.copy_to(platform.data_dir / "postgres")
    yield platform
    if platform.process is not None and platform.process.poll() is None:
        platform.stop()


@pytest.fixture
def running(shared: Platform) -> Platform:
    """Returns a running platform, whatever the previous test did to it."""
    if shared.process is None or shared.process.poll() is not None:
        shared.start()
    return shared


def test_a_backup_restores_everything_after_everything_was_destroyed(running: Platform, tmp_path: Path) -> None:
    place = str(tmp_path / "backups")
    app = RunningApp.create(running)
    for number in (1, 2, 3):
        app.deploy(page(number), source_files={"src/page.txt": f"page {number}"})
    app.client.patch(app.path, json={"build_config": {"secrets": {"TOKEN": "hidden"}}, "publish": True})
    app.client.post(f"{app.path}/versions/2/restore", json={"lock": True, "lock_reason": "kept"})
    app.client.post(f"{app.path}/versions/1/restore", json={"environment": "staging"})
    connected = {"repo_url": "git@github.com:team/shop.git", "root": "web"}
    app.client.post(f"{app.path}/connect-repo", json=connected).raise_for_status()
    other = RunningApp.create(running)
    other.deploy(page(9))
    gone = RunningApp.create(running)
    gone.deploy(page(8))
    gone.client.delete(gone.path)
    pruned = RunningApp.create(running)
    for number in (1, 2, 3):
        pruned.deploy(page(number))
    prune_and_sweep(running, pruned, Policy(count=1, age=None, skew=0))
    waiting = app.upload(zip_of(page(4)))
    running.settle()
    first = easel(running, "backup", place)
    assert "Backup" in first
    # Removed objects are no damage.
    assert "missing" not in first
    # Uploads and variants are also copied only once.
    assert ". 0 objects were copied now" in easel(running, "backup", place)
    again = zip_of(page(5))
    obstore.put(running.objects(), waiting, again)

    # The next backup is made during deploys.
    stop = threading.Event()

    def keep_deploying() -> None:
        number = 10
        while not stop.is_set():
            other.deploy(page(number))
            number += 1

    busy = threading.Thread(target=keep_deploying)
    busy.start()
    try:
        queued = RunningApp.create(running)
        key = queued.upload(zip_of(page(1)))
        ids = [queued.order(key) for _ in range(5)]
        easel(running, "backup", place)
    finally:
        stop.set()
        busy.join()
    assert (Path(place) / "objects" / waiting).read_bytes() == again

    before, before_pruned = everything(app), everything(pruned)
    running.stop()
    shutil.rmtree(running.data_dir)
    assert "Restored" in easel(running, "restore-backup", place)
    assert "already contains apps" in easel(running, "restore-backup", place, expect=7)
    running.start()
    assert everything(app) == before
    assert everything(pruned) == before_pruned
    assert app.visit().headers["x-easel-version"] == "2"
    assert app.visit(environment="staging").headers["x-easel-version"] == "1"
    assert app.visit(environment="v3").text.endswith("<title>page 3</title>")
    assert app.client.post(f"{app.path}/versions/3/restore", json={}).json()["error"]["code"] == "environment_locked"
    download = app.client.get(f"{app.path}/versions/2/download").json()["download_url"]
    assert httpx.get(download, trust_env=False, timeout=60).status_code == 200
    numbers = [v["version"] for v in other.client.get(f"{other.path}/versions").json()["versions"]]
    assert numbers == list(range(len(numbers), 0, -1))
    assert app.deploy(page(4))["version"] == 5
    # The deploys that were queued during the backup end now.
    ended = [queued.wait(deploy_id) for deploy_id in ids]
    assert [deploy["status"] for deploy in ended] == ["complete"] * 5
    assert [deploy["version"] for deploy in ended] == list(range(1, 6))


def test_a_backup_moves_to_a_bucket_and_from_there_to_another_store(running: Platform, tmp_path: Path) -> None:
    app = RunningApp.create(running)
    app.deploy(page(1))
    before = everything(app)
    with moto() as bucket:
        running.environment.update(
            {name: value for name, value in bucket.environment("x").items() if name.startswith("AWS_")}
        )
        easel(running, "export", "s3://easel/moved")
        moved = forked_platform(tmp_path / "two", **bucket.environment("live"))
        moved.data_dir.parent.mkdir()
        easel(moved, "import", "s3://easel/moved")
        moved.start()
        try:
            there = RunningApp(moved, moved.client(running.api_key), app.app_id, app.slug)
            seen = json.dumps(everything(there)).replace(f":{moved.edge_port}/", f":{running.edge_port}/")
            assert json.loads(seen) == before
            assert there.visit().text.endswith("<title>page 1</title>")
        finally:
            moved.stop()


def test_a_damaged_backup_is_not_restored(running: Platform, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    app = RunningApp.create(running)
    app.deploy(page(1))
    easel(running, "backup", str(place))
    assert place.stat().st_mode & 0o077 == 0
    assert "is running on" in easel(running, "restore-backup", str(place), expect=7)
    fresh = forked_platform(tmp_path / "fresh")
    fresh.data_dir.parent.mkdir()
    assert "There is no backup" in easel(fresh, "restore-backup", str(tmp_path / "nothing"), expect=4)
    assert not (fresh.data_dir / "postgres").exists()
    (bundle,) = (place / "objects" / "apps" / app.app_id / "bundles").iterdir()
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"X")
    assert "The backup is damaged" in easel(fresh, "restore-backup", str(place), expect=1)
    # An object is missing in the live store. The output names this object, and the backup contains all other objects.
    obstore.delete(running.objects(), f"apps/{app.app_id}/bundles/{bundle.name}")
    bundle.unlink()
    assert f"{bundle.name} is missing" in easel(running, "backup", str(place), expect=1)


def test_a_missing_bucket_for_backups_is_reported_by_name(running: Platform) -> None:
    with moto() as bucket:
        given = {name: value for name, value in bucket.environment("").items() if name.startswith("AWS_")}
        there = replace(running, environment={**running.environment, **given})
        for command in ("backup", "restore-backup"):
            fresh = replace(there, data_dir=running.data_dir.with_name("fresh")) if command != "backup" else there
            said = easel(fresh, command, "s3://mistyped/easel", expect=6)
            assert "There is no bucket `mistyped`" in said
            assert "Traceback" not in said
        assert "cannot be stored at `ftp://host/x`" in easel(there, "backup", "ftp://host/x", expect=2)
        plain = replace(there, environment={**there.environment, "AWS_ALLOW_HTTP": ""})
        assert "set AWS_ALLOW_HTTP=true" in easel(plain, "backup", "s3://easel/x", expect=2)


@pytest.mark.parametrize("key", ["", "apps", "apps/x"])
def test_a_malformed_object_name_is_reported_and_everything_else_is_backed_up(
    running: Platform, tmp_path: Path, key: str
) -> None:
    app = RunningApp.create(running)
    app.deploy(page(1))
    with running.database() as connection:
        connection.execute(
            "insert into version (app_id, number, org_id, kind, environment, manifest_key, config, config_hash,"
            " content_hash, file_count, total_bytes, deployed_at) select app_id, 2, org_id, 'deploy', 'staging', %s,"
            " config, config_hash, content_hash, 1, 1, now() from version where app_id = %s",
            (key, app.app_id),
        )
    said = easel(running, "backup", str(tmp_path / "backups"), expect=1)
    assert f"NOT backed up correctly: the object `{key}` does not have the form" in said
    assert list((tmp_path / "backups" / "objects" / "apps" / app.app_id / "bundles").iterdir())
    app.client.delete(app.path)
