"""`GET /v1/limits`: the limits of an organisation, and their usage. An addition to the contract."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from easel import clock
from easel.access.schemas import LimitResponse, ListLimitsResponse
from easel.api.http.context import OrganisationReader, Parts, Work
from easel.api.http.route import EaselRoute
from easel.deploys.service import minutes, next_day
from easel.storage.queue import BUILDS, DEPLOYS
from easel.storage.statements import statements
from easel.uploads.service import waiting_uploads
from easel.versions.room import configuration_bytes

_SQL = statements(__name__)

router = APIRouter(prefix="/v1/limits", tags=["Limits"], route_class=EaselRoute)

_USED = _SQL["used"]


@router.get("", summary="List Limits", response_model=ListLimitsResponse)
async def list_limits(work: Work, caller: OrganisationReader, parts: Parts) -> ListLimitsResponse:
    """List the organisation's limits, their usage, and the time when usage expires."""
    settings, organisation = parts.settings, caller.org_id
    wanted = {"org": organisation, "deploys": DEPLOYS, "builds": BUILDS}
    ((apps, deploys, builds, waiting_builds, build_time),) = await work.sql(_USED, wanted)
    uploads = await waiting_uploads(work, organisation, settings)
    configurations = await configuration_bytes(work, organisation)
    seconds = parts.limiter.frees_in(organisation)
    requests_free_at = clock.iso(clock.now() + timedelta(seconds=seconds)) if seconds else None
    uploads_free_at = clock.iso(uploads.frees_at)
    build_minutes, midnight = minutes(build_time), clock.iso(next_day())
    rows: tuple[tuple[str, int, int, str | None], ...] = (
        (
            "requests_per_minute",
            settings.rate_limit_per_minute,
            round(parts.limiter.used(organisation)),
            requests_free_at,
        ),
        ("log_streams", settings.max_log_streams, parts.streams.used(organisation), None),
        ("deploys_at_once", settings.deploys_at_once_per_organisation, deploys, None),
        ("builds_at_once", settings.builds_at_once_per_organisation, builds, None),
        ("build_minutes_per_day", settings.build_minutes_per_day, build_minutes, midnight if build_minutes else None),
        ("waiting_builds", settings.max_waiting_builds, waiting_builds, None),
        ("waiting_uploads", settings.max_waiting_uploads, uploads.addresses, uploads_free_at),
        ("waiting_upload_bytes", settings.max_waiting_upload_bytes, uploads.size, uploads_free_at),
        ("apps", settings.max_apps, apps, None),
        ("configuration_bytes", settings.max_configuration_bytes, configurations, None),
    )
    return ListLimitsResponse(
        limits=[LimitResponse(name=name, limit=limit or None, used=used, frees_at=at) for name, limit, used, at in rows]
    )
