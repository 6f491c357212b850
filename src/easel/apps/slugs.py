"""Checks whether a slug is free: no app has the slug, and no other organisation had the slug recently. `rules` checks
its form.

Browsers keep state for an address: service workers, storage, cookies, files that are cached for a year. So a slug stays
reserved for its organisation for a while after its app has given it up.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from easel import clock
from easel.apps.errors import SlugReservedError, SlugTakenError, TooManySlugsError
from easel.apps.models import App, FormerSlug
from easel.storage.database import Transaction
from easel.storage.statements import statements

_SQL = statements(__name__)


async def refuse_taken(work: Transaction, slug: str, org_id: str, reserved_for: float) -> None:
    """Raises SlugTakenError if an app has the slug. Raises SlugReservedError if another organisation's app had the slug
    within the last `reserved_for` seconds."""
    if await work.sql(_SQL["taken"], {"slug": slug}):
        raise SlugTakenError(slug=slug)
    await _refuse_reserved(work, slug, org_id, reserved_for)


MOST_LEFT = 200
"""Maximum number of an organisation's reserved slugs, from deleted and renamed apps. An organisation at this limit
cannot rename apps."""


async def refuse_many(work: Transaction, org_id: str, reserved_for: float) -> None:
    """Raises TooManySlugsError if the organisation has given up too many slugs within the last `reserved_for` seconds.
    There is a maximum because each rename keeps another slug reserved."""
    since = clock.now() - timedelta(seconds=reserved_for)
    lately = select(func.count()).select_from(FormerSlug)
    lately = lately.where(FormerSlug.org_id == org_id, FormerSlug.freed_at > since)
    left = await work.session.scalar(lately) or 0
    if reserved_for and left >= MOST_LEFT:
        raise TooManySlugsError(used=left, limit=MOST_LEFT)


async def flush_slug(work: Transaction, app: App, reserved_for: float) -> None:
    """Writes the app with its new slug. Raises the errors of `refuse_taken`, because another app may have taken the
    slug since the first check.

    The reservation is checked again after the slug is written. The unique index accepts the slug only after its former
    owner has committed the change that released it. That owner may have taken and released the slug after the first
    check.
    """
    slug, org_id = app.slug, app.org_id
    try:
        await work.session.flush()
    except IntegrityError as error:
        if "uq_app_slug_live" in str(error.orig) or "uq_app_short_host_live" in str(error.orig):
            raise SlugTakenError(slug=slug) from error
        raise
    await _refuse_reserved(work, slug, org_id, reserved_for)


async def _refuse_reserved(work: Transaction, slug: str, org_id: str, reserved_for: float) -> None:
    since = clock.now() - timedelta(seconds=reserved_for)
    if reserved_for and await work.sql(_SQL["reserved"], {"slug": slug, "org": org_id, "since": since}):
        raise SlugReservedError(slug=slug)
