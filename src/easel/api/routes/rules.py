"""The operation that shows a version's rules: the rules in force, the refused rules with their reasons, and remarks."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import APIRouter, Response

from easel.api.http.context import Parts, Reader, Work
from easel.api.http.limits import weighs
from easel.api.http.route import EaselRoute
from easel.api.routes.versions import Number, manifest_of
from easel.apps.service import get_app
from easel.rules.changes import header_texts, redirect_text
from easel.rules.models import Rules
from easel.versions.schemas import VersionRulesResponse
from easel.versions.service import get_version

router = APIRouter(prefix="/v1/apps", tags=["Apps"], route_class=EaselRoute)


@router.get("/{app_id}/versions/{version}/rules", summary="Get a Version's Rules", response_model=VersionRulesResponse)
@weighs(5)
async def get_rules(app_id: str, version: Number, work: Work, caller: Reader, parts: Parts) -> Response:
    """Show the parsed rules of a version's rules files (`_redirects`, `_headers` and the like)."""
    app = await get_app(work, caller, app_id)
    found = await get_version(work, app, version)
    await work.release()
    manifest = await manifest_of(parts.objects, found)
    rules = manifest.rules if manifest is not None else None
    return await asyncio.to_thread(_shown, app.id, found.number, rules)


def _shown(app_id: str, version: int, rules: Rules | None) -> Response:
    # The rules may be ten thousand lines, so the fastest encoder writes them. The schema is VersionRulesResponse's.
    body = {
        "app_id": app_id,
        "version": version,
        "dialect": rules.dialect if rules is not None else None,
        "because": rules.because if rules is not None else None,
        "html_handling": (rules.pages or None) if rules is not None else None,
        "not_found_handling": (rules.not_found or None) if rules is not None else None,
        "redirects": [],
        "headers": [],
        "refused": [],
        "notes": [],
    }
    if rules is not None:
        body["redirects"] = [
            {
                "file": one.file,
                "line": one.line,
                "text": redirect_text(one),
                "source": one.source,
                "target": one.target,
                "status": one.status,
                "forced": one.forced,
            }
            for one in rules.redirects
        ]
        body["headers"] = [
            {
                "file": block.file,
                "line": block.line,
                "path": block.path,
                "host": block.host or None,
                "excepts": list(block.excepts),
                "headers": [line for _, line in header_texts(block)],
            }
            for block in rules.headers
        ]
        body["refused"] = [
            {"file": one.file, "line": one.line, "text": one.text, "reason": one.reason, "guards": one.guards}
            for one in rules.refused
        ]
        body["notes"] = [{"file": one.file, "line": one.line, "text": one.text} for one in rules.notes]
    return Response(msgspec.json.encode(body), media_type="application/json")
