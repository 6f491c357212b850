"""Settings for fetching commits, and for the GitHub App."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from easel.settings.forms import MIB, CommaSeparated


class RepositorySettings(BaseSettings):
    """Settings for fetching commits, and for the GitHub App."""

    github_app_id: str | None = Field(
        default=None, max_length=20, pattern=r"^[0-9]+$", description="The id of a GitHub App."
    )
    github_app_slug: str | None = Field(
        default=None, max_length=100, pattern=r"^[a-z0-9-]+$", description="The App's name in GitHub URLs."
    )
    github_app_private_key: SecretStr | None = Field(default=None, description="The App's private key, as PEM.")
    github_app_private_key_file: Path | None = Field(
        default=None, description="Path of a file that contains the App's private key."
    )
    github_app_client_id: str | None = Field(default=None, max_length=100, description="The App's client id.")
    github_app_client_secret: SecretStr | None = Field(
        default=None, description="The App's client secret. Easel needs it to ask GitHub which user installs the App."
    )
    github_app_webhook_secret: SecretStr | None = Field(default=None, description="The secret of the App's webhook.")
    github_url: str = Field(
        default="https://github.com", description="URL of GitHub, or of a GitHub Enterprise Server."
    )
    github_api_url: str = Field(
        default="https://api.github.com",
        description="URL of GitHub's API. For a GitHub Enterprise Server, it ends with /api/v3.",
    )
    git_max_bytes: int = Field(
        default=2048 * MIB,
        ge=MIB,
        description="Maximum bytes that are received for a commit, and maximum size in bytes of its files.",
    )
    git_deadline: float = Field(default=600.0, gt=0, description="Maximum duration in seconds of fetching a commit.")
    private_networks: CommaSeparated = Field(
        default=(),
        description="Private networks that Easel may connect to for its users, as CIDRs separated by commas.",
    )

    @field_validator("private_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ipaddress.ip_network(network)) for network in networks)
        except ValueError as error:
            raise ValueError(f"write networks like 10.0.0.0/8, separated by commas: {error}") from error
