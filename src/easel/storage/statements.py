"""Reads SQL statements from named files. The statements of a module are in the `.sql` file next to it, each with the
reason for writing it as SQL.

A file is a list of sections. `-- name: x` begins a statement. `-- part: x` begins a text that several statements share.
The comment lines after it state the reason. `{{x}}` includes the part `x` of the same file, and
`{{deploys.states.unfinished}}` the part `unfinished` of `deploys/states.sql`. Arguments have psycopg's form `%(name)s`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString

_ROOT = Path(__file__).parents[1]
_HEAD = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
_INCLUDED = re.compile(r"\{\{([\w.]+)\}\}")
_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)


class StatementsError(Exception):
    """A `.sql` file of Easel is malformed. This is a fault in the release."""


@cache
def statements(module: str) -> Mapping[str, LiteralString]:
    """Returns the statements of the `.sql` file next to a module, by name, without their comments. `module` is the
    module's `__name__`."""
    sections = _sections(module)
    return MappingProxyType({name: _whole(module, name) for name, (kind, _) in sections.items() if kind == "name"})


@cache
def _sections(module: str) -> dict[str, tuple[str, str]]:
    """Returns the sections of a module's `.sql` file: the name of a section → its kind (`name` for a statement, or
    `part`), its text."""
    text = _ROOT.joinpath(*module.split(".")[1:]).with_suffix(".sql").read_text()
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    found = {
        head[2]: (head[1], _COMMENT.sub("", text[head.end() + 1 : end]).strip())
        for head, end in zip(heads, ends, strict=True)
    }
    if len(found) != len(heads):
        raise StatementsError(f"{module}: two sections have the same name")
    return found


@cache
def _whole(module: str, name: str) -> LiteralString:
    try:
        text = _sections(module)[name][1]
    except KeyError:
        raise StatementsError(f"{module}: there is no section {name}") from None

    def included(match: re.Match[str]) -> str:
        other, _, part = match[1].rpartition(".")
        return _whole(f"easel.{other}" if other else module, part)

    return _INCLUDED.sub(included, text)
