"""The redirects, headers and page addresses that a version declares, prepared for serving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from easel.rules.matching.reply_headers import HeaderTable
from easel.rules.matching.table import RedirectTable
from easel.rules.models import Dialect, NotFound, Pages, Rules

MANY: Final = 200
"""Number of redirect lines and header blocks that take a noticeable time to prepare."""
_LINE: Final = 1_600
"""Memory (bytes) of a prepared redirect line with its pattern (`tests/edge/weighing.py`)."""
_BLOCK: Final = 2_000
_SEGMENT: Final = 500
"""Memory (bytes) of one segment of a path pattern that contains placeholders or wildcards."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteRules:
    """The redirects, headers and page addresses that a version declares, prepared for look-ups. `weight` is their
    approximate memory in bytes."""

    dialect: Dialect
    redirects: RedirectTable
    headers: HeaderTable
    pages: Pages
    not_found: NotFound
    weight: int


def site_rules(rules: Rules) -> SiteRules:
    """Prepares a version's rules for look-ups. If there are more than MANY lines, call this function in a thread."""
    paths = [*(line.source for line in rules.redirects), *(block.path for block in rules.headers)]
    segments = sum(path.count("/") for path in paths)
    weight = _LINE * len(rules.redirects) + _BLOCK * len(rules.headers) + _SEGMENT * segments
    return SiteRules(rules.dialect, RedirectTable(rules), HeaderTable(rules), rules.pages, rules.not_found, weight)
