"""How the edges serve visitors."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from easel.settings.forms import MIB


class VisitorSettings(BaseSettings):
    """How the edges serve visitors."""

    skew_retention: float = Field(
        default=7 * 86400.0, description="Seconds for which earlier versions answer for open tabs."
    )
    refresh_timeout: float = Field(
        default=1.0, description="Seconds that a visitor waits for the query of a changed pointer."
    )
    edge_cache_bytes: int = Field(
        default=256 * MIB,
        description="The limit of the memory that an edge uses for its caches; routes are not counted.",
    )
    edge_disk_bytes: int = Field(default=4096 * MIB, description="Disk space of an edge's cache of a bucket's bundles.")
    edge_routes_kept: float = Field(
        default=86400.0,
        ge=0,
        description="Maximum age in seconds of the saved routes with which an edge starts while the database "
        "is unreachable; 0 never uses them.",
    )
