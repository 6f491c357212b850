"""The storm's people, who deploy and restore, and its visitors. Also the responses that each of them got."""

from __future__ import annotations

import random
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from testbed.running import zip_of
from tests.system.cluster import Cluster

PATIENCE = 180
"""Timeout in seconds of a request that is repeated until it has a response."""
MOST_WAITING = 8
"""Maximum number of unfinished deploys of one app."""
PROJECT = '{"name": "x", "scripts": {"build": "cp -r src dist"}}'
"""A project that builds at once, without a registry."""
_TOLD = re.compile(r"<title>(\w+)</title>")


@dataclass
class Person:
    """A person with an app, who uses any api, and the next api if it does not respond."""

    cluster: Cluster
    seed: int
    app_id: str = ""
    slug: str = ""
    accepted: list[str] = field(default_factory=list)
    """The deploys that an api has accepted, in order."""
    built: set[str] = field(default_factory=set)
    """The accepted deploys whose source Easel builds."""
    tokens: dict[str, str] = field(default_factory=dict)
    """The text of each deploy's page."""
    restores: int = 0
    repeats: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._client = httpx.Client(timeout=60, trust_env=False)

    def begin(self) -> None:
        """Creates the app, and makes its first version live."""
        self.slug = f"chaos-{self.seed % 10_000}-{secrets.token_hex(3)}x"
        made = self.insist("POST", "/v1/apps", {"slug": self.slug, "meta": {"title": "x"}})
        self.app_id = made["app_id"]
        self._deploy()
        while self._waiting():
            time.sleep(0.05)

    def go_on(self, until: threading.Event) -> None:
        """Deploys, and sometimes restores, until told to stop."""
        while not until.is_set():
            if self._random.random() < 0.7 and self._waiting() < MOST_WAITING:
                self._deploy()
            else:
                self._restore()

    def insist(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Repeats a request until an api answers it. The request takes effect once, however often it is sent."""
        headers = {"Authorization": f"Bearer {self.cluster.machines[0].api_key}"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(12)
        deadline = time.monotonic() + PATIENCE
        while True:
            machine = self._random.choice(self.cluster.machines)
            try:
                answer = self._client.request(method, machine.api_url + path, json=body, headers=headers)
                if answer.status_code < 500:
                    assert answer.status_code == 200, f"{method} {path}: {answer.text}"
                    return dict(answer.json())
                said = answer.text
            except httpx.TransportError as error:
                said = repr(error)
            self.repeats += 1
            assert time.monotonic() < deadline, f"{method} {path} was never answered: {said}"
            time.sleep(0.05)

    def _waiting(self) -> int:
        shown = self.insist("GET", f"/v1/apps/{self.app_id}/deploys?limit=20")["deploys"]
        return sum(deploy["status"] in ("queued", "building") for deploy in shown)

    def _deploy(self) -> None:
        token = secrets.token_hex(6)
        is_source = self._random.random() < 0.25
        folder = "src/" if is_source else ""
        # The version of a long page is recorded in a separate transaction.
        text = "<p>long" * 1000 if len(self.accepted) % 2 else ""
        files: dict[str, str | bytes] = {
            f"{folder}index.html": f"<!doctype html><title>{token}</title>{text}",
            f"{folder}file.bin": self._random.randbytes(5000),
        }
        data = zip_of({**files, "package.json": PROJECT} if is_source else files)
        upload = self.insist("POST", f"/v1/apps/{self.app_id}/deploy/upload-url", {"filename": "a.zip"})
        self._put(upload["upload_url"], data)
        order: dict[str, Any] = {"message": token, "bundle_s3_key": upload["bundle_s3_key"]}
        if is_source:
            # For half of these deploys, a worker has to detect that the bundle has sources.
            order["build"] = self._random.random() < 0.5
            order["build_config"] = {"install": "", "output": "dist"}
        deploy_id = self.insist("POST", f"/v1/apps/{self.app_id}/deploy", order)["deploy_id"]
        self.accepted.append(deploy_id)
        if is_source:
            self.built.add(deploy_id)
        self.tokens[deploy_id] = token

    def _put(self, url: str, data: bytes) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self._client.put(url, content=data, headers={"Content-Type": "application/zip"}).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "an upload was never taken"
            time.sleep(0.05)

    def _restore(self) -> None:
        versions = self.insist("GET", f"/v1/apps/{self.app_id}/versions?limit=20")["versions"]
        if versions:
            number = self._random.choice(versions)["version"]
            self.insist("POST", f"/v1/apps/{self.app_id}/versions/{number}/restore", {})
            self.restores += 1


@dataclass(frozen=True)
class Sight:
    """A visitor's view: the times (seconds since the epoch) of request and response, the app, and the page's text."""

    asked: float
    answered: float
    slug: str
    status: int
    version: int
    token: str


class Visitor:
    """A visitor who requests all apps at all edges, again and again."""

    def __init__(self, cluster: Cluster, people: list[Person]) -> None:
        self._cluster = cluster
        self._people = people
        self.sights: list[Sight] = []

    def go_on(self, until: threading.Event) -> None:
        """Visits until told to stop."""
        client = httpx.Client(timeout=60, trust_env=False)
        while not until.is_set():
            for person in self._people:
                for machine in self._cluster.machines:
                    asked = time.time()
                    host = {"Host": f"{person.slug}.localhost"}
                    try:
                        seen = client.get(f"http://127.0.0.1:{machine.edge_port}/", headers=host)
                    except httpx.TransportError:
                        continue  # This edge is being killed.
                    told = _TOLD.search(seen.text)
                    self.sights.append(
                        Sight(
                            asked,
                            time.time(),
                            person.slug,
                            seen.status_code,
                            int(seen.headers.get("x-easel-version", 0)),
                            told[1] if told else "",
                        )
                    )
            time.sleep(0.02)
