"""How commits are fetched, and the GitHub App."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from easel.settings.forms import MIB, CommaSeparated


class RepositorySettings(BaseSettings):
    """How commits are fetched, and the GitHub App."""

    github_app_id: str | None = Field(
        default=None, max_length=20, pattern=r"^[0-9]+$", description="A GitHub App's id."
    )
    github_app_slug: str | None = Field(
        default=None, max_length=100, pattern=r"^[a-z0-9-]+$", description="The App's name in GitHub's addresses."
    )
    github_app_private_key: SecretStr | None = Field(default=None, description="The App's private key, as PEM.")
    github_app_private_key_file: Path | None = Field(
        default=None, description="The path of a file with the App's private key."
    )
    github_app_client_id: str | None = Field(default=None, max_length=100, description="Its client id.")
    github_app_client_secret: SecretStr | None = Field(
        default=None, description="The App's client secret, with which GitHub confirms the person who installs it."
    )
    github_app_webhook_secret: SecretStr | None = Field(default=None, description="Its webhook's secret.")
    github_url: str = Field(
        default="https://github.com", description="The address of GitHub, or of an Enterprise Server."
    )
    github_api_url: str = Field(
        default="https://api.github.com", description="The address of its API; for an Enterprise Server, URL/api/v3."
    )
    git_max_bytes: int = Field(
        default=2048 * MIB, ge=MIB, description="Limit of a fetched commit's bytes, and of its written files."
    )
    git_deadline: float = Field(default=600.0, gt=0, description="Deadline for fetching a commit.")
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
