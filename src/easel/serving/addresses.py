"""Host names: which address belongs to which environment or version of which app."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from easel.settings import Settings

PRODUCTION: Final = "production"
"""The environment that has the slug itself as its address."""
STAGING: Final = "staging"
NAMES: Final = (PRODUCTION, STAGING)
"""The environments that every app has, the one that visitors know first. Others are named `pr-7`."""

LABEL: Final = 63
"""The longest a DNS label may be, in octets (RFC 1035 §2.3.4)."""

PREFIXES: Final = "staging-|v[0-9]+-|pr-[0-9]+-"
"""A pattern of all that may stand before a slug in a label, so that no slug may begin with it."""
_NUMBER = "[1-9][0-9]{0,9}"
_PREFIXED = re.compile(rf"(staging|pr-{_NUMBER}|v({_NUMBER}))-(.+)\Z")
_PREFIX_LENGTHS = range(len("v1-"), len("pr-1234567890-") + 1)

DIGITS: Final = 6
"""Hex digits of a long slug's hash that stand for what is cut off."""
UNCUT: Final = LABEL - _PREFIX_LENGTHS[-1]
"""The longest slug that is whole in all its addresses."""
LEAST_CUT: Final = UNCUT - 1 - DIGITS
"""How much is left of a longer one under the longest prefix: two that share it and the digits would share addresses."""


def host_label(environment: str, slug: str) -> str:
    """The first label of an environment's host: `shop`, `staging-shop`, `v3-shop`, `pr-7-shop`.

    Where it would be longer than a label may be, the slug is cut and six hex digits of its hash are appended.
    """
    if environment == PRODUCTION:
        return slug
    prefix = f"{environment}-"
    return prefix + _fitted(slug, len(prefix))


def _fitted(slug: str, prefix: int) -> str:
    if prefix + len(slug) <= LABEL:
        return slug
    digest = hashlib.sha256(slug.encode()).hexdigest()[:DIGITS]
    return f"{slug[: LABEL - prefix - 1 - DIGITS].rstrip('-')}-{digest}"


def taken_apart(label: str) -> tuple[str, str, int | None] | None:
    """What a label such as `staging-shop`, `pr-7-shop` or `v3-shop` names, or None if it has not that form: the
    environment, the slug, perhaps cut, and the version's number where it is a version's own address."""
    match = _PREFIXED.match(label)
    if match is None:
        return None
    environment, number, slug = match.groups()
    return environment, slug, int(number) if number else None


def slug_forms(slug: str) -> set[str]:
    """The slug as it is in the labels of its environments and versions: whole, and cut for prefixes of each length."""
    if len(slug) <= UNCUT:
        return {slug}
    return {slug, *(_fitted(slug, prefix) for prefix in _PREFIX_LENGTHS)}


def version_environment(number: int) -> str:
    """The name that version's own address has in place of an environment's."""
    return f"v{number}"


@dataclass(frozen=True, slots=True)
class Addresses:
    """How apps are reached from outside: under which domain, over which scheme, at which port."""

    scheme: str
    domain: str
    port: int

    @classmethod
    def of(cls, settings: Settings) -> Addresses:
        """Those of an installation with these settings."""
        return cls(settings.edge_scheme, settings.domain, settings.public_edge_port)

    def url(self, environment: str, slug: str) -> str:
        """The full URL of an environment."""
        return self.at(host_label(environment, slug))

    def version_url(self, number: int, slug: str) -> str:
        """The full URL of a version's own address."""
        return self.url(version_environment(number), slug)

    def at(self, label: str) -> str:
        """The full URL of a host label; the port is left out where it is the scheme's own."""
        default = 443 if self.scheme == "https" else 80
        suffix = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{label}.{self.domain}{suffix}/"
