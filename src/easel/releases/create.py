"""Creates an app with its environments."""

from __future__ import annotations

from easel.access.secrets import Vault
from easel.access.service import Subject
from easel.apps.changes import routing_changed
from easel.apps.models import App
from easel.apps.schemas import CreateAppRequest
from easel.apps.service import add_app
from easel.environments.service import new_environments
from easel.storage.database import Transaction


async def create_app(
    work: Transaction,
    vault: Vault,
    caller: Subject,
    request: CreateAppRequest,
    *,
    max_apps: int | None,
    namespace: str | None,
    reserved_for: float,
) -> App:
    """Creates an app with the configuration in the request, and makes this configuration live. Raises the Slug…Errors,
    TooManyAppsError, ConfigTooLargeError, EnvVarsTooLargeError.

    `reserved_for` is the number of seconds for which a slug that has become free stays reserved for its former
    organisation.
    """
    app = await add_app(work, vault, caller, request, max_apps=max_apps, namespace=namespace, reserved_for=reserved_for)
    work.session.add_all(new_environments(app))
    await work.session.flush()
    await routing_changed(work, app.id, hosts=True)
    return app
