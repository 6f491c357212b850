"""The memory (bytes) that an edge's values use, from measured sizes of CPython's objects and their allocation.
`tests/edge/test_weights.py` compares the sum with the memory of a real process."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

from easel.rules.models import Rules

FILE: Final = 440
"""Memory (bytes) of one file in a decoded manifest: its record, hash, type and numbers, without its path and dict
entry."""
MANIFEST: Final = 1800
"""Memory (bytes) of a manifest without its files, with its cache entry."""
RULE: Final = 700
"""Memory (bytes) of a redirect line or a header block of the usual length in a decoded manifest."""
USUAL_LINE: Final = 100
"""Number of characters of a redirect line or header block of the usual length."""
REMARK: Final = 400
"""Memory (bytes) of a line or note in a decoded manifest that reports a refused rule."""
EARLIER_FILE: Final = FILE + 40
"""Memory (bytes) of a file of an earlier version, which has entries in two dicts."""
VARIANT: Final = 390
"""Memory (bytes) of a variant's entry in the index of variants: a hash, a pair of numbers, and their dict entry."""
SITE: Final = 3200
"""Memory (bytes) of a live site without cached responses."""
PREPARED: Final = 750
"""Memory (bytes) of a prepared response without its content."""
PAGE: Final = 900
"""Memory (bytes) of a page without its content."""
HOST: Final = 280
"""Memory (bytes) of the entry of a Host header in the look-up of sites, without the header's text."""
VERSION: Final = 560
"""Memory (bytes) of the route of a version's own address."""
MAPPED: Final = 700
"""Memory (bytes) of a memory-mapped bundle, and of a file in memory without its content."""
HELD: Final = 1600
"""Memory (bytes) of the entry of a bucket's object in the disk cache, without its blocks."""
BLOCK: Final = 65
"""Memory (bytes) of one cached block of a bucket's object."""
LEFT: Final = 230
"""Memory (bytes) of the entry of a cached file that an ended process has left on disk."""
STAMPED: Final = 420
"""Memory (bytes) of a stamped response without the texts of both heads, and without the prepared answer."""
REMEMBERED: Final = 450
"""Memory (bytes) of a cached request head without its text, with a host and path of the usual length."""
ENCODINGS: Final = 600
"""Memory (bytes) of a parsed Accept-Encoding header without its text. It is cached twice: for the fast path, and in
`serving/negotiate.py`."""
APP: Final = 324
"""Memory (bytes) of an app's routes, without its texts, its environments and its dict entries."""
SLUG_FORMS: Final = 12 * 112
"""Memory (bytes) of all shortened forms of a long slug."""
ENVIRONMENT: Final = 238
"""Memory (bytes) of an environment's route, without its earlier versions."""


def of_rules(rules: Rules) -> int:
    """Returns the memory (bytes) of a version's rules. Lines of the usual length count as constants, and longer lines
    add their excess."""
    lines = len(rules.redirects) + len(rules.headers)
    text = sum(len(line.source) + len(line.target) for line in rules.redirects)
    text += sum(len(name) + len(value or "") for block in rules.headers for name, value in block.headers)
    remarks = len(rules.refused) + len(rules.notes)
    return RULE * lines + max(0, text - USUAL_LINE * lines) + REMARK * remarks


def of_text(value: str | bytes) -> int:
    """Returns the memory (bytes) of a string, rounded up to a multiple of sixteen bytes."""
    return sys.getsizeof(value) + 15 & ~15


def of_texts(values: Collection[str]) -> int:
    """Returns the memory (bytes) of many strings."""
    return sum(map(sys.getsizeof, values)) + 8 * len(values)
