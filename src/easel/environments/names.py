"""The names of environments, shared by server and command line."""

from __future__ import annotations

from typing import Literal

from easel.serving.addresses import NAMES as NAMES
from easel.serving.addresses import PRODUCTION as PRODUCTION
from easel.serving.addresses import STAGING as STAGING

EnvironmentName = Literal["staging", "production"]
"""An environment that every app has. The API has no other environments."""
