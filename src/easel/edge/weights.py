"""The memory (bytes) of an edge's values: measured sizes of CPython's objects and their allocation.

`tests/edge/test_weights.py` compares the sum with the memory of a real process.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

from easel.rules.models import Rules

FILE: Final = 440
"""Memory (bytes) of one file in a decoded manifest: its record, hash, type and numbers, without its path and dict
entry."""
MANIFEST: Final = 1800
"""A manifest without its files, with its cache entry."""
RULE: Final = 700
"""Memory (bytes) of a redirect line or a header block of the usual length in a decoded manifest."""
USUAL_LINE: Final = 100
"""Characters of a usual line."""
REMARK: Final = 400
"""A refused line or a note of a decoded manifest."""
EARLIER_FILE: Final = FILE + 40
"""A file of an earlier version, which has entries in two dicts."""
VARIANT: Final = 390
"""The place of a variant: a hash, a pair of numbers, and their dict entry."""
SITE: Final = 3200
"""A live site without cached answers."""
PREPARED: Final = 750
"""A prepared answer without its bytes."""
PAGE: Final = 900
"""A page without its bytes."""
HOST: Final = 280
"""A Host header of a site, without its bytes."""
VERSION: Final = 560
"""The route of a version's own address."""
MAPPED: Final = 700
"""A mapped bundle of a folder store."""
HELD: Final = 1600
"""A bucket's object on disk, without its blocks."""
BLOCK: Final = 65
"""One cached block of such an object."""
LEFT: Final = 230
"""A file on disk that is known only by its name."""
REMEMBERED: Final = 450
"""A cached request, without its bytes, with a host and path of the usual length."""
ENCODINGS: Final = 600
"""The parsed form of an Accept-Encoding header, here and in `serving/negotiate.py`, without its bytes."""
APP: Final = 324
"""An app's routes, without its texts, its environments and its dict entries."""
SLUG_FORMS: Final = 12 * 112
"""All shortened forms of a long slug."""
ENVIRONMENT: Final = 238
"""An environment's route, without its earlier versions."""


def of_rules(rules: Rules) -> int:
    """Returns the memory of a version's rules: lines of the usual length, and the excess of longer ones."""
    lines = len(rules.redirects) + len(rules.headers)
    text = sum(len(line.source) + len(line.target) for line in rules.redirects)
    text += sum(len(name) + len(value or "") for block in rules.headers for name, value in block.headers)
    remarks = len(rules.refused) + len(rules.notes)
    return RULE * lines + max(0, text - USUAL_LINE * lines) + REMARK * remarks


def of_text(value: str | bytes) -> int:
    """Returns the memory of a text, rounded up to sixteen bytes."""
    return sys.getsizeof(value) + 15 & ~15


def of_texts(values: Collection[str]) -> int:
    """Returns the bytes of many texts."""
    return sum(map(sys.getsizeof, values)) + 8 * len(values)
