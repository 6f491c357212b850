"""The rules of a version made ready for serving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from easel.rules.matching.reply_headers import HeaderTable
from easel.rules.matching.table import RedirectTable
from easel.rules.models import Dialect, NotFound, Pages, Rules

MANY: Final = 200
"""Lines and blocks from which making the tables is more than a moment's work."""
_LINE: Final = 1_600
"""Bytes of memory that a redirect line takes in its table, with its pattern (`tests/edge/weighing.py`)."""
_BLOCK: Final = 2_000
_SEGMENT: Final = 500
"""Bytes of memory that a segment of a path with placeholders or stars takes in it."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteRules:
    """A version's rules, ready to be looked up. `weight` is about how many bytes of memory they take."""

    dialect: Dialect
    redirects: RedirectTable
    headers: HeaderTable
    pages: Pages
    not_found: NotFound
    weight: int


def site_rules(rules: Rules) -> SiteRules:
    """The rules made ready. For more than MANY lines this is work for a thread."""
    paths = [*(line.source for line in rules.redirects), *(block.path for block in rules.headers)]
    segments = sum(path.count("/") for path in paths)
    weight = _LINE * len(rules.redirects) + _BLOCK * len(rules.headers) + _SEGMENT * segments
    return SiteRules(rules.dialect, RedirectTable(rules), HeaderTable(rules), rules.pages, rules.not_found, weight)
