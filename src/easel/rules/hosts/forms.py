"""The result of translating a source of another host: a path pattern with its conditions."""

from __future__ import annotations

from dataclasses import dataclass, field

from easel.rules.models import Condition


@dataclass(frozen=True, slots=True)
class Form:
    """One of the patterns into which a source is translated (`path`). `names` maps each of the source's placeholders to
    the text that stands for it in a target. `excepts` are the patterns that it excludes, `only` are the characters that
    a placeholder accepts, and `conditions` are conditions on the path."""

    path: str
    names: dict[str, str] = field(default_factory=dict)
    excepts: tuple[str, ...] = ()
    only: dict[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
