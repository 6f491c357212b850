"""The one generator of ids. Ids are random, so that no id can be guessed from another id."""

from __future__ import annotations

import secrets
import string

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_SECRET_LENGTH = 43
"""The smallest number of characters, out of 62 different characters, for 256 bits."""


def new_id(prefix: str) -> str:
    """Returns an id such as `app_3f9c0a1b2c3d4e5f`: the prefix and 16 lower-case hex digits (64 random bits)."""
    return f"{prefix}_{secrets.token_hex(8)}"


def new_secret() -> str:
    """Returns an unguessable token of at least 256 random bits. It consists of letters and digits only, so it is safe
    in URLs and headers, and every client accepts it in a key."""
    return "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(_SECRET_LENGTH))
