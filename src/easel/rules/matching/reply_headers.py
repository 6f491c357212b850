"""Header blocks made ready: which headers an answer to a request gets."""

from __future__ import annotations

from easel.rules.matching.index import Index
from easel.rules.matching.pattern import Pattern, folded, parse, split
from easel.rules.matching.table import HostPattern
from easel.rules.matching.visit import Visit
from easel.rules.models import Dialect, HeaderBlock, Rules

LARGEST_HEADERS = 32 * 1024
"""Bytes of names and values that rules give one answer."""
_ON_LINES = "set-cookie"


class HeaderTable:
    """The header blocks of one version. Made once for a version that an edge serves."""

    def __init__(self, rules: Rules) -> None:
        self._dialect: Dialect = rules.dialect
        self._folds = rules.dialect == "netlify"
        self._index = Index(forgiving=self._folds)
        self._blocks: list[tuple[HeaderBlock, Pattern, HostPattern | None]] = []
        self.any_host = any(block.host for block in rules.headers)
        for number, block in enumerate(rules.headers):
            pattern = parse(block.path, rules.dialect, folds_case=self._folds)
            host = HostPattern(tuple(block.host.split("."))) if block.host else None
            self._index.add(number, pattern)
            self._blocks.append((block, pattern, host))

    def __len__(self) -> int:
        return len(self._blocks)

    def find(self, visit: Visit) -> Changes:
        """The headers for an answer to the request, by lower-case name: all values, or none to take the header away.

        Netlify: the last block that names a header decides. Cloudflare: the values of all blocks are joined in the
        file's order, and placeholders in a value are filled. Two blocks of one path count as one, whose later lines
        decide. Set-Cookie stays on lines of its own.
        """
        asked = visit.asked
        if asked is None:
            return {}
        path = folded(asked) if self._folds else asked
        changes: Changes = {}
        size = 0
        by_path: dict[tuple[str, str], dict[str, list[str] | None]] = {}
        for number in self._index.find(path):
            block, pattern, host = self._blocks[number]
            caught = pattern.catch(path)
            of_host = host.catch(visit) if host is not None else {}
            if caught is None or of_host is None:
                continue
            size += sum(len(name) + len(value or "") for name, value in block.headers)
            if size > LARGEST_HEADERS:
                break
            own = by_path.setdefault((block.host, block.path), {})
            own.update(_values(block, {**caught, **of_host} if self._dialect == "cloudflare" else {}))
        for own in by_path.values():
            for name, values in own.items():
                before = changes.get(name)
                joins = self._dialect == "cloudflare" and values and before
                changes[name] = [*before, *values] if joins and before and values else values
        return {name: _joined(name, values) for name, values in changes.items()}


Changes = dict[str, list[str] | None]
"""Headers by lower-case name: their values, each a line of its own, or None where the header is taken away."""


def _values(block: HeaderBlock, caught: dict[str, str]) -> Changes:
    values: Changes = {}
    for name, value in block.headers:
        key = name.lower()
        if value is None:
            values[key] = None
            continue
        if caught and ":" in value:
            pieces = split(value, caught)
            value = "".join(_safe(caught[text]) if is_name else text for is_name, text in pieces)
        values[key] = [*(values.get(key) or ()), value]
    return values


def _safe(caught: str) -> str:
    """A caught text as a header may hold it."""
    return "".join(char for char in caught if char.isprintable() and char != "\0")


def _joined(name: str, values: list[str] | None) -> list[str] | None:
    return values if values is None or name == _ON_LINES else [", ".join(values)]
