"""Follows a deploy to its end. Its log is shown live, across broken connections, and by polling if no stream is
available."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from urllib3.exceptions import HTTPError, ReadTimeoutError

from easel.cli.answers import Deploy
from easel.cli.client import Client
from easel.cli.errors import ApiError, NotAnEaselServerError, ServerUnreachableError
from easel.cli.session import Session
from easel.cli.shipping.errors import FollowingLostError
from easel.cli.shipping.sse import Event, events
from easel.deploys.states import FINAL

_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
_STUCK_ROUNDS: Final = 2
_SILENCE: Final = 0.7
_TOLD_AFTER: Final = 2
_UNREACHABLE_ROUNDS: Final = 30


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a deploy's log. `ts` is in seconds since 1970, UTC."""

    ts: float
    line: str


def note_lost(session: Session) -> Callable[[], None]:
    """Returns a function that tells the user that the server is unreachable, for a follower's `on_lost`."""

    def tell() -> None:
        session.output.say(f"{session.client.server} is unreachable. Trying again for a minute …", style="yellow")

    return tell


class Follower:
    """Follows one deploy. A follower only reads, so stopping it early does not affect the deploy."""

    def __init__(
        self,
        client: Client,
        app_id: str,
        deploy_id: str,
        on_line: Callable[[LogLine], None],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Follows the deploy of this id. `on_lost` is called when the server has not responded a few times in a row."""
        self._client = client
        self._app_id = app_id
        self._deploy_id = deploy_id
        self._on_line = on_line
        self._on_lost = on_lost
        self._last_id = ""
        self._handed_on = 0

    def to_the_end(self) -> Deploy:
        """Calls the follower's `on_line` with every log line, each line once, and returns the finished deploy. Raises
        FollowingLostError, ApiError.

        The status is polled between attempts to open the stream. So the deploy is followed across a restart of the
        server, and behind a proxy that blocks streams.
        """
        ended = False
        stuck = unreachable = 0
        while unreachable <= _UNREACHABLE_ROUNDS:
            before = self._handed_on
            ended = ended or self._streamed()
            stuck = 0 if self._handed_on > before else stuck + 1
            if ended or stuck >= _STUCK_ROUNDS:
                deploy = self._status()
                if deploy is not None and deploy.status in FINAL:
                    return deploy
                unreachable = unreachable + 1 if deploy is None else 0
                if unreachable == _TOLD_AFTER:
                    self._on_lost()
            time.sleep(_PAUSES[min(stuck, len(_PAUSES) - 1)])
        raise FollowingLostError(deploy_id=self._deploy_id)

    def _streamed(self) -> bool:
        """Returns true if the stream reached its end. Returns false if the stream broke or was unavailable."""
        try:
            return self._stream()
        except (HTTPError, NotAnEaselServerError):
            return False
        except ApiError as error:
            if error.http_status < 500 and error.http_status != 429:
                raise
            return False

    def _status(self) -> Deploy | None:
        """Returns the deploy in its current state. Returns None if the server does not respond."""
        try:
            return self._client.deploy_status(self._app_id, self._deploy_id)
        except (ServerUnreachableError, NotAnEaselServerError):
            return None
        except ApiError as error:
            if error.http_status < 500 and error.http_status != 429:
                raise
            return None

    def replay(self, silence: float) -> None:
        """Passes on the log lines that exist so far. Ends with urllib3's ReadTimeoutError after `silence` seconds
        without data."""
        self._stream(silence)

    def _stream(self, silence: float | None = None) -> bool:
        """Reads the stream of log lines until the stream ends. Returns true if the server sent the event `done`, which
        ends the log."""
        with self._client.log_stream(self._app_id, self._deploy_id, self._last_id or None, silence) as chunks:
            # A server that sends no event ids starts again from the first line.
            known = 0 if self._last_id else self._handed_on
            for event in events(chunks):
                if event.event == "done":
                    return True
                if known:
                    known -= 1
                else:
                    self._hand_on(event)
        return False

    def _hand_on(self, event: Event) -> None:
        self._last_id = event.id or self._last_id
        self._handed_on += 1
        try:
            entry = json.loads(event.data)
            line = LogLine(ts=float(entry["ts"]), line=str(entry["line"]))
        except (ValueError, KeyError, TypeError):
            return
        self._on_line(line)


def log_so_far(client: Client, app_id: str, deploy_id: str, on_line: Callable[[LogLine], None]) -> None:
    """Passes the log lines that a running deploy has written so far to `on_line`. The server sends these lines at once,
    so the first pause in the stream ends them."""
    follower = Follower(client, app_id, deploy_id, on_line)
    with suppress(ReadTimeoutError):
        follower.replay(_SILENCE)
