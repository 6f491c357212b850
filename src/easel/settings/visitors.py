"""Settings for serving visitors at the edges."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from easel.settings.forms import MIB


class VisitorSettings(BaseSettings):
    """Settings for serving visitors at the edges."""

    skew_retention: float = Field(
        default=7 * 86400.0, description="Seconds for which the files of earlier versions are served to open tabs."
    )
    refresh_timeout: float = Field(
        default=1.0,
        description="Maximum time in seconds that a visitor's request waits while the edge queries the database for "
        "the live version.",
    )
    edge_cache_bytes: int = Field(
        default=256 * MIB,
        description="Maximum memory in bytes of the caches of an edge. Routes are not counted.",
    )
    edge_disk_bytes: int = Field(
        default=4096 * MIB, description="Maximum disk space in bytes of an edge's cache of bundles from a bucket."
    )
    edge_routes_kept: float = Field(
        default=86400.0,
        ge=0,
        description="If the database is unreachable, an edge may start with saved routes up to this age in seconds. "
        "0 never uses them.",
    )
