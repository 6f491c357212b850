"""Requests and responses about apps. The page-builder fields are in `legacy`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from easel.apps.build_settings import BuildSettings
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
from easel.apps.rules import MAX_LENGTH, MIN_LENGTH
from easel.schemas import Answer, LongText, Message, Name, Part, Request, Text, Tree, never_null, whole_text
from easel.serving.addresses import PREFIXES, PRODUCTION
from easel.serving.runtimes import Runtime

_SLUG_SHAPE: JsonDict = {"pattern": rf"^(?!{PREFIXES})[a-z0-9]+(-[a-z0-9]+)*$"}

# The rule itself is in `rules`, with a code for each violation. This pattern is only documentation.
Slug = Annotated[
    str, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH, json_schema_extra=_SLUG_SHAPE), AfterValidator(whole_text)
]
OtherSlug = Annotated[
    str,
    AfterValidator(whole_text),
    Field(json_schema_extra={"minLength": MIN_LENGTH, "maxLength": MAX_LENGTH, **_SLUG_SHAPE}),
]


_MOST_KEY_VALUES = 1_000


def _few_in_all(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # The number of values is limited, because each value may be a secret, which is encrypted separately.
    if sum(map(len, keys)) > _MOST_KEY_VALUES:
        raise PydanticCustomError(
            "too_many_values", "all keys together may have at most {most} values", {"most": _MOST_KEY_VALUES}
        )
    return keys


class PageMeta(Part):
    """The app's title and description, and whether search engines may list the app (null: no)."""

    title: Text
    description: Text | None = None
    logo_url: Text | None = None
    favicon_url: Text | None = None
    indexable: bool | None = None


class AuthConfigOutput(Part):
    """The visitors whom the app admits, as responses show them. Secrets are `***`."""

    mode: Literal["public", "clerk", "password", "api_key", "jwt", "sso_oidc", "sso_saml"] | None = "public"
    clerk_org_id: Text | None = None
    clerk_allowed_providers: list[Text] | None = Field(default=None, max_length=100)
    password_hash: Text | None = None
    saml_idp_metadata_url: Text | None = None
    saml_sp_entity_id: Text | None = None
    saml_acs_url: Text | None = None
    oidc_issuer: Text | None = None
    oidc_client_id: Text | None = None
    oidc_client_secret_name: Text | None = None
    oidc_scopes: list[Text] | None = Field(default=None, max_length=100)
    jwt_jwks_url: Text | None = None
    jwt_audience: Text | None = None
    jwt_issuer: Text | None = None
    api_keys: list[dict[Name, Tree]] | None = Field(default=None, max_length=1_000)


class AuthConfigInput(AuthConfigOutput):
    """The visitors whom the app admits. `password` is write-only, and is stored as a hash."""

    password: Text | None = None
    # This limit applies to requests only. Responses show stored values, which may be older than the limit.
    api_keys: Annotated[list[dict[Name, Tree]], AfterValidator(_few_in_all)] | None = Field(
        default=None, max_length=1_000
    )


class ApiAllowRule(Part):
    """Requests that the app's pages may send to the platform's API."""

    methods: list[Text] | None = Field(default=None, max_length=20)
    pattern: Text


Allowed = Literal["secrets", "dependencies", "guards"]
Dialect = Literal["auto", "netlify", "cloudflare", "off"]
PageAddresses = Literal["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none", "netlify"]
WithoutPage = Literal["none", "404-page", "single-page-application"]


class BuildConfig(BuildSettings):
    """Settings for building and running the app. `env_vars` are public. `secrets` are write-only, and shown as
    `***`."""

    entry: Text | None = "src/layout.jsx"
    framework: Literal["react"] | None = "react"
    tailwind: bool | None = True
    env_vars: dict[Name, Text] | None = Field(default=None, max_length=1_000)
    secrets: dict[Name, Text] | None = Field(default=None, max_length=1_000)
    asset_prefix: Text | None = None
    api_allow: list[ApiAllowRule] | None = Field(default=None, max_length=1_000)
    allow: list[Allowed] | None = Field(
        default=None,
        description="Easel extension: the likely mistakes that Easel accepts in the bundles of this app",
    )
    rules: Dialect | None = Field(
        default=None, description="Easel extension: the dialect in which `_redirects` and `_headers` are read"
    )
    html_handling: PageAddresses | None = Field(
        default=None,
        description="Easel extension: the canonical form of the addresses of pages, to which all other forms redirect",
    )
    not_found_handling: WithoutPage | None = Field(
        default=None, description="Easel extension: the response for addresses without a file"
    )
    runtime: Runtime | None = Field(
        default=None,
        description="Easel extension: how pages get `window.__EASEL__`. `inline` (the default) writes it into each "
        "page, `external` provides it in `/_easel/runtime.js`, and `off` sends pages unchanged, without it",
    )


class MonitoringConfig(Part):
    """Settings for monitoring the running app."""

    enabled: bool | None = True
    error_boundary_enabled: bool | None = True
    sentry_enabled: bool | None = True
    posthog_enabled: bool | None = True
    custom_error_message: Text | None = None
    auto_fix_enabled: bool | None = True


class CustomDomainConfig(Answer):
    """A custom domain of the app."""

    domain: str
    status: Literal["pending", "verifying", "provisioning_tls", "active"] | None = "pending"
    verification_token: str | None = None
    cname_target: str | None = None
    tls_cert_id: str | None = None
    tls_expires_at: datetime | None = None
    verified_at: datetime | None = None
    is_primary: bool | None = False


class PageMetaPatch(Part):
    """A change to the page meta. Fields that are left out keep their values. Null removes a field."""

    # The merge refuses a change that removes a required field.
    title: Text | None = Field(default=None, json_schema_extra=never_null)
    description: Text | None = None
    logo_url: Text | None = None
    favicon_url: Text | None = None
    indexable: bool | None = None


class BuildConfigPatch(BuildConfig):
    """A change to the build config. Fields that are left out keep their values. Null removes a field."""

    env_vars: dict[Name, Text | None] | None = Field(default=None, max_length=1_000)  # type: ignore[assignment]
    secrets: dict[Name, Text | None] | None = Field(default=None, max_length=1_000)  # type: ignore[assignment]


class CreateAppRequest(Request):
    """Asks for a new app. Only slug and meta are required."""

    slug: Slug
    meta: PageMeta
    auth_config: AuthConfigInput | None = None
    build_config: BuildConfig | None = None
    monitoring_config: MonitoringConfig | None = None
    is_active: bool | None = True
    template: Text | None = "generic"
    sections: list[SectionConfig] | None = Field(default=None, max_length=1_000)
    custom_html: LongText | None = None
    hero: HeroConfig | None = None
    theme: ThemeConfig | None = None
    seo: SEOConfig | None = None
    stats: list[StatItem] | None = Field(default=None, max_length=1_000)
    featured_gallery: FeaturedGalleryConfigInput | None = None
    tabs: list[PageTabInput] | None = Field(default=None, max_length=100)
    password_secret_name: Text | None = None


class UpdateAppRequest(Request):
    """A JSON merge patch (RFC 7396) on the draft configuration. Changes of slug and is_active take effect at once."""

    slug: OtherSlug | None = None
    meta: PageMetaPatch | None = Field(default=None, json_schema_extra=never_null)
    auth_config: AuthConfigInput | None = None
    build_config: BuildConfigPatch | None = None
    monitoring_config: MonitoringConfig | None = None
    is_active: bool | None = None
    publish: bool | None = False
    template: Text | None = None
    sections: list[SectionConfig] | None = Field(default=None, max_length=1_000)
    custom_html: LongText | None = None
    hero: HeroConfig | None = None
    theme: ThemeConfig | None = None
    seo: SEOConfig | None = None
    stats: list[StatItem] | None = Field(default=None, max_length=1_000)
    featured_gallery: FeaturedGalleryConfigInput | None = None
    tabs: list[PageTabInput] | None = Field(default=None, max_length=100)
    password_secret_name: Text | None = None


class PublishAppRequest(Request):
    """Asks for the draft configuration to go live."""

    message: Message


class VersionRecord(Answer):
    """A version in the list of an app's versions."""

    version: int | None = None
    s3_version_id: str | None = None
    asset_prefix: str | None = None
    asset_manifest: dict[str, Any] | None = None
    asset_manifest_url: str | None = None
    deployed_by: str | None = None
    deployed_at: datetime | None = None
    environment: str | None = PRODUCTION
    build_duration_ms: int | None = None
    message: str | None = None
    source_files: dict[str, str] | None = None
    git_commit_sha: str | None = None
    git_commit_message: str | None = None
    git_author: str | None = None


class AppResponse(Answer):
    """An app in full: its draft configuration, environments and latest versions."""

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
    staging_url: str = Field(description="Easel extension: the address of staging")
    draft_hash: str = Field(
        description="Easel extension: SHA-256 of the configuration, computed like the `config_hash` of versions"
    )


class AppListItem(Answer):
    """An app in a list of apps, without its large fields."""

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
    """The organisation's apps, newest first."""

    results: list[AppListItem]
    total_count: int
    limit: int
    offset: int
    max_apps: int | None = None


class GenericDeleteResponse(Answer):
    """The response that confirms a deletion."""

    message: str | None = "Successfully deleted"
    success: bool | None = True
