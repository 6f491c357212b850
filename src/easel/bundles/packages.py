"""Compression packages that the server needs and the command line may lack. Each is imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

from easel.errors import EaselError


class PackageMissingError(EaselError):
    """The zip contains data compressed with {package}, but that package is not installed. Install it with `pip install
    {package}`."""

    status = 400
    code = "package_missing"


class Package:
    """A Python module that is imported when an attribute is first read. Reading raises PackageMissingError if the
    module is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        try:
            module = importlib.import_module(self._name)
        except ModuleNotFoundError:
            raise PackageMissingError(package=self._name) from None
        found = getattr(module, attribute)
        # The attribute is now set, so the next access does not call `__getattr__`.
        setattr(self, attribute, found)
        return found
