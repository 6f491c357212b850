"""An app that is created for a deploy, and removed again if the deploy fails."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from urllib3.exceptions import HTTPError

from easel.cli.answers import App
from easel.cli.session import Session
from easel.errors import EaselError


class NewApp:
    """An app that was created for a deploy. As a context manager, it deletes the app again if the block raises."""

    def __init__(self, session: Session, app: App) -> None:
        self._session = session
        self._app = app

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        if kind is not None:
            self.take_back(None)

    def take_back(self, file: Path | None) -> bool:
        """Deletes the app and the easel.toml that was written for it. Does nothing if another user has deployed to the
        app in the meantime. Returns true if the app was deleted."""
        client, app = self._session.client, self._app
        try:
            ended = [deploy.version for deploy in client.list_deploys(app.app_id, limit=2).deploys]
            if ended not in ([], [None]):
                return False
            client.delete_app(app.app_id)
        except (EaselError, HTTPError):
            self._session.output.warn(f"the new app {app.slug} could not be removed. It has no version.")
            return False
        if file is not None:
            file.unlink(missing_ok=True)
        what = f"the new app {app.slug}" + (f" and {file.name}" if file else "")
        self._session.output.say(f"Nothing went live, so {what} {'were' if file else 'was'} removed again.")
        return True
