"""The envelope of error responses."""

from __future__ import annotations

from typing import Any

import msgspec

from easel.errors import EaselError


def envelope(error: EaselError) -> dict[str, Any]:
    """Returns the contract's error envelope for an error, ready for JSON."""
    body: dict[str, Any] = {"message": error.message, "type": error.type}
    if error.code is not None:
        body["code"] = error.code
    if error.facts:
        body["details"] = msgspec.to_builtins(error.facts)
    return {"success": False, "status": error.status, "error": body}
