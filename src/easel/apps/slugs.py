"""Whether a slug is free: nobody has it, and nobody else had it lately. What a slug may be is in `rules`.

Browsers keep what an address gave them: service workers, storage, cookies, files that are cached for a year. So a slug
stays its organisation's for a while after its app has left it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import LiteralString

from sqlalchemy.exc import IntegrityError

from easel import clock
from easel.apps.errors import SlugReservedError, SlugTakenError, TooManySlugsError
from easel.apps.models import App, is_cut, short_host
from easel.storage.database import Transaction

# A long slug is taken as well by one that has the same addresses where it is cut.
_GIVEN: LiteralString = "%(slug)s::text"
_CUT_ALIKE: LiteralString = (
    f"{is_cut('slug')} and {is_cut(_GIVEN)} and {short_host('slug')} = {short_host(_GIVEN)}"  # one index finds it
)
_TAKEN: LiteralString = (
    f"select 1 from app where deleted_at is null and slug = {_GIVEN}"  # noqa: S608 (made of constants)
    f" union all select 1 from app where deleted_at is null and {_CUT_ALIKE}"
)
_OF_OTHERS: LiteralString = "select 1 from former_slug where freed_at > %(since)s and org_id <> %(org)s"
_RESERVED: LiteralString = f"{_OF_OTHERS} and slug = {_GIVEN} union all {_OF_OTHERS} and {_CUT_ALIKE}"


async def refuse_taken(work: Transaction, slug: str, org_id: str, reserved_for: float) -> None:
    """Raises SlugTakenError if an app has the slug, SlugReservedError if another organisation's app had it within the
    last `reserved_for` seconds."""
    if await work.sql(_TAKEN, {"slug": slug}):
        raise SlugTakenError(slug=slug)
    await _refuse_reserved(work, slug, org_id, reserved_for)


MOST_LEFT = 200
"""Slugs that an organisation may have left, by deleting and renaming, before it may rename no more."""
_LEFT: LiteralString = "select count(*) from former_slug where org_id = %(org)s and freed_at > %(since)s"


async def refuse_many(work: Transaction, org_id: str, reserved_for: float) -> None:
    """Raises TooManySlugsError where the organisation has left very many slugs within the last `reserved_for` seconds:
    each rename would keep another one from everybody else."""
    since = clock.now() - timedelta(seconds=reserved_for)
    ((left,),) = await work.sql(_LEFT, {"org": org_id, "since": since})
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
    if reserved_for and await work.sql(_RESERVED, {"slug": slug, "org": org_id, "since": since}):
        raise SlugReservedError(slug=slug)
