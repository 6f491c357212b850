"""How many bytes of memory there are in an edge's things: the sizes CPython and its allocator give them, measured.

`tests/edge/test_weights.py` holds the sum of all of them against the memory that a process really takes.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Final

from easel.rules.models import Rules

FILE: Final = 440
"""A file of a decoded manifest without its path and its place in a dict: the record, its hash, type and numbers."""
MANIFEST: Final = 1800
"""A manifest without its files, and that it is known by its key."""
RULE: Final = 700
"""A redirect line or header block of a decoded manifest, of the usual length."""
USUAL_LINE: Final = 100
"""Characters of one."""
REMARK: Final = 400
"""A refused line, or a remark on one, of a decoded manifest."""
EARLIER_FILE: Final = FILE + 40
"""A file of an earlier version, which is in two dicts."""
VARIANT: Final = 390
"""A variant's place: a hash, a pair of numbers, and their place in a dict."""
SITE: Final = 3200
"""A live site that has answered nothing yet."""
PREPARED: Final = 750
"""A prepared answer without its bytes."""
PAGE: Final = 900
"""A page without its bytes."""
HOST: Final = 280
"""A Host header that leads to a site, without its bytes."""
VERSION: Final = 560
"""The route of a version's own address."""
MAPPED: Final = 700
"""A mapped bundle of a folder store."""
HELD: Final = 1600
"""A bucket's object on disk, without its blocks."""
BLOCK: Final = 65
"""A block of such an object."""
LEFT: Final = 230
"""A file on disk, by its name."""
REMEMBERED: Final = 450
"""A request that need not be parsed again, without its bytes, and with a host and path of the usual length."""
ENCODINGS: Final = 600
"""What an Accept-Encoding header comes to, here and where it was parsed (`serving/negotiate.py`), without its bytes."""
APP: Final = 324
"""An app's routes, without its texts, its environments and its places in dicts."""
SLUG_FORMS: Final = 12 * 112
"""All that a long slug is cut to in its other addresses."""
ENVIRONMENT: Final = 238
"""An environment's route, without its earlier versions."""


def of_rules(rules: Rules) -> int:
    """Bytes of a version's rules: lines of the usual length, and all that is longer."""
    lines = len(rules.redirects) + len(rules.headers)
    text = sum(len(line.source) + len(line.target) for line in rules.redirects)
    text += sum(len(name) + len(value or "") for block in rules.headers for name, value in block.headers)
    remarks = len(rules.refused) + len(rules.notes)
    return RULE * lines + max(0, text - USUAL_LINE * lines) + REMARK * remarks


def of_text(value: str | bytes) -> int:
    """Bytes of a text in memory, rounded up to sixteen."""
    return sys.getsizeof(value) + 15 & ~15


def of_texts(values: Collection[str]) -> int:
    """Bytes of many texts."""
    return sum(map(sys.getsizeof, values)) + 8 * len(values)
