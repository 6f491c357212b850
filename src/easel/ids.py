"""The one id maker. Ids are random, so that none can be guessed from another."""

from __future__ import annotations

import secrets


def new_id(prefix: str) -> str:
    """An id such as `app_3f9c0a1b2c3d4e5f`: the prefix and 16 lower-case hex digits (64 random bits)."""
    return f"{prefix}_{secrets.token_hex(8)}"


def new_secret() -> str:
    """An unguessable token of 256 random bits, safe in URLs and headers."""
    return secrets.token_urlsafe(32)
