"""The lines of `easel verify` about a fault."""

from __future__ import annotations

import pytest

from easel.backups.audit import Fault
from easel.cli.server.verify import fault_line, numbers


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ([], ""),
        ([4], "version 4"),
        ([1, 2], "versions 1-2"),
        ([1, 2, 3, 7, 9, 10], "versions 1-3, 7, 9-10"),
    ],
)
def test_consecutive_versions_are_shown_as_a_range(of: list[int], said: str) -> None:
    assert numbers("version", of) == said


def test_a_fault_lists_the_versions_that_need_the_object() -> None:
    both = Fault("apps/a/x", "missing", "is missing", "a", "shop", ["production", "staging"], [3], [1])
    assert fault_line(both) == (
        "LIVE in production and staging of shop: apps/a/x is missing (shop: version 3, pruned version 1)"
    )
    running = Fault("apps/a/x", "missing", "is missing", "a", "shop", [], [], [])
    assert fault_line(running) == "apps/a/x is missing (shop: an unfinished deploy)"
