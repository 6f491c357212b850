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
        description="Limit of an organisation's requests a minute, by weight, at each api process; 0 is no limit.",
    )
    max_log_streams: int = Field(
        default=100, ge=0, description="Limit of an organisation's open log streams at each api process; 0 is no limit."
    )
    max_waiting_upload_bytes: int = Field(
        default=20 * 1024 * MIB,
        ge=0,
        description="Limit of an organisation's uploaded bytes that are not deployed; 0 is no limit.",
    )
    max_waiting_uploads: int = Field(
        default=10_000, ge=0, description="Limit of an organisation's upload URLs without a deploy; 0 is no limit."
    )
    max_apps: int = Field(default=1000, ge=0, description="Limit of an organisation's apps; 0 is no limit.")
    max_configuration_bytes: int = Field(
        default=4096 * MIB,
        ge=0,
        description="Limit of the bytes on disk of an organisation's configurations; 0 is no limit.",
    )
    slug_reserved_for: float = Field(
        default=90 * 86400.0,
        ge=0,
        le=36500 * 86400.0,
        description="Seconds for which a slug stays reserved for its organisation after its app was deleted or "
        "renamed; 0 is not at all.",
    )
