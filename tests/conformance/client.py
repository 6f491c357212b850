"""The published client, read in when a test first needs it: its thousand modules take ten seconds."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING


def _when_needed(name: str) -> ModuleType:
    """The module, which is read when something of it is first asked for."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    spec.loader = loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


if TYPE_CHECKING:
    import mixpeek
else:
    mixpeek = sys.modules.get("mixpeek") or _when_needed("mixpeek")

__all__ = ["mixpeek"]
