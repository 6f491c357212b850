"""Connections to the server: certificates, proxies, and messages about failures."""

from __future__ import annotations

import io
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from easel.cli.client import Client
from easel.cli.credentials import ServerAccess
from easel.cli.errors import (
    CertificatesUnusableError,
    NotAnEaselServerError,
    ProxyUnusableError,
    ServerUnreachableError,
)
from easel.cli.http import open_pool
from easel.cli.output import Output
from easel.cli.shipping.errors import UploadFailedError
from easel.cli.shipping.upload import upload
from testbed.running import free_port

APPS = b'{"results": [], "total_count": 7, "limit": 100, "offset": 0, "max_apps": 9}'


class Answering(BaseHTTPRequestHandler):
    """A server without apps, which records its requests."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Proxy-Authorization"]))
        self.send_response(302 if "moved" in self.path else 200)
        self.send_header("Location", "http://elsewhere.invalid/")
        self.send_header("Content-Length", str(len(APPS)))
        self.end_headers()
        self.wfile.write(APPS)

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@contextmanager
def answering(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Yields the port of such a server."""
    Answering.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Returns a self-signed certificate for localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
    )
    return file


def test_an_untrusted_certificate_is_refused_at_once_and_a_configured_one_is_accepted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it is tried again"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with answering(tls) as port:
        access = ServerAccess(f"https://localhost:{port}", "sk_x")
        with Client(access) as client, pytest.raises(ServerUnreachableError, match="certificate is not trusted: self"):
            client.list_apps()
        with pytest.raises(UploadFailedError, match=r"failed after 1 attempt: the TLS certificate is not trusted"):
            upload(f"https://localhost:{port}/k", io.BytesIO(b"zip"), 3, Output(as_json=False))
        assert Answering.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Client(access) as client:
            assert client.list_apps().total_count == 7


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"no certificate", "contains no certificate")])
def test_certificates_that_cannot_be_read_are_named_with_their_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(CertificatesUnusableError, match=f"SSL_CERT_FILE.*{said}"):
        open_pool("https://easel.example.com")


def test_a_proxy_is_used_for_other_machines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with answering() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://someone:se%63ret@127.0.0.1:{port}")
        with Client(ServerAccess("http://easel.example.com", "sk_x")) as client:
            assert client.list_apps().document["max_apps"] == 9
        assert Answering.asked == [
            ("http://easel.example.com/v1/apps?limit=100&offset=0", "Basic c29tZW9uZTpzZWNyZXQ=")
        ]
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        with Client(ServerAccess(f"http://localhost:{port}", "sk_x")) as client:
            assert client.list_apps().total_count == 7
        monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
        with pytest.raises(ProxyUnusableError, match="it is a proxy for socks5"):
            Client(ServerAccess("http://easel.example.com", "sk_x"))
        monkeypatch.setenv("NO_PROXY", "easel.invalid")
        with (
            Client(ServerAccess("http://easel.invalid", "sk_x")) as client,
            pytest.raises(ServerUnreachableError, match="cannot be resolved"),
        ):
            client.list_apps()


def test_a_key_does_not_follow_to_another_server() -> None:
    with answering() as port, Client(ServerAccess(f"http://127.0.0.1:{port}/moved", "sk_x")) as client:
        with pytest.raises(NotAnEaselServerError, match="302"):
            client.list_apps()
        assert len(Answering.asked) == 1
