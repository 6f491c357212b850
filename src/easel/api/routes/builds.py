"""The operations on an app's builds."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from easel.api.http.context import Deployer, Work
from easel.api.http.route import EaselRoute
from easel.apps.service import clear_build_cache, get_app

router = APIRouter(prefix="/v1/apps/{app_id}", tags=["Apps"], route_class=EaselRoute)


@router.delete("/build-cache", summary="Clear the Build Cache", response_model=dict[str, Any])
async def clear(app_id: str, work: Work, caller: Deployer) -> dict[str, Any]:
    """Make the app's next builds start without the dependencies, downloads and caches of earlier builds. This operation
    is an addition to the contract."""
    app = await get_app(work, caller, app_id, lock=True)
    clear_build_cache(app)
    return {"app_id": app.id, "message": "The next build of each environment runs without a cache", "success": True}
