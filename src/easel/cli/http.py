"""HTTP as the command line needs it: the environment's proxies, the system's certificates, and failures in words.

Nothing is redirected and nothing is tried again here: callers know what may be repeated.
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import truststore
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError, ReadTimeoutError

from easel.cli.credentials import is_loopback
from easel.cli.errors import ProxyUnusableError

TRANSFER_TIMEOUT: Final = urllib3.Timeout(connect=10.0, read=120.0)
"""Seconds for uploads and downloads. The time for connecting is also that for sending one piece."""

NOT_CONNECTED: Final = (NewConnectionError, ConnectTimeoutError, ProxyError)
"""Failures before anything was sent."""


def open_pool(url: str) -> urllib3.PoolManager:
    """Connections to the server of this address. Raises ProxyUnusableError."""
    parts = urlsplit(url)
    tls = _tls() if parts.scheme == "https" else None
    proxy = _proxy(parts.scheme, parts.hostname or "")
    if proxy is None:
        return urllib3.PoolManager(retries=False, ssl_context=tls)
    address = proxy if "://" in proxy else f"http://{proxy}"
    there = urlsplit(address)
    if there.scheme not in ("http", "https"):
        raise ProxyUnusableError(scheme=there.scheme)
    headers = None
    if there.username is not None:
        headers = urllib3.make_headers(proxy_basic_auth=f"{unquote(there.username)}:{unquote(there.password or '')}")
    return urllib3.ProxyManager(
        address, retries=False, ssl_context=tls, proxy_headers=headers, proxy_ssl_context=_tls()
    )


def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names for a host; proxies are for other machines than this one."""
    if is_loopback(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return proxy if proxy and not proxy_bypass(host) else None


def _tls() -> ssl.SSLContext:
    """Trust as the system has it, or as OpenSSL's two variables say, on every system."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def reason(error: HTTPError) -> str:
    """What failed, in words: the system's own, where it has better ones than its error number."""
    cause: BaseException | None = error
    # Of these two, the second is of the kind of the first.
    late = isinstance(error, (ConnectTimeoutError, ReadTimeoutError)) and not isinstance(error, NewConnectionError)
    said = "it does not answer in time" if late else str(error) or type(error).__name__
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "this machine does not know the name"
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there: connection refused"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror and not late:
            said = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return said
