"""Objects are lost and damaged in a running Easel. `easel verify` lists each of them, and the versions that need it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import obstore
import pytest

from easel.versions.pruning import Policy
from testbed.databases import Migrated
from testbed.running import Platform, RunningApp, forked_platform
from testbed.stores import moto
from tests.backups.commands import easel, run
from tests.versions.pruning import prune_and_sweep


def page(number: int) -> dict[str, str]:
    script = "".join(f"export const value{n} = {n + number};\n" for n in range(500))
    return {"index.html": f"<!doctype html><title>page {number}</title>", "app.js": script}


@pytest.fixture(scope="module")
def running(migrated: Migrated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Yields a separate platform with its own bucket, which is verified completely."""
    with moto() as bucket:
        platform = forked_platform(tmp_path_factory.mktemp("verify"), **bucket.environment("live"))
        migrated.copy_to(platform.data_dir / "postgres")
        platform.start()
        yield platform
        platform.stop()


@pytest.fixture
def app(running: Platform) -> Iterator[RunningApp]:
    """Yields an app with three versions. The third is live, and the first is on staging."""
    made = RunningApp.create(running)
    for number in (1, 2, 3):
        made.deploy(page(number), source_files={"src/page.txt": f"page {number} of {made.slug}"})
    made.client.post(f"{made.path}/versions/1/restore", json={"environment": "staging"})
    yield made
    made.client.delete(made.path)


def verified(platform: Platform, *arguments: str, expect: int) -> dict[str, Any]:
    """Runs `easel verify`, and returns the JSON document."""
    document: dict[str, Any] = json.loads(run(platform, "verify", "--json", *arguments, expect=expect).stdout)
    return document


def objects_of(app: RunningApp, number: int) -> dict[str, str]:
    """Returns the names of a version's objects."""
    with app.platform.database() as connection:
        row = connection.execute(
            "select manifest_key, bundle_key, source_files_key, object_key from version"
            " left join variants using (app_id, manifest_key) where app_id = %s and number = %s",
            (app.app_id, number),
        ).fetchone()
    assert row is not None
    return dict(zip(("manifest", "bundle", "sources", "variants"), map(str, row), strict=True))


def stored(platform: Platform) -> list[tuple[Any, ...]]:
    return sorted(
        (one["path"], one["size"], one["e_tag"], one["last_modified"])
        for one in obstore.list(platform.objects()).collect()
    )


def damage(platform: Platform, key: str) -> None:
    """Changes a byte in the middle of the object."""
    data = bytearray(obstore.get(platform.objects(), key).bytes())
    data[len(data) // 2] ^= 1
    obstore.put(platform.objects(), key, bytes(data))


def test_an_intact_store_is_reported_and_nothing_is_written(running: Platform, app: RunningApp) -> None:
    running.settle()
    before, scratch = stored(running), sorted((running.data_dir / "scratch").rglob("*"))
    done = run(running, "verify", "--app", app.slug)
    assert done.stdout == ""
    assert "No faults: all " in done.stderr
    uploads = [key for key, *_ in before if key.startswith("app-builds/")]
    made = verified(running, expect=0)
    assert made["whole"] is True
    assert made["faults"] == []
    assert made["objects"] == len(before) - len(uploads)
    assert made["bytes"] == sum(size for key, size, *_ in before if key.startswith(f"apps/{app.app_id}/"))
    assert (stored(running), sorted((running.data_dir / "scratch").rglob("*"))) == (before, scratch)


def test_missing_and_damaged_objects_are_reported_with_the_versions_that_need_them(
    running: Platform, app: RunningApp
) -> None:
    other = RunningApp.create(running)
    other.deploy(page(9))
    running.settle()
    store = running.objects()
    first, second, third = (objects_of(app, number) for number in (1, 2, 3))
    obstore.delete(store, first["sources"])
    damage(running, second["bundle"])
    obstore.delete(store, third["bundle"])
    damage(running, third["variants"])
    damage(running, first["manifest"])

    made = verified(running, expect=1)
    assert made["whole"] is False
    found = {
        fault["key"]: (fault["what"], fault["environments"], fault["versions"])
        for fault in made["faults"]
        if (fault["app_id"], fault["slug"], fault["pruned"]) == (app.app_id, app.slug, [])
    }
    assert found == {
        third["bundle"]: ("missing", ["production"], [3]),
        third["variants"]: ("damaged", ["production"], [3]),
        first["manifest"]: ("damaged", ["staging"], [1]),
        second["bundle"]: ("damaged", [], [2]),
        first["sources"]: ("missing", [], [1]),
    }
    # Faults that visitors can notice come first.
    assert [bool(fault["environments"]) for fault in made["faults"]] == [True, True, True, False, False]

    done = run(running, "verify", expect=1)
    lines = done.stdout.splitlines()
    assert f"LIVE in production of {app.slug}: {third['bundle']} is missing ({app.slug}: version 3)" in lines[:3]
    assert f"{second['bundle']} does not match the hash in its name ({app.slug}: version 2)" in lines[3:]
    assert len(lines) == 5
    assert f"Some of the faulty objects are live: production of {app.slug}, staging of {app.slug}." in done.stderr
    assert "docs/operations/disaster.md" in done.stderr

    assert "No faults: all " in easel(running, "verify", "--app", other.slug)
    assert verified(running, "--app", "no-such-app", expect=4)["error"]["code"] == "app_not_found"


def test_versions_that_share_an_object_are_named_together(running: Platform, app: RunningApp) -> None:
    for colour in ("red", "green"):
        change = {"build_config": {"env_vars": {"COLOUR": colour}}, "publish": True}
        assert app.client.patch(app.path, json=change).status_code == 200
    obstore.delete(running.objects(), objects_of(app, 3)["bundle"])
    (line,) = run(running, "verify", expect=1).stdout.splitlines()
    assert line.startswith(f"LIVE in production of {app.slug}: ")
    assert line.endswith(f"({app.slug}: versions 3-5)")


def test_a_pruned_version_needs_only_its_record(running: Platform, app: RunningApp) -> None:
    second = objects_of(app, 2)
    app.deploy(page(4))
    assert prune_and_sweep(running, app, Policy(count=1, age=None, skew=0)) == [2]
    run(running, "verify")
    obstore.delete(running.objects(), second["manifest"])
    (fault,) = verified(running, expect=1)["faults"]
    assert (fault["key"], fault["versions"], fault["pruned"]) == (second["manifest"], [], [2])


def test_an_unresponsive_store_does_not_count_as_damage(running: Platform) -> None:
    elsewhere = replace(running, environment={**running.environment, "EASEL_OBJECTS_URL": "s3://mistyped/easel"})
    failed = verified(elsewhere, expect=6)
    assert failed["error"]["code"] == "store_refuses"
    assert "There is no bucket `mistyped`" in failed["error"]["message"]
