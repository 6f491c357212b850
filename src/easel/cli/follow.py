"""A deploy followed to its end: its log live, over broken connections, by asking where no stream can be had."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx

from easel.cli.client import Client
from easel.cli.errors import ApiError, FollowingLostError, NotAnEaselServerError, ServerUnreachableError
from easel.cli.sse import Event, events
from easel.deploys.schemas import DeployStatusResponse

FINAL: Final = ("complete", "failed")
_STREAM_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
_POLL_EVERY: Final = 1.0
_SILENCE: Final = 0.7
_POLL_FAILURES: Final = 30


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a deploy's log; `ts` is seconds since 1970, UTC."""

    ts: float
    line: str


class Follower:
    """Follows one deploy. It only reads: leaving it early changes nothing about the deploy."""

    def __init__(self, client: Client, app_id: str, deploy_id: str, on_line: Callable[[LogLine], None]) -> None:
        self._client = client
        self._app_id = app_id
        self._deploy_id = deploy_id
        self._on_line = on_line
        self._last_id = ""
        self._handed_on = 0

    def to_the_end(self) -> DeployStatusResponse:
        """Hands on every log line once, and gives the deploy as it ended. Raises FollowingLostError, ApiError."""
        failures = 0
        while failures <= len(_STREAM_PAUSES):
            before = self._handed_on
            try:
                if self._stream():
                    return self._ended()
            except (httpx.TransportError, NotAnEaselServerError):
                pass
            except ApiError as error:
                if error.http_status < 500:
                    raise
            failures = 1 if self._handed_on > before else failures + 1
            if failures <= len(_STREAM_PAUSES):
                time.sleep(_STREAM_PAUSES[failures - 1])
        return self._ended()

    def replay(self, silence: float) -> None:
        """Hands on what there is; ends with httpx.ReadTimeout when nothing came for `silence` seconds."""
        self._stream(silence)

    def _stream(self, silence: float | None = None) -> bool:
        """Reads the stream until it ends; whether it said that this was the end."""
        with self._client.log_stream(self._app_id, self._deploy_id, self._last_id or None, silence) as chunks:
            # A server that gives no ids begins again from the first line.
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

    def _ended(self) -> DeployStatusResponse:
        """Asks for the status until it is final."""
        failures = 0
        while failures < _POLL_FAILURES:
            try:
                deploy = self._client.deploy_status(self._app_id, self._deploy_id)
            except (ServerUnreachableError, NotAnEaselServerError):
                failures += 1
            except ApiError as error:
                if error.http_status < 500:
                    raise
                failures += 1
            else:
                failures = 0
                if deploy.status in FINAL:
                    return deploy
            time.sleep(_POLL_EVERY)
        raise FollowingLostError(deploy_id=self._deploy_id)


def log_so_far(client: Client, app_id: str, deploy_id: str, on_line: Callable[[LogLine], None]) -> None:
    """Hands on what a running deploy has logged until now: the stream's replay, up to its first silence."""
    follower = Follower(client, app_id, deploy_id, on_line)
    with suppress(httpx.ReadTimeout):
        follower.replay(_SILENCE)
