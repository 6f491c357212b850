"""Answers without a file that several stages give."""

from __future__ import annotations

import json
from typing import Final

from easel.envelope import envelope
from easel.errors import EaselError
from easel.serving.models import Fixed

IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "public, max-age=0, must-revalidate"
NO_STORE: Final = "no-store"

NOT_FOUND: Final = Fixed(404, b"404: there is nothing at this address.\n", "text/plain; charset=utf-8", NO_STORE)


def redirect(status: int, location: str) -> Fixed:
    """A redirect that is asked for again each time."""
    return Fixed(status, b"", "text/plain; charset=utf-8", REVALIDATE, location)


def refusal(error: EaselError) -> Fixed:
    """An error in the contract's envelope."""
    return Fixed(error.status, json.dumps(envelope(error)).encode(), "application/json", NO_STORE)
