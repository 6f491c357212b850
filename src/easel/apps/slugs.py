"""Whether a slug is free: nobody has it, and nobody else had it lately. What a slug may be is in `rules`.

Browsers keep what an address gave them: service workers, storage, cookies, files that are cached for a year. So a slug
stays its organisation's for a while after its app has left it.
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
    """Raises SlugTakenError if an app has the slug, SlugReservedError if another organisation's app had it within the
    last `reserved_for` seconds."""
    if await work.sql(_SQL["taken"], {"slug": slug}):
        raise SlugTakenError(slug=slug)
    await _refuse_reserved(work, slug, org_id, reserved_for)


MOST_LEFT = 200
"""Slugs that an organisation may have left, by deleting and renaming, before it may rename no more."""


async def refuse_many(work: Transaction, org_id: str, reserved_for: float) -> None:
    """Raises TooManySlugsError where the organisation has left very many slugs within the last `reserved_for` seconds:
    each rename would keep another one from everybody else."""
    since = clock.now() - timedelta(seconds=reserved_for)
    lately = select(func.count()).select_from(FormerSlug)
    lately = lately.where(FormerSlug.org_id == org_id, FormerSlug.freed_at > since)
    left = await work.session.scalar(lately) or 0
    if reserved_for and left >= MOST_LEFT:
        raise TooManySlugsError(used=left, limit=MOST_LEFT)


async def flush_slug(work: Transaction, app: App, reserved_for: float) -> None:
    """Writes the app with its new slug. Raises as `refuse_taken` does: somebody may have been faster.

    Once the unique index has the slug, whoever had it before has committed that they left it. So it is asked only now
    whether they had it lately; `refuse_taken` may have looked before they even came.
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
