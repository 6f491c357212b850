"""The published client, imported when a test first needs it, because importing its thousand modules takes ten
seconds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING


class _WhenNeeded:
    """Stands in for the module until one of its names is used. pytest searches for fixtures with private names only."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(importlib.import_module("mixpeek"), name)


if TYPE_CHECKING:
    import mixpeek
else:
    mixpeek = _WhenNeeded()

__all__ = ["mixpeek"]
