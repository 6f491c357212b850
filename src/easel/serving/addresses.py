"""Host names: which address belongs to which environment or version of which app."""

from __future__ import annotations

import hashlib
import re
from typing import Final

PRODUCTION: Final = "production"
"""The environment that has the slug itself as its address."""

LABEL = 63
"""The longest a DNS label may be, in octets (RFC 1035 §2.3.4)."""

_VERSION_HOST = re.compile(r"v([1-9][0-9]{0,9})-(.+)\Z")


def host_label(environment: str, slug: str) -> str:
    """The first label of an environment's host: `shop`, `staging-shop`, `v3-shop`, `pr-7-shop`.

    Where it would be longer than a label may be, the slug is cut and six hex digits of its hash are appended.
    """
    if environment == PRODUCTION:
        return slug
    prefix = f"{environment}-"
    if len(prefix) + len(slug) <= LABEL:
        return prefix + slug
    digest = hashlib.sha256(slug.encode()).hexdigest()[:6]
    return f"{prefix}{slug[: LABEL - len(prefix) - 7].rstrip('-')}-{digest}"


def version_environment(number: int) -> str:
    """The name that version's own address has in place of an environment's."""
    return f"v{number}"


def version_in(label: str) -> tuple[int, str] | None:
    """The version number and the rest of a label such as `v3-shop`, or None if it has not that form."""
    match = _VERSION_HOST.match(label)
    return (int(match[1]), match[2]) if match else None


def shortened_slug(number: int, slug: str) -> str:
    """What follows `v{number}-` in the address of that version of the app."""
    return host_label(version_environment(number), slug).split("-", 1)[1]


def address(environment: str, slug: str, *, scheme: str, domain: str, port: int) -> str:
    """The full URL of an environment; the port is left out where it is the scheme's own."""
    default = 443 if scheme == "https" else 80
    suffix = "" if port == default else f":{port}"
    return f"{scheme}://{host_label(environment, slug)}.{domain}{suffix}/"
