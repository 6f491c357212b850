"""Conditions of rules on a request's path, host, query, cookies and headers, each matched in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from easel.rules.matching.paths import RequestPath
from easel.rules.matching.visit import HEADERS, Visit
from easel.rules.models import Condition

LONGEST_MATCHED = 4_096
"""Maximum number of characters of a path or a value that matches an expression. Longer paths and values never match."""


@dataclass(frozen=True, slots=True)
class PreparedCondition:
    """A condition with its expression (None for any value)."""

    condition: Condition
    expression: re.Pattern[str] | None

    @property
    def varies(self) -> str:
        """Returns the name of the header that the condition reads ('' if it reads none that caches compare)."""
        if self.condition.part == "cookie":
            return "Cookie"
        is_own = self.condition.part == "header" and HEADERS[self.condition.name] not in ("host", "scheme", "country")
        return self.condition.name if is_own else ""

    def holds(self, visit: Visit, caught: dict[str, str]) -> bool:
        """Returns true if the condition holds for a request. Adds captured strings to `caught`."""
        found = _value(self.condition, visit)
        return self._accepts(() if found is None else (found,), caught)

    def accepts(self, path: RequestPath, caught: dict[str, str]) -> bool:
        """Returns true if the condition on the path holds. A slash at the end of the path makes no difference. Adds
        captured strings to `caught`."""
        whole, bare = "/" + "/".join(path.segments), "/" + "/".join(path.bare)
        return self._accepts((whole,) if whole == bare else (whole, bare), caught)

    def _accepts(self, values: tuple[str, ...], caught: dict[str, str]) -> bool:
        if self.expression is None:
            return bool(values) != self.condition.absent
        short = (value for value in values if len(value) <= LONGEST_MATCHED)
        found = next(filter(None, map(self.expression.fullmatch, short)), None)
        if found is not None and not self.condition.absent:
            for name, text in found.groupdict("").items():
                caught.setdefault(name, text)
        return (found is not None) != self.condition.absent


def prepared(conditions: Iterable[Condition]) -> tuple[tuple[PreparedCondition, ...], tuple[PreparedCondition, ...]]:
    """Returns the conditions on the path, and all other conditions."""
    found = [PreparedCondition(one, re.compile(one.value, re.ASCII) if one.value else None) for one in conditions]
    of_path = tuple(one for one in found if one.condition.part == "path")
    return of_path, tuple(one for one in found if one.condition.part != "path")


def captured_names(conditions: Iterable[Condition]) -> set[str]:
    """Returns the names of the strings that the conditions capture."""
    expressions = (one.value for one in conditions if "(?P<" in one.value and not one.absent)
    return {name for text in expressions for name in re.compile(text, re.ASCII).groupindex}


def _value(condition: Condition, visit: Visit) -> str | None:
    """Returns the part of the request. Returns None if there is no such part."""
    name = condition.name
    if condition.part == "query":
        return next((value for key, value in reversed(visit.pairs) if key == name), None)
    if condition.part == "cookie":
        return visit.cookies.get(name)
    return (visit.host if condition.part == "host" else visit.header(name)) or None
