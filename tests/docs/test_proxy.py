"""deploy/nginx/easel.conf, in a real nginx in front of a real platform: TLS, uploads, logs, a missing machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from easel.storage.channels import DEPLOYS_CHANNEL
from testbed.running import Platform, RunningApp, free_port, zip_of

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "easel.conf"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine; install the package `nginx`"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on this machine"),
]
Headers = dict[str, str] | None
API = "easel.example.com"
STORES = ("folder",)
"""Stores whose uploads pass through the api, and so through nginx."""


class Proxied:
    """A client's view from outside: nginx's ports, with the host names in the configuration."""

    def __init__(self, plain: int, tls: int) -> None:
        self.plain = plain
        self.tls = tls
        self._client = httpx.Client(verify=False, trust_env=False, timeout=60)

    def ask(self, method: str, host: str, path: str, headers: Headers = None, **body: Any) -> httpx.Response:
        return self._client.send(self._request(method, host, path, headers, **body))

    def follow(self, app: RunningApp, deploy: str) -> AbstractContextManager[httpx.Response]:
        key = {"Authorization": f"Bearer {app.platform.api_key}"}
        request = self._request("GET", API, f"{app.path}/deploys/{deploy}/logs/stream", key)
        return closing(self._client.send(request, stream=True))

    def _request(self, method: str, host: str, path: str, headers: Headers, **body: Any) -> httpx.Request:
        return self._client.build_request(
            method,
            f"https://127.0.0.1:{self.tls}{path}",
            headers={"Host": host, **(headers or {})},
            extensions={"sni_hostname": host},
            **body,
        )


@pytest.fixture(scope="module")
def proxied(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("nginx")
    made = Proxied(free_port(), free_port())
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    certificate += ["-subj", "/CN=easel", "-keyout", str(folder / "key"), "-out", str(folder / "crt")]
    subprocess.run(certificate, check=True, capture_output=True)
    text = CONFIGURATION.read_text().replace("apps.example.com", platform.environment.get("EASEL_DOMAIN", "localhost"))
    text = re.sub(r"/etc/easel/tls/\w+\.(crt|key)", lambda found: str(folder / found[1]), text)
    text = text.replace("listen 80 ", f"listen 127.0.0.1:{made.plain} ").replace("443 ssl", f"127.0.0.1:{made.tls} ssl")
    # Both upstreams have a second machine, which is down.
    for port, own in ((8000, platform.api_port), (8080, platform.edge_port)):
        server = f"server 127.0.0.1:{port} max_fails=1 fail_timeout=5s;"
        assert server in text
        text = text.replace(server, "".join(server.replace(str(port), str(p)) for p in (free_port(), own)))
    (folder / "easel.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    places = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder}/pid; error_log stderr warn; events {{}}\n"
        f"http {{ access_log off; {places} include {folder}/easel.conf; }}\n"
    )
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                made.ask("GET", API, "/healthz")
                break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield made
    finally:
        process.terminate()
        process.wait(180)


def test_an_app_is_deployed_and_visited_through_the_proxy(proxied: Proxied, app: RunningApp) -> None:
    api, key = API, {"Authorization": f"Bearer {app.platform.api_key}"}
    issued = proxied.ask("POST", api, f"{app.path}/deploy/upload-url", json={"filename": "a.zip"}, headers=key).json()
    # Without EASEL_API_URL, the address is the request's own.
    assert issued["upload_url"].startswith(f"https://{api}/_objects/")
    bundle = zip_of({"index.html": "<!doctype html>through nginx", "large.bin": os.urandom(3_000_000)})
    target = issued["upload_url"].removeprefix(f"https://{api}")
    put = proxied.ask("PUT", api, target, content=bundle, headers={"Content-Type": "application/zip"})
    assert put.status_code == 200, put.text
    order = {"message": "m", "bundle_s3_key": issued["bundle_s3_key"]}
    deploy = proxied.ask("POST", api, f"{app.path}/deploy", json=order, headers=key).json()["deploy_id"]
    log = proxied.ask("GET", api, f"{app.path}/deploys/{deploy}/logs/stream", headers=key)
    assert "event: done" in log.text
    for _ in range(4):
        seen = proxied.ask("GET", f"{app.slug}.localhost", "/")
        assert (seen.status_code, seen.headers["x-easel-version"]) == (200, "1")
        assert seen.text.endswith("through nginx")
    assert len(proxied.ask("GET", f"{app.slug}.localhost", "/large.bin").content) == 3_000_000


def test_log_lines_are_not_buffered_by_the_proxy(proxied: Proxied, app: RunningApp) -> None:
    deploy = app.deploy({"index.html": "<!doctype html>"})["deploy_id"]
    with app.platform.database() as connection:
        # The deploy is running: it has log lines, but has not ended.
        connection.execute("update deploy set status = 'queued' where id = %s", (deploy,))
        with proxied.follow(app, deploy) as stream:
            lines = stream.iter_lines()
            assert next(lines)
            connection.execute("update deploy set status = 'complete' where id = %s", (deploy,))
            connection.execute("select pg_notify(%s, %s)", (DEPLOYS_CHANNEL, deploy))
            assert "event: done" in list(lines)


def test_metrics_and_plain_http_stay_inside(proxied: Proxied, app: RunningApp) -> None:
    assert proxied.ask("GET", API, "/metrics").status_code == 404
    assert proxied.ask("GET", API, "/metrics").headers["server"].startswith("nginx")
    for host in ("127.0.0.1", "10.0.0.11", "[::1]", "localhost", "nobody.example.org"):
        for path in ("/metrics", "/readyz", "/healthz", "/"):
            answer = proxied.ask("GET", host, path)
            assert (answer.status_code, "easel" in answer.text.lower()) == (404, False), (host, path)
    plain = httpx.get(
        f"http://127.0.0.1:{proxied.plain}/x?y=1", headers={"Host": "a.localhost"}, trust_env=False, timeout=60
    )
    assert (plain.status_code, plain.headers["location"]) == (301, "https://a.localhost/x?y=1")


def test_forwarding_headers_of_a_client_change_nothing(proxied: Proxied, app: RunningApp) -> None:
    app.deploy({"index.html": "<!doctype html>mine"})
    other = {"X-Forwarded-Host": "other.localhost", "Forwarded": "host=other.localhost", "X-Forwarded-Proto": "http"}
    assert proxied.ask("GET", f"{app.slug}.localhost", "/", headers=other).text.endswith("mine")
    key = {"Authorization": f"Bearer {app.platform.api_key}"}
    path = f"{app.path}/deploy/upload-url"
    url = proxied.ask("POST", API, path, json={"filename": "a.zip"}, headers={**key, **other}).json()
    assert url["upload_url"].startswith("https://easel.example.com/")
