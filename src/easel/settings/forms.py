"""The forms of values that several settings take: sizes, lists, hosts."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

MIB = 1024 * 1024

RESERVE = re.compile(r"(?P<bytes>[0-9]{1,18})|(?P<percent>[0-9]{1,2}(\.[0-9]+)?)%")
"""Matches a number of bytes, or a percentage below 100 with a percent sign."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_RULE = re.compile(
    rf"(?=.{{1,262}}\Z)(?P<name>\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)
"""Matches a host that may be reached, in lower case: a name, `*.` and a name, or `*` for every host. A port may
follow."""


def _parts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)]
"""A list of strings, which are separated by commas in the variable."""
