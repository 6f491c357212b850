"""Upload URLs signed with the credentials of an identity. The credentials are fetched over the network."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from testbed.databases import Migrated
from testbed.running import Platform, RunningApp, forked_platform
from testbed.stores import moto

MANY = 24
"""A number that exceeds an api's connections to its database."""
FRESH = 0.3
"""Minimum number of seconds for which credentials are used although they expire soon."""


class Identities(ThreadingHTTPServer):
    """The service that gives a container on AWS its credentials, while `answers` is set. If `refuses` is true, the
    service refuses."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers, self.refuses = threading.Event(), False
        self.answers.set()
        super().__init__(("127.0.0.1", 0), _Asked)


class _Asked(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Identities)
        server.answers.wait(120)
        # The credentials expire so soon that they are fetched again each time.
        until = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        given = {"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c", "Expiration": until}
        body = json.dumps(given).encode()
        # A client that waited too long has disconnected.
        with suppress(BrokenPipeError):
            self.send_response(403 if server.refuses else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""


@pytest.fixture(scope="module")
def identities() -> Iterator[Identities]:
    """Yields the server of credentials."""
    with Identities() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.answers.set()
        server.shutdown()


@pytest.fixture(scope="module")
def platform(
    identities: Identities, migrated: Migrated, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """Yields a platform that has no credentials of its own for its bucket."""
    tmp_path = tmp_path_factory.mktemp("signing")
    (tmp_path / "token").write_text("t")
    with moto() as bucket:
        kept = {name: value for name, value in bucket.environment("ours").items() if "ACCESS_KEY" not in name}
        address = f"http://127.0.0.1:{identities.server_port}/"
        platform = forked_platform(
            tmp_path,
            AWS_CONTAINER_CREDENTIALS_FULL_URI=address,
            AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tmp_path / "token"),
            **kept,
        )
        migrated.copy_to(platform.data_dir / "postgres")
        platform.start()
        yield platform
        identities.answers.set()
        platform.stop()


def ask(app: RunningApp, repeated: str | None = None) -> httpx.Response:
    """Requests an upload URL."""
    headers = {} if repeated is None else {"Idempotency-Key": repeated}
    with app.platform.client() as client:
        return client.post(f"{app.path}/deploy/upload-url", json={"filename": "site.zip"}, headers=headers)


def recorded(platform: Platform) -> set[object]:
    """Returns the keys of all uploads."""
    with platform.database() as connection:
        return {key for (key,) in connection.execute("select key from upload")}


def test_waiting_for_credentials_delays_no_other_request(identities: Identities, platform: Platform) -> None:
    app = RunningApp.create(platform)
    before = recorded(platform)
    identities.answers.clear()
    time.sleep(FRESH)
    with ThreadPoolExecutor(MANY) as pool:
        waiting = [pool.submit(ask, app, f"key-{number}" if number % 2 else None) for number in range(MANY)]
        while len(recorded(platform) - before) < MANY:
            assert not any(request.done() for request in waiting)
            time.sleep(0.05)
        with platform.client() as client:
            assert client.get("/v1/apps").status_code == 200
        assert not any(request.done() for request in waiting)
        identities.answers.set()
        answers = [request.result() for request in waiting]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["bundle_s3_key"] for answer in answers} == recorded(platform) - before
    again = ask(app, "key-1")
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", answers[1].json())


def test_a_failure_to_sign_an_upload_url_is_not_recorded_as_the_response(
    identities: Identities, platform: Platform
) -> None:
    app = RunningApp.create(platform)
    before = recorded(platform)
    identities.refuses = True
    time.sleep(FRESH)
    refused = ask(app, "key")
    assert refused.status_code == 503
    identities.refuses = False
    given = ask(app, "key")
    assert "idempotency-replayed" not in given.headers
    assert given.status_code == 200
    # The unused record is swept like all unused uploads.
    assert given.json()["bundle_s3_key"] in recorded(platform)
    assert len(recorded(platform) - before) == 2
