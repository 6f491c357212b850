"""The contract's models of this domain."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from easel.apps.legacy import (
    FeaturedGalleryConfigInput,
    FeaturedGalleryConfigOutput,
    HeroConfig,
    PageTabInput,
    PageTabOutput,
    SectionConfig,
    SEOConfig,
    StatItem,
    ThemeConfig,
)
from easel.schemas import Answer, LongText, Part, Request, Text, Tree
from easel.versions.schemas import VersionRecord


class PageMeta(Part):
    """The contract's page meta."""

    title: Text
    description: Text | None = None
    logo_url: Text | None = None
    favicon_url: Text | None = None
    indexable: bool | None = None


class AuthConfigInput(Part):
    """The contract's auth config input."""

    mode: Literal["public", "clerk", "password", "api_key", "jwt", "sso_oidc", "sso_saml"] | None = "public"
    clerk_org_id: Text | None = None
    clerk_allowed_providers: list[Text] | None = None
    password: Text | None = None
    password_hash: Text | None = None
    saml_idp_metadata_url: Text | None = None
    saml_sp_entity_id: Text | None = None
    saml_acs_url: Text | None = None
    oidc_issuer: Text | None = None
    oidc_client_id: Text | None = None
    oidc_client_secret_name: Text | None = None
    oidc_scopes: list[Text] | None = None
    jwt_jwks_url: Text | None = None
    jwt_audience: Text | None = None
    jwt_issuer: Text | None = None
    api_keys: list[dict[Text, Tree]] | None = None


class AuthConfigOutput(Part):
    """The contract's auth config output."""

    mode: Literal["public", "clerk", "password", "api_key", "jwt", "sso_oidc", "sso_saml"] | None = "public"
    clerk_org_id: Text | None = None
    clerk_allowed_providers: list[Text] | None = None
    password_hash: Text | None = None
    saml_idp_metadata_url: Text | None = None
    saml_sp_entity_id: Text | None = None
    saml_acs_url: Text | None = None
    oidc_issuer: Text | None = None
    oidc_client_id: Text | None = None
    oidc_client_secret_name: Text | None = None
    oidc_scopes: list[Text] | None = None
    jwt_jwks_url: Text | None = None
    jwt_audience: Text | None = None
    jwt_issuer: Text | None = None
    api_keys: list[dict[Text, Tree]] | None = None


class ApiAllowRule(Part):
    """The contract's api allow rule."""

    methods: list[Text] | None = None
    pattern: Text


class BuildConfig(Part):
    """The contract's build config."""

    entry: Text | None = "src/layout.jsx"
    framework: Literal["react"] | None = "react"
    tailwind: bool | None = True
    env_vars: dict[Text, Text] | None = None
    secrets: dict[Text, Text] | None = None
    asset_prefix: Text | None = None
    api_allow: list[ApiAllowRule] | None = None
    allow: list[Literal["secrets", "dependencies"]] | None = Field(
        default=None, description="An addition: what bundles of this app may hold although it is a mistake mostly"
    )


class MonitoringConfig(Part):
    """The contract's monitoring config."""

    enabled: bool | None = True
    error_boundary_enabled: bool | None = True
    sentry_enabled: bool | None = True
    posthog_enabled: bool | None = True
    custom_error_message: Text | None = None
    auto_fix_enabled: bool | None = True


class CustomDomainConfig(Answer):
    """The contract's custom domain config."""

    domain: str
    status: Literal["pending", "verifying", "provisioning_tls", "active"] | None = "pending"
    verification_token: str | None = None
    cname_target: str | None = None
    tls_cert_id: str | None = None
    tls_expires_at: datetime | None = None
    verified_at: datetime | None = None
    is_primary: bool | None = False


class PageMetaPatch(Part):
    """A change to the page meta: what is left out stays, null removes."""

    title: Text | None = None
    description: Text | None = None
    logo_url: Text | None = None
    favicon_url: Text | None = None
    indexable: bool | None = None


class BuildConfigPatch(BuildConfig):
    """A change to the build config: what is left out stays, null removes."""

    env_vars: dict[Text, Text | None] | None = None  # type: ignore[assignment]
    secrets: dict[Text, Text | None] | None = None  # type: ignore[assignment]


class CreateAppRequest(Request):
    """The contract's create app request."""

    slug: Text = Field(min_length=3, max_length=60)
    meta: PageMeta
    auth_config: AuthConfigInput | None = None
    build_config: BuildConfig | None = None
    monitoring_config: MonitoringConfig | None = None
    is_active: bool | None = True
    template: Text | None = "generic"
    sections: list[SectionConfig] | None = None
    custom_html: LongText | None = None
    hero: HeroConfig | None = None
    theme: ThemeConfig | None = None
    seo: SEOConfig | None = None
    stats: list[StatItem] | None = None
    featured_gallery: FeaturedGalleryConfigInput | None = None
    tabs: list[PageTabInput] | None = None
    password_secret_name: Text | None = None


class UpdateAppRequest(Request):
    """A JSON merge patch (RFC 7396) on the draft configuration; slug and is_active take effect at once."""

    slug: Text | None = None
    meta: PageMetaPatch | None = None
    auth_config: AuthConfigInput | None = None
    build_config: BuildConfigPatch | None = None
    monitoring_config: MonitoringConfig | None = None
    is_active: bool | None = None
    publish: bool | None = False
    template: Text | None = None
    sections: list[SectionConfig] | None = None
    custom_html: LongText | None = None
    hero: HeroConfig | None = None
    theme: ThemeConfig | None = None
    seo: SEOConfig | None = None
    stats: list[StatItem] | None = None
    featured_gallery: FeaturedGalleryConfigInput | None = None
    tabs: list[PageTabInput] | None = None
    password_secret_name: Text | None = None


class PublishAppRequest(Request):
    """The contract's publish app request."""

    message: Text = Field(min_length=1, max_length=4000)


class AppResponse(Answer):
    """The contract's app response."""

    app_id: str
    slug: str
    url: str
    meta: PageMeta
    is_active: bool
    warnings: list[str] | None = None
    version: int
    has_unpublished_changes: bool | None = False
    custom_domains: list[CustomDomainConfig]
    auth_config: AuthConfigOutput | None
    build_config: BuildConfig | None
    monitoring_config: MonitoringConfig | None = None
    repo_url: str | None = None
    repo_branch: str | None = None
    github_installation_id: int | None = None
    versions: list[VersionRecord] | None = None
    environments: dict[str, Any]
    created_at: datetime | None
    updated_at: datetime | None
    template: str
    sections: list[SectionConfig]
    custom_html: str | None
    hero: HeroConfig | None
    theme: ThemeConfig
    seo: SEOConfig | None
    stats: list[StatItem]
    featured_gallery: FeaturedGalleryConfigOutput | None
    tabs: list[PageTabOutput]
    password_protected: bool
    staging_url: str = Field(description="An addition: the address of staging")


class AppListItem(Answer):
    """The contract's app list item."""

    app_id: str
    slug: str
    url: str
    meta: PageMeta
    is_active: bool
    version: int
    has_unpublished_changes: bool | None = False
    template: str
    custom_domains: list[CustomDomainConfig]
    auth_config: AuthConfigOutput | None = None
    build_config: BuildConfig | None = None
    monitoring_config: MonitoringConfig | None = None
    repo_url: str | None = None
    repo_branch: str | None = None
    environments: dict[str, Any] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ListAppsResponse(Answer):
    """The contract's list apps response."""

    results: list[AppListItem]
    total_count: int
    limit: int
    offset: int
    max_apps: int | None = None


class GenericDeleteResponse(Answer):
    """The contract's generic delete response."""

    message: str | None = "Successfully deleted"
    success: bool | None = True
