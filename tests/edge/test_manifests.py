"""Manifests on an edge's disk: what is given has the hash that was asked for, and there are never too many."""

from __future__ import annotations

import hashlib
from pathlib import Path

from easel.edge.manifests import KeptManifests


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_was_put_there_is_there_for_the_next_process(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    assert KeptManifests(folder, budget=100).get(named(b"one")) is None
    KeptManifests(folder, budget=100).put(named(b"one"), b"one")
    assert KeptManifests(folder, budget=100).get(named(b"one")) == b"one"


def test_a_damaged_one_is_none_and_makes_room_for_a_whole_one(tmp_path: Path) -> None:
    KeptManifests(tmp_path, budget=100).put(named(b"one"), b"one")
    (tmp_path / named(b"one")).write_bytes(b"\0\0\0")
    kept = KeptManifests(tmp_path, budget=100)
    assert kept.get(named(b"one")) is None
    kept.put(named(b"one"), b"one")
    assert kept.get(named(b"one")) == b"one"


def test_they_take_no_more_than_they_may(tmp_path: Path) -> None:
    (tmp_path / f"{named(b'half')}.77").write_bytes(b"ha")
    for start in (0, 5):
        kept = KeptManifests(tmp_path, budget=30)
        for number in range(start, start + 5):
            kept.put(named(b"%010d" % number), b"%010d" % number)
        assert len(list(tmp_path.iterdir())) == 3
        assert kept.get(named(b"%010d" % (start + 4))) is not None
        assert kept.get(named(b"%010d" % start)) is None
    kept.put(named(b"x" * 31), b"x" * 31)
    assert kept.get(named(b"x" * 31)) is None
    assert len(list(tmp_path.iterdir())) == 3


def test_a_disk_that_takes_nothing_costs_nobody_anything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptManifests(tmp_path / "file", budget=100)
    kept.put(named(b"one"), b"one")
    assert kept.get(named(b"one")) is None
