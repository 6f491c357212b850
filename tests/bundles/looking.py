"""Inspects zips in tests: committed zips by name, and built zips from their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from easel.bundles.inspect import inspect, inspect_file
from easel.bundles.models import Allowances, Inspection, Limits

ZIPS = Path(__file__).resolve().parent.parent / "data" / "zips"


def look(data: bytes, *, limits: Limits | None = None, allow: Allowances | None = None, threads: int = 2) -> Inspection:
    """Inspects a zip's bytes. The defaults are the default limits, and no allowances."""
    return inspect(memoryview(data), limits=limits or Limits(), allow=allow or Allowances(), threads=threads)


def look_at(name: str, *, allow: Allowances | None = None) -> Inspection:
    """Inspects one of the committed zips."""
    return inspect_file(ZIPS / f"{name}.zip", limits=Limits(), allow=allow or Allowances())


def sha256(content: bytes) -> str:
    """Returns the SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()
