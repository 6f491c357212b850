"""The names of environments, shared by server and command line."""

from __future__ import annotations

from typing import Final, Literal

EnvironmentName = Literal["staging", "production"]
"""An environment that every app has."""

PRODUCTION: Final = "production"
STAGING: Final = "staging"

NAMES: Final = (PRODUCTION, STAGING)
"""All of them, the one that visitors know first."""
