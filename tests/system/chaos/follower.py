"""People who follow the logs of deploys through the storm, and the lines that they saw."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from dataclasses import dataclass, field

import httpx

from tests.system.chaos.story import PATIENCE, Person
from tests.system.cluster import Cluster

Line = tuple[int, str]
"""A displayed log line: its id and text."""


@dataclass
class Shown:
    """The displayed part of one deploy's log, and whether the stream ended with its end event."""

    lines: list[Line] = field(default_factory=list)
    done: bool = False


class Follower:
    """A person who follows one deploy after another, at any api. After an interruption, the person continues at another
    api."""

    def __init__(self, cluster: Cluster, people: list[Person], seed: int) -> None:
        self._cluster = cluster
        self._people = people
        self._random = random.Random(seed)
        self._client = httpx.Client(timeout=60, trust_env=False)
        self.shown: dict[str, Shown] = {}
        self.resumed = 0
        """The number of interruptions of the stream."""

    def go_on(self, until: threading.Event) -> None:
        """Follows deploys until told to stop, and follows the last deploy to its end."""
        while not until.is_set():
            person = self._random.choice(self._people)
            deploy_id = person.accepted[-1]
            if deploy_id in self.shown:
                time.sleep(0.05)
                continue
            self._follow(
                person, f"/v1/apps/{person.app_id}/deploys/{deploy_id}", self.shown.setdefault(deploy_id, Shown())
            )

    def _follow(self, person: Person, deploy: str, shown: Shown) -> None:
        deadline = time.monotonic() + PATIENCE
        had_ended = False
        while not shown.done:
            with contextlib.suppress(httpx.TransportError):
                self._read(f"{deploy}/logs/stream", shown, deadline)
            if shown.done:
                return
            self.resumed += 1
            time.sleep(0.05)
            if time.monotonic() > deadline:
                # The duration of a deploy is not checked here.
                assert not had_ended, f"the log of {deploy} was never shown to its end"
                had_ended = person.insist("GET", deploy)["status"] in ("complete", "failed")
                deadline = time.monotonic() + PATIENCE

    def _read(self, path: str, shown: Shown, deadline: float) -> None:
        machine = self._random.choice(self._cluster.machines)
        headers = {"Authorization": f"Bearer {machine.api_key}"}
        if shown.lines:
            headers["Last-Event-ID"] = str(shown.lines[-1][0])
        with self._client.stream("GET", machine.api_url + path, headers=headers) as answer:
            if answer.status_code >= 500:
                return
            assert answer.status_code == 200, answer.read()
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                # An event counts once its blank line has arrived. An incomplete event is sent again.
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                else:
                    if event.get("event") == "done":
                        shown.done = True
                    elif "data" in event:
                        shown.lines.append((int(event["id"]), str(json.loads(event["data"])["line"])))
                    event = {}
                if time.monotonic() > deadline:
                    return
