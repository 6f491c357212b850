"""Prints the probable reason, once, if a deploy stays queued while it is followed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from urllib3.exceptions import HTTPError

from easel.cli.session import Session
from easel.deploys.states import BUILD_QUEUED, BUILDING, QUEUED
from easel.errors import EaselError

REPORT_AFTER: Final = 10.0
"""Number of seconds in the queue after which a note about the wait is printed."""

_HELD_BACK: Final[Mapping[str | None, str]] = {
    # The running deploy may be older than all deploys in the list. Then its id is unknown, and one of these texts is
    # used.
    "builder": "no builder is free",
    "app": "another deploy of this app must end first",
    "organisation": "your organisation's limit of simultaneous deploys is reached",
    "everywhere": "the server's limit of simultaneous deploys is reached",
}


def waiting_for(waits_for: str | None) -> str:
    """Returns the end of a sentence about a queued deploy, such as `: another deploy of this app must end first`.
    `waits_for` is the cause that the API states. Returns "" if the cause is unknown."""
    return f": {_HELD_BACK[waits_for]}" if waits_for in _HELD_BACK else ""


@contextmanager
def note_long_wait(session: Session, app_id: str, deploy_id: str) -> Iterator[None]:
    """Prints a note that the deploy is still queued, once, if the block takes at least `REPORT_AFTER` seconds. Prints
    nothing with --json."""
    if session.output.as_json:
        yield
        return
    timer = threading.Timer(REPORT_AFTER, _look, (session, app_id, deploy_id))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _look(session: Session, app_id: str, deploy_id: str) -> None:
    # The server may be unreachable, or the connection closed. In both cases, there is nothing to report.
    with suppress(EaselError, HTTPError):
        deploy = session.client.deploy_status(app_id, deploy_id)
        if deploy.status != QUEUED and deploy.step != BUILD_QUEUED:
            return
        listed = session.client.list_deploys(app_id, limit=50)
        ahead = next((deploy.deploy_id for deploy in listed.deploys if deploy.status == BUILDING), None)
        held_back = _HELD_BACK.get(listed.waits_for)
        reason = (
            f": the deploy {ahead} must end first."
            if ahead
            else f": {held_back}."
            if held_back
            else ". Perhaps no worker is running."
        )
        session.output.warn(f"Still queued after {REPORT_AFTER:g} s{reason}")
