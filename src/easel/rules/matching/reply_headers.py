"""Header blocks, prepared for look-ups: finds the headers that rules add to a response."""

from __future__ import annotations

import re
from dataclasses import dataclass

from easel.rules.matching.conditions import PreparedCondition, prepared
from easel.rules.matching.index import Index
from easel.rules.matching.paths import RequestPath, escaped
from easel.rules.matching.pattern import Pattern, folded, parse, split
from easel.rules.matching.table import MOST_TRIED, HostPattern
from easel.rules.matching.visit import Visit
from easel.rules.models import Dialect, HeaderBlock, Rules

LARGEST_HEADERS = 32 * 1024
"""Maximum number of bytes of the names and values that rules add to one response."""
MOST_APPLIED = 200
"""Maximum number of header blocks that apply to one response. Any more are ignored."""
_ON_LINES = "set-cookie"
_SAFE = "/-._~!$&*+=:@"


@dataclass(frozen=True, slots=True)
class _Limits:
    """The parts of a block that few blocks have: excluded paths, the strings that placeholders accept, conditions, and
    the pattern in the block's own letters, if they must match in the same case."""

    excepts: tuple[Pattern, ...]
    only: tuple[tuple[str, re.Pattern[str]], ...]
    of_path: tuple[PreparedCondition, ...]
    conditions: tuple[PreparedCondition, ...]
    strict: Pattern | None

    def accepts(self, asked: RequestPath, caught: dict[str, str]) -> bool:
        """Returns true if the block applies to the path. Adds strings that its conditions capture."""
        return (
            all(one.fullmatch(caught.get(name, "")) for name, one in self.only)
            and all(one.accepts(asked, caught) for one in self.of_path)
            and not any(one.catch(asked) is not None for one in self.excepts)
        )


def _limits(block: HeaderBlock, dialect: Dialect, *, folds: bool) -> _Limits:
    folds = folds and not block.strict
    return _Limits(
        tuple(parse(path, dialect, folds_case=folds) for path in block.excepts),
        tuple((name, re.compile(text, re.ASCII)) for name, text in block.only),
        *prepared(block.conditions),
        parse(block.path, dialect) if block.strict else None,
    )


class HeaderTable:
    """The header blocks of a version. An edge prepares them once, before it serves the version."""

    def __init__(self, rules: Rules) -> None:
        self._dialect: Dialect = rules.dialect
        self._folds = rules.dialect == "netlify"
        self._index = Index(forgiving=self._folds)
        self._blocks: list[tuple[HeaderBlock, Pattern, HostPattern | None]] = []
        self._limits: dict[int, _Limits] = {}
        self.depends_on_visit = any(block.depends_on_visit for block in rules.headers)
        for number, block in enumerate(rules.headers):
            pattern = parse(block.path, rules.dialect, folds_case=self._folds)
            host = HostPattern(tuple(block.host.split("."))) if block.host else None
            self._index.add(number, pattern)
            self._blocks.append((block, pattern, host))

    def __len__(self) -> int:
        return len(self._blocks)

    def find(self, visit: Visit) -> Changes:
        """Returns the headers that the blocks set in the response to a request, by lower-case name. The value None
        removes a header.

        In Netlify's dialect, the last block with a header decides. In Cloudflare's dialect, the values of all blocks
        are joined in the file's order, and placeholders in values are filled. A block removes headers of earlier blocks
        before it sets its own, and two blocks of one path count as one block, whose later lines decide. Each Set-Cookie
        is a separate line.
        """
        asked = visit.asked
        if asked is None:
            return {}
        path = folded(asked) if self._folds else asked
        changes: Changes = {}
        size = applied = 0
        vary: set[str] = set()
        by_path: dict[tuple[str, str] | int, Changes] = {}
        removed: dict[tuple[str, str] | int, set[str]] = {}
        for number in self._index.find(path)[:MOST_TRIED]:
            block, pattern, host = self._blocks[number]
            caught = pattern.catch(path)
            of_host = host.catch(visit) if host is not None else {}
            if caught is None or of_host is None:
                continue
            if block.strict or block.excepts or block.conditions or block.only:
                limits = self._limits.get(number)
                if limits is None:
                    limits = self._limits[number] = _limits(block, self._dialect, folds=self._folds)
                if limits.strict is not None and (caught := limits.strict.catch(asked)) is None:
                    continue
                if not limits.accepts(asked if block.strict else path, caught):
                    continue
                vary.update(name for one in limits.conditions if (name := one.varies))
                if not all(one.holds(visit, caught) for one in limits.conditions):
                    continue
            if caught and self._dialect == "cloudflare" and visit.spelled is not None:
                caught = pattern.catch(visit.spelled) or caught
            fills = {**caught, **of_host} if self._dialect == "cloudflare" or block.fills else {}
            filled = _filled(block, {name: _safe(text) for name, text in fills.items()})
            size += sum(len(name) + sum(map(len, pieces or ())) for name, pieces in filled)
            applied += 1
            if size > LARGEST_HEADERS or applied > MOST_APPLIED:
                break
            place = number if self._folds else (block.host, block.path)
            removed.setdefault(place, set()).update(name.lower() for name, pieces in filled if pieces is None)
            by_path.setdefault(place, {}).update(_values(filled))
        for place, own in by_path.items():
            for name, values in own.items():
                before = None if name in removed[place] else changes.get(name)
                joins = self._dialect == "cloudflare" and values and before
                changes[name] = [*before, *values] if joins and before and values else values
        if vary:
            changes["vary"] = [*(changes.get("vary") or ()), *sorted(vary)]
        return {name: _joined(name, values) for name, values in changes.items()}


Changes = dict[str, list[str] | None]
"""Headers by lower-case name. Each value is a separate header line. None removes the header."""


def _filled(block: HeaderBlock, caught: dict[str, str]) -> list[tuple[str, list[str] | None]]:
    """Returns the headers of a block, filled with the captured strings. Each value is a list of pieces, because a
    joined value may be a thousand times as long as the captured string."""
    return [(name, None if value is None else _pieces(value, caught)) for name, value in block.headers]


def _pieces(value: str, caught: dict[str, str]) -> list[str]:
    if not caught or ":" not in value:
        return [value]
    return [caught[text] if is_name else text for is_name, text in split(value, caught)]


def _values(filled: list[tuple[str, list[str] | None]]) -> Changes:
    values: Changes = {}
    for name, pieces in filled:
        key = name.lower()
        # If a block removes a header and also sets it, the values of earlier blocks are removed, whichever comes first.
        values[key] = values.get(key) if pieces is None else [*(values.get(key) or ()), "".join(pieces)]
    return values


def _safe(caught: str) -> str:
    """Returns a captured string for the value of a header. It is encoded as in a URL, so that it contains no separators
    of values."""
    return escaped(caught, _SAFE)


def _joined(name: str, values: list[str] | None) -> list[str] | None:
    return values if values is None or name == _ON_LINES else [", ".join(values)]
