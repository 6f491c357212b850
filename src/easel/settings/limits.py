"""The limits of uploads and of organisations."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from easel.settings.forms import MIB


class LimitSettings(BaseSettings):
    """The limits of uploads and of organisations."""

    max_upload_size: int = 512 * MIB
    max_files: int = 100_000
    max_file_size: int = 256 * MIB
    max_total_size: int = 2048 * MIB
    upload_expires: int = 3600
    download_expires: int = 3600
    source_files_max_count: int = 2000
    source_files_max_bytes: int = 10 * MIB
    rate_limit_per_minute: int = Field(
        default=12_000,
        ge=0,
        description="Maximum number of requests of one organisation in a minute, by weight, at each api process. 0 "
        "means unlimited.",
    )
    max_log_streams: int = Field(
        default=100,
        ge=0,
        description="Maximum number of open log streams of one organisation at each api process. 0 means unlimited.",
    )
    max_waiting_upload_bytes: int = Field(
        default=20 * 1024 * MIB,
        ge=0,
        description="Maximum bytes of uploads of one organisation that are not deployed yet. 0 means unlimited.",
    )
    max_waiting_uploads: int = Field(
        default=10_000,
        ge=0,
        description="Maximum number of upload URLs of one organisation that are not deployed yet. 0 means unlimited.",
    )
    max_apps: int = Field(
        default=1000, ge=0, description="Maximum number of apps of one organisation. 0 means unlimited."
    )
    max_configuration_bytes: int = Field(
        default=4096 * MIB,
        ge=0,
        description="Maximum size in bytes, on disk, of the configurations of all versions of one organisation. 0 "
        "means unlimited.",
    )
    slug_reserved_for: float = Field(
        default=90 * 86400.0,
        ge=0,
        le=36500 * 86400.0,
        description="Seconds for which a slug stays reserved for its organisation after the app was deleted or "
        "renamed. 0 means that it is not reserved.",
    )
