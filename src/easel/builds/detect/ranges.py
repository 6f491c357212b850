"""Version ranges from users. Only forms that cannot be misread as a command-line option are accepted."""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 200
_ONE = r"(?:[<>]=?|[~^=])?\s{0,3}v?(?:\d{1,9}|[xX*])(?:\.(?:\d{1,9}|[xX*])){0,2}(?:[-+][0-9A-Za-z.+-]{1,60})?"
_RANGE = re.compile(rf"{_ONE}(?:(?:\s{{1,3}}-\s{{1,3}}|\s{{0,3}}\|\|\s{{0,3}}|\s{{1,3}}){_ONE}){{0,9}}\Z", re.ASCII)
_EXACT = re.compile(r"\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,60})?\Z", re.ASCII)


def version_range(text: str) -> str | None:
    """Returns the range in npm's syntax (semver), or None if the text is no range."""
    text = text.strip()
    return text if len(text) <= _LONGEST and _RANGE.match(text) else None


def is_exact(version: str) -> bool:
    """Returns true if the text is one exact version, such as `9.1.0`, and not a range."""
    return len(version) <= _LONGEST and _EXACT.match(version) is not None
