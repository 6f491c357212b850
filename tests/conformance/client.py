"""The published client, imported when a test first needs it: its thousand modules take ten seconds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING


class _WhenNeeded:
    """Stands in for the module until a name of it is used. pytest, searching for fixtures, uses only private names."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(importlib.import_module("mixpeek"), name)


if TYPE_CHECKING:
    import mixpeek
else:
    mixpeek = _WhenNeeded()

__all__ = ["mixpeek"]
