"""The one id maker. Ids are random, so that none can be guessed from another."""

from __future__ import annotations

import secrets
import string

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_SECRET_LENGTH = 43
"""The fewest of 62 characters that hold 256 bits."""


def new_id(prefix: str) -> str:
    """An id such as `app_3f9c0a1b2c3d4e5f`: the prefix and 16 lower-case hex digits (64 random bits)."""
    return f"{prefix}_{secrets.token_hex(8)}"


def new_secret() -> str:
    """An unguessable token of at least 256 random bits. It is letters and digits alone: safe in URLs and headers, and
    taken by clients that refuse anything else in a key."""
    return "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(_SECRET_LENGTH))
