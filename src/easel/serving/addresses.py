"""Host names: the addresses of an app's environments and numbered versions."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from easel.settings import Settings

PRODUCTION: Final = "production"
"""The environment whose address is the slug alone."""
STAGING: Final = "staging"
NAMES: Final = (PRODUCTION, STAGING)
"""The environments that every app has. Production comes first. Other environments have names like `pr-7`."""

LABEL: Final = 63
"""Maximum length of a DNS label, in octets (RFC 1035 §2.3.4)."""

PREFIXES: Final = "staging-|v[0-9]+-|pr-[0-9]+-"
"""A regular expression for every prefix that a host label can have before the slug. No slug may begin with such a
prefix."""
_NUMBER = "[1-9][0-9]{0,9}"
_PREFIXED = re.compile(rf"(staging|pr-{_NUMBER}|v({_NUMBER}))-(.+)\Z")
_PREFIX_LENGTHS = range(len("v1-"), len("pr-1234567890-") + 1)

DIGITS: Final = 6
"""Number of hash digits (hex) that are appended to a truncated slug."""
UNCUT: Final = LABEL - _PREFIX_LENGTHS[-1]
"""Maximum length of a slug that is never truncated."""
LEAST_CUT: Final = UNCUT - 1 - DIGITS
"""Number of first characters of a long slug that all of its host labels contain, even with the longest prefix. Two
slugs with equal first characters and equal hash digits would share addresses."""


def host_label(environment: str, slug: str) -> str:
    """Returns the first label of an environment's host: `shop`, `staging-shop`, `v3-shop`, `pr-7-shop`. If the label
    would be too long, the slug is truncated, and six hex digits of its hash are appended."""
    if environment == PRODUCTION:
        return slug
    prefix = f"{environment}-"
    return prefix + _fitted(slug, len(prefix))


def _fitted(slug: str, prefix: int) -> str:
    if prefix + len(slug) <= LABEL:
        return slug
    digest = hashlib.sha256(slug.encode()).hexdigest()[:DIGITS]
    return f"{slug[: LABEL - prefix - 1 - DIGITS].rstrip('-')}-{digest}"


def split_label(label: str) -> tuple[str, str, int | None] | None:
    """Splits a host label such as `staging-shop`, `pr-7-shop` or `v3-shop` into environment, slug (perhaps truncated)
    and version number. The number is None except for a version's own label (`v3-shop`). Returns None for a label in any
    other form."""
    match = _PREFIXED.match(label)
    if match is None:
        return None
    environment, number, slug = match.groups()
    return environment, slug, int(number) if number else None


def slug_forms(slug: str) -> set[str]:
    """Returns every spelling of a slug in host labels: the whole slug, and the truncated slugs for prefixes of each
    length."""
    if len(slug) <= UNCUT:
        return {slug}
    return {slug, *(_fitted(slug, prefix) for prefix in _PREFIX_LENGTHS)}


def version_environment(number: int) -> str:
    """Returns the environment name that a numbered version has at its own address: `v3` for version 3."""
    return f"v{number}"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The domain, scheme and port of an installation, from which it builds the public addresses of apps."""

    scheme: str
    domain: str
    port: int

    @classmethod
    def of(cls, settings: Settings) -> Addresses:
        """Returns the domain, scheme and port that the settings contain."""
        return cls(settings.edge_scheme, settings.domain, settings.public_edge_port)

    def url(self, environment: str, slug: str) -> str:
        """Returns the full URL of an app's environment, such as `https://staging-shop.DOMAIN`."""
        return self.at(host_label(environment, slug))

    def version_url(self, number: int, slug: str) -> str:
        """Returns the full URL of an app's numbered version, such as `https://v3-shop.DOMAIN`."""
        return self.url(version_environment(number), slug)

    def at(self, label: str) -> str:
        """Returns the full URL of a host label such as `staging-shop`. A port that is the scheme's default is left
        out."""
        default = 443 if self.scheme == "https" else 80
        suffix = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{label}.{self.domain}{suffix}/"
