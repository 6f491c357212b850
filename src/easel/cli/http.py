"""HTTP for the command line: the environment's proxies, the system's certificates, and readable failures.

This module neither follows redirects nor retries, because only callers know which requests are safe to repeat.
"""

from __future__ import annotations

import os
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import truststore
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError, ReadTimeoutError

from easel.cli.errors import CertificatesUnusableError
from easel.cli.proxies import proxy_for

TRANSFER_TIMEOUT: Final = urllib3.Timeout(connect=10.0, read=120.0)
"""Timeout of uploads and downloads, in seconds. The timeout for connecting also limits the time for sending one
piece."""

LONGEST_WAIT: Final = 30.0
"""Maximum time in seconds that a command waits because a response has a `Retry-After`."""

GATEWAY: Final = (502, 503, 504)
"""Statuses of a proxy or balancer whose server is temporarily unavailable."""

PROXY_LOGIN: Final = "http://NAME:PASSWORD@HOST:PORT"
_PROXY_ASKS: Final = "Tunnel connection failed: 407"

NOT_CONNECTED: Final = (NewConnectionError, ConnectTimeoutError, ProxyError)
"""Classes of errors that occur before any data was sent."""


def open_pool(url: str) -> urllib3.PoolManager:
    """Returns a pool of connections to the server at this address. Raises ProxyUnusableError,
    CertificatesUnusableError."""
    tls = _tls() if urlsplit(url).scheme == "https" else None
    proxy = proxy_for(url)
    if proxy is None:
        return urllib3.PoolManager(retries=False, ssl_context=tls)
    return urllib3.ProxyManager(
        proxy.address, retries=False, ssl_context=tls, proxy_headers=proxy.headers, proxy_ssl_context=_tls()
    )


def _tls() -> ssl.SSLContext:
    """Returns a TLS context that trusts the certificates in SSL_CERT_FILE and SSL_CERT_DIR, if one of these variables
    is set, else the system's certificates. Raises CertificatesUnusableError."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        try:
            return ssl.create_default_context(cafile=file or None, capath=folder or None)
        except OSError as error:
            variable, path = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", folder)
            why = "it contains no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise CertificatesUnusableError(variable=variable, path=path, reason=why) from error
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def reason(error: HTTPError) -> str:
    """Returns the cause of a failed request in words, for the message to the user."""
    what = _reason(error)
    if not isinstance(error, ProxyError):
        return what
    if _PROXY_ASKS in str(error.original_error):
        return f"the proxy in the environment's variables requires a user name and a password ({PROXY_LOGIN})"
    return f"the proxy in the environment's variables: {what}"


def _reason(error: HTTPError) -> str:
    cause: BaseException | None = error
    # NewConnectionError is a subclass of ConnectTimeoutError, but is not a timeout.
    late = isinstance(error, (ConnectTimeoutError, ReadTimeoutError)) and not isinstance(error, NewConnectionError)
    said = "it timed out" if late else str(error) or type(error).__name__
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "the host name cannot be resolved"
        if isinstance(cause, ConnectionRefusedError):
            return "the connection was refused, because no program listens on that port"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the TLS certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror and not late:
            said = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return said


def is_untrusted(error: HTTPError) -> bool:
    """Returns true if the request failed because a certificate is not trusted. A retry does not change that."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    """Returns the seconds to wait from the response's header (RFC 9110 §10.2.3), if the header is present and the time
    is short."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            time = parsedate_to_datetime(text)
            # A date in C's format has no time zone, and means UTC (RFC 9110 §5.6.7).
            time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
            seconds = max(0.0, (time - datetime.now(UTC)).total_seconds())
        except (TypeError, ValueError):
            return None
    return seconds if seconds <= LONGEST_WAIT else None
