"""The freshness page."""

from __future__ import annotations

import contextlib
from pathlib import Path

from easel.storage.freshness import SLOTS, FreshnessPage, slot_of


def test_a_bump_is_seen_by_every_process_that_maps_the_page(tmp_path: Path) -> None:
    writer, reader = FreshnessPage(tmp_path / "page"), FreshnessPage(tmp_path / "page")
    slot = slot_of("app_0123456789abcdef")
    before = reader.view[slot]
    writer.bump(slot)
    assert reader.view[slot] != before
    assert slot != 0


def test_an_existing_freshness_page_is_bumped_on_a_full_disk_too(small_disk: Path) -> None:
    page = FreshnessPage(small_disk / "page")
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))
    page.bump(SLOTS - 1)
    assert page.view[SLOTS - 1] == 1
