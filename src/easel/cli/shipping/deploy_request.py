"""Requests a deploy, whatever its source."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from easel.cli.answers import Accepted
from easel.cli.errors import InterruptedByUserError
from easel.cli.session import Session


def request_deploy(session: Session, app_id: str, request: Mapping[str, Any]) -> Accepted:
    """Requests a deploy of the app, and reports that it is queued. If the connection breaks, the request is repeated,
    but the server starts only one deploy. Raises InterruptedByUserError, and the API's errors."""
    try:
        accepted = session.client.deploy(app_id, request, idempotency_key=uuid.uuid4().hex)
    except KeyboardInterrupt:
        raise InterruptedByUserError(
            what="Interrupted while starting the deploy. The server may have accepted the deploy. Check with `easel "
            "deploys`."
        ) from None
    session.output.say(f"Queued {accepted.deploy_id} for {accepted.environment}.")
    return accepted
