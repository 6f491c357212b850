"""Decides whether an `.npmrc` may be sent with a project's sources. Builds need its settings, but its tokens must stay
secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_NAME: Final = ".npmrc"
_LARGEST: Final = 64 * 1024
"""Maximum size in bytes of a file that is read. A larger file is treated like a file with a credential."""
_CREDENTIAL: Final = re.compile(
    rb"^[^#;\n=]*_(?:auth|authtoken|password)[ \t]*=(?![ \t\"']*\$\{)|://[^/\s@]*@|-----BEGIN|\0",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that assigns a literal value (not a variable) to a credential, an address with a user, or a key."""


def holds_no_credential(file: Path) -> bool:
    """Returns true if the file is an `.npmrc` with settings only (npm's documentation of npmrc, "Auth related
    configuration")."""
    if file.name.lower() != _NAME:
        return False
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError:
        return False
    return len(content) <= _LARGEST and _CREDENTIAL.search(content) is None
