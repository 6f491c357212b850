"""The rules of a slug's form. The functions are pure. The database decides whether a slug is free."""

from __future__ import annotations

import re

from easel.apps.errors import SlugCollidesError, SlugInvalidError, SlugReservedError
from easel.serving.addresses import DIGITS, LEAST_CUT, PREFIXES

MIN_LENGTH = 3
MAX_LENGTH = 60

RESERVED = frozenset(
    """
    about abuse account accounts admin administrator analytics api api-docs app apps assets auth
    autoconfig autodiscover billing blog cdn cname console customer-portal dashboard demo-admin dns docs
    download downloads easel edge email files ftp git hostmaster health help host hosting imap images
    internal invite localhost login logout mail media metrics mta-sts mx news ns ns1 ns2 oauth pay
    payments pop pop3 postmaster preview previews production proxy public register registry root
    security signin signup smtp sso staging static stats status storage support sys system uploads
    webhook webhooks webmail whois wpad www
    """.split()  # noqa: SIM905
)
"""Names that people expect to belong to the platform, or that mail and network software looks up by itself."""

_SHAPE = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
# The addresses of staging and versions shorten long slugs to this form, so no app may have a slug of this form.
_CUT_FORM = re.compile(rf"-[0-9a-f]{{{DIGITS}}}\Z")
_ADDRESS_FORM = re.compile(PREFIXES)


def check_slug(slug: str) -> str:
    """Returns the slug, if its form is allowed: 3 to 60 of a-z, 0-9 and '-', no hyphen at an end and no two in a row.

    Raises SlugInvalidError and SlugReservedError. Raises SlugCollidesError for a slug that could be an address of
    another app's environment or version (`staging-shop`, `v2-shop`, `pr-7-shop`), or that ends like a shortened slug.
    """
    if not MIN_LENGTH <= len(slug) <= MAX_LENGTH:
        raise SlugInvalidError(slug=slug[:80], reason=f"it must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    if not _SHAPE.match(slug):
        raise SlugInvalidError(
            slug=slug, reason="it must consist of a-z, 0-9 and '-', and begin and end with a letter or digit"
        )
    if "--" in slug:
        raise SlugInvalidError(slug=slug, reason="it must not contain two hyphens in a row")
    if _ADDRESS_FORM.match(slug) or (len(slug) >= LEAST_CUT + DIGITS and _CUT_FORM.search(slug)):
        raise SlugCollidesError(slug=slug)
    if slug in RESERVED:
        raise SlugReservedError(slug=slug)
    return slug
