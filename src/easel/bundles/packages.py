"""Compressors that a server has and the command line alone need not: each is imported when it is used first."""

from __future__ import annotations

import importlib
from typing import Any

from easel.errors import EaselError


class PackageMissingError(EaselError):
    """The zip holds what is compressed with {package}, which is not installed here.
    `pip install {package}` installs it."""

    status = 400
    code = "package_missing"


class Package:
    """A module under its name, imported when something of it is asked for. Raises PackageMissingError without it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        try:
            module = importlib.import_module(self._name)
        except ModuleNotFoundError:
            raise PackageMissingError(package=self._name) from None
        found = getattr(module, attribute)
        # Asked for once only.
        setattr(self, attribute, found)
        return found
