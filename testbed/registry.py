"""The package registry in this machine's npm configuration, for builds with packages from it, and a cache of the
registry."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from easel.builds.toolchains.registries import npm_registry
from easel.errors import EaselError
from testbed.ending import end_with_us
from testbed.running import free_port
from testbed.waiting import until

_ADDRESS = "127.0.0.2"


class RegistryMissingError(Exception):
    """Nothing can be fetched from the package registry. The message contains the reason."""


def networks_of_the_registry() -> tuple[str, ...]:
    """Returns the private networks that builds need for the registry. A mirror may be in such a network, which builds
    reach only if the operator allows it. Raises RegistryMissingError if the registry does not respond."""
    try:
        registry = asyncio.run(npm_registry())
    except EaselError as error:
        raise RegistryMissingError(error.message) from error
    parts = urlsplit(registry.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=10) as connection:
            address = ipaddress.ip_address(connection.getpeername()[0])
    except OSError as error:
        raise RegistryMissingError(f"the package registry cannot be reached: {error}") from error
    around = ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False)
    return () if address.is_global else (str(around),)


@dataclass(frozen=True)
class CachedRegistry:
    """A caching proxy of the registry on loopback: its URL, and the file of the certificate authorities to trust."""

    url: str
    authorities: Path

    @property
    def environment(self) -> dict[str, str]:
        """Returns the variables that make npm, and Easel's builds, use the proxy."""
        trusted = dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(self.authorities))
        return {**trusted, "npm_config_registry": self.url}


@contextmanager
def cached_registry(folder: Path) -> Iterator[CachedRegistry]:
    """Yields an nginx that fetches each package once from this machine's registry, and serves it over TLS from then on.

    The proxy is at 127.0.0.2, because programs behind a proxy connect to 127.0.0.1 directly. Raises
    RegistryMissingError.
    """
    folder.mkdir(parents=True)
    try:
        upstream = asyncio.run(npm_registry()).url
    except EaselError as error:
        raise RegistryMissingError(error.message) from error
    port = free_port()
    url = f"https://{_ADDRESS}:{port}/"
    authorities = _certificate(folder)
    (folder / "nginx.conf").write_text(_configuration(folder, upstream, url))
    try:
        process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    except FileNotFoundError as error:
        raise RegistryMissingError("nginx is not installed") from error
    end_with_us(process.pid)
    try:
        until(lambda: process.poll() is not None or _is_open(port), lambda: "nginx did not start")
        if process.poll() is not None:
            raise RegistryMissingError(f"nginx ended: {(folder / 'error.log').read_text()[-500:]}")
        yield CachedRegistry(url, authorities)
    finally:
        process.terminate()
        process.wait()


def _configuration(folder: Path, upstream: str, url: str) -> str:
    """Returns nginx's configuration of two servers. The first server fetches, and replaces the registry's address in
    its responses. The second server caches these responses."""
    address = urlsplit(url)
    user = "user root;" if os.geteuid() == 0 else ""
    trusted = ssl.get_default_verify_paths().cafile
    verified = f"proxy_ssl_verify on; proxy_ssl_verify_depth 5; proxy_ssl_trusted_certificate {trusted};"
    return f"""
{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2;
  fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  proxy_cache_path {folder}/cache keys_zone=packages:8m inactive=1d max_size=2g use_temp_path=off;
  server {{
    listen unix:{folder}/fetch.sock;
    location / {{
      proxy_pass {upstream}; proxy_http_version 1.1; proxy_set_header Accept-Encoding "";
      proxy_set_header Host {urlsplit(upstream).netloc};
      proxy_ssl_server_name on; {verified if trusted and upstream.startswith("https:") else ""}
      sub_filter {upstream} {url}; sub_filter_once off;
      sub_filter_types application/json application/vnd.npm.install-v1+json;
      gzip on; gzip_http_version 1.0; gzip_proxied any;
      gzip_types application/json application/vnd.npm.install-v1+json;
    }}
  }}
  server {{
    listen {address.netloc} ssl; ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
    location / {{
      proxy_pass http://unix:{folder}/fetch.sock; proxy_set_header Accept-Encoding gzip;
      proxy_cache packages; proxy_cache_key "$uri $http_accept"; proxy_cache_lock on; proxy_cache_valid 200 1d;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary; proxy_hide_header Age;
    }}
  }}
}}
"""


def _certificate(folder: Path) -> Path:
    """Makes a certificate for the address. Returns a file with this certificate and the authorities that this machine
    trusts."""
    made = folder / "certificate.pem"
    # Behind a proxy, npm compares the certificate of an address with the name localhost.
    subprocess.run(
        (
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=registry", "-addext", f"subjectAltName=IP:{_ADDRESS},DNS:localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(made)),
        ),
        check=True,
        capture_output=True,
    )
    trusted = ssl.get_default_verify_paths().cafile
    joined = folder / "authorities.pem"
    joined.write_text((Path(trusted).read_text() if trusted else "") + made.read_text())
    return joined


def _is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection((_ADDRESS, port), timeout=1):
        return True
    return False
