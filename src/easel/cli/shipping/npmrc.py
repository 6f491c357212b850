"""An `.npmrc` that may go with a project's sources: builds need its settings, and nobody else may have its tokens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_NAME: Final = ".npmrc"
_LARGEST: Final = 64 * 1024
"""Bytes. A larger file is taken for one with a credential."""
_CREDENTIAL: Final = re.compile(
    rb"^[^#;\n=]*_(?:auth|authtoken|password)[ \t]*=(?![ \t\"']*\$\{)|://[^/\s@]*@|-----BEGIN|\0",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that names a credential and has its value, not the variable that holds it; an address with a user; a key."""


def holds_no_credential(file: Path) -> bool:
    """Whether the file is an `.npmrc` of settings only (npm's documentation of npmrc, Auth related configuration)."""
    if file.name.lower() != _NAME:
        return False
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError:
        return False
    return len(content) <= _LARGEST and _CREDENTIAL.search(content) is None
