"""Manifests on an edge's disk: each manifest has the requested hash, and the number of manifests has a limit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from easel.edge.cache.manifests import ManifestCache
from easel.storage.disk_reserve import DiskReserve
from tests.system.chaos.small_disk import small_disk


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_next_process_finds_the_cached_manifests(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    assert ManifestCache(folder, budget=100).get(named(b"one")) is None
    ManifestCache(folder, budget=100).put(named(b"one"), b"one")
    assert ManifestCache(folder, budget=100).get(named(b"one")) == b"one"


def test_a_damaged_manifest_is_a_miss_and_can_be_cached_again(tmp_path: Path) -> None:
    ManifestCache(tmp_path, budget=100).put(named(b"one"), b"one")
    (tmp_path / named(b"one")).write_bytes(b"\0\0\0")
    kept = ManifestCache(tmp_path, budget=100)
    assert kept.get(named(b"one")) is None
    kept.put(named(b"one"), b"one")
    assert kept.get(named(b"one")) == b"one"


def test_cached_manifests_stay_within_their_budget(tmp_path: Path) -> None:
    (tmp_path / f"{named(b'half')}.77").write_bytes(b"ha")
    for start in (0, 5):
        kept = ManifestCache(tmp_path, budget=30)
        for number in range(start, start + 5):
            kept.put(named(b"%010d" % number), b"%010d" % number)
        assert len(list(tmp_path.iterdir())) == 3
        assert kept.get(named(b"%010d" % (start + 4))) is not None
        assert kept.get(named(b"%010d" % start)) is None
    kept.put(named(b"x" * 31), b"x" * 31)
    assert kept.get(named(b"x" * 31)) is None
    assert len(list(tmp_path.iterdir())) == 3


def test_a_manifest_cache_that_cannot_write_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = ManifestCache(tmp_path / "file", budget=100)
    kept.put(named(b"one"), b"one")
    assert kept.get(named(b"one")) is None


def test_a_manifest_whose_file_is_gone_is_cached_again(tmp_path: Path) -> None:
    kept, other = ManifestCache(tmp_path, budget=8), ManifestCache(tmp_path, budget=8)
    kept.put(named(b"one"), b"one")
    other.put(named(b"another"), b"another")
    assert kept.get(named(b"one")) is None
    kept.put(named(b"one"), b"one")
    assert kept.get(named(b"one")) == b"one"
    (tmp_path / named(b"one")).write_bytes(b"\0\0\0")
    assert kept.get(named(b"one")) is None
    kept.put(named(b"one"), b"one")
    assert kept.get(named(b"one")) == b"one"
    # A manifest that is put twice counts once.
    kept.put(named(b"third"), b"third")
    assert kept.get(named(b"one")) == b"one"


def test_a_full_disk_keeps_no_partial_files(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        if disk is None:
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        kept = ManifestCache(disk.folder / "manifests", budget=10**7)
        kept.put(named(b"one"), b"one")
        for number in range(3):
            data = bytes([number]) * 2 * 1024 * 1024
            kept.put(named(data), data)
            assert kept.get(named(data)) is None
        assert [file.name for file in (disk.folder / "manifests").iterdir()] == [named(b"one")]


def test_cached_manifests_leave_the_disks_reserve_free(tmp_path: Path) -> None:
    kept = ManifestCache(tmp_path, budget=10**7, reserve=DiskReserve(tmp_path, str(10**18 - 1)))
    kept.put(named(b"one"), b"one")
    assert kept.get(named(b"one")) is None
    assert not list(tmp_path.iterdir())
