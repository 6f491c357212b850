"""The published client, read in when a test first needs it: its thousand modules take ten seconds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING


class _WhenNeeded:
    """Stands for the module until something of it is asked for by name. pytest, looking for fixtures, asks for
    private names only."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(importlib.import_module("mixpeek"), name)


if TYPE_CHECKING:
    import mixpeek
else:
    mixpeek = _WhenNeeded()

__all__ = ["mixpeek"]
