"""Recognises messages of Git and ssh, and returns the errors that they mean."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from easel.bundles.names import printable
from easel.repositories.errors import (
    BranchMissingError,
    CommitMissingError,
    CredentialsRefusedError,
    FetchError,
    FetchTimedOutError,
    HostKeyChangedError,
    HostKeyUnknownError,
    HostUnreachableError,
    RepositoryMovedError,
    RepositoryNotFoundError,
    RepositoryTooLargeError,
)
from easel.repositories.fetch.models import Branch, Ref, Remote
from easel.repositories.fetch.program import MEMORY

UNADVERTISED: Final = re.compile(r"does not allow request for unadvertised object|not advertised|Server does not allow")
OTHER_HASH: Final = re.compile(r"mismatched algorithms|unsupported object format|object format")

_STATUS: Final = re.compile(r"(?:The requested URL returned error|returned error): (\d{3})")
_MEANT: Final = (
    (re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED"), HostKeyChangedError),
    (re.compile(r"Host key verification failed|host key is known for"), HostKeyUnknownError),
    (
        re.compile(
            r"could not read (Username|Password)|Authentication failed|Permission denied|access denied"
            r"|invalid credentials|Invalid username or",
            re.IGNORECASE,
        ),
        CredentialsRefusedError,
    ),
    (
        re.compile(r"not our ref|bad object|unadvertised object|couldn't find remote ref [0-9a-f]{40}"),
        CommitMissingError,
    ),
    (re.compile(r"couldn't find remote ref"), BranchMissingError),
    (
        re.compile(
            r"repository '[^'\n]{1,500}' not found|Repository not found|not (appear to be )?a git repository"
            r"|could not be found|does not exist|No such project"
            r"|not valid: (is this a git repository|could not determine)",
            re.IGNORECASE,
        ),
        RepositoryNotFoundError,
    ),
    (re.compile(r"Out of memory|cannot allocate|unable to create thread", re.IGNORECASE), RepositoryTooLargeError),
    (re.compile(r"Operation too slow|timed out|Timeout", re.IGNORECASE), FetchTimedOutError),
)
_UNREACHABLE: Final = (
    (
        re.compile(r"certificate|\bSSL\b|SSL_|\bTLS\b|gnutls", re.IGNORECASE),
        "the TLS certificate cannot be verified.",
    ),
    (
        re.compile(
            r"from proxy after CONNECT|CONNECT tunnel failed|the proxy answered|Connection refused"
            r"|Failed to connect|[Cc]ould not connect"
        ),
        "it does not accept connections.",
    ),
    (
        re.compile(r"hung up|early EOF|RPC failed|Connection (closed|reset)|unexpected disconnect|banner exchange"),
        "it closed the connection too early.",
    ),
)


def meant_by(said: str, remote: Remote, ref: Ref, seconds: float) -> FetchError:
    """Returns the error that Git's messages (`said`) mean. `seconds` is the time for which Git ran."""
    host = remote.url.host
    # The repository's address may contain any of the searched words.
    said = said.replace(remote.url.text, "it").replace(f"/{remote.url.path}", "it")
    details: dict[str, object] = {
        "url": remote.url.text,
        "host": host,
        "branch": ref.name if isinstance(ref, Branch) else ref.branch,
        "sha": None if isinstance(ref, Branch) else ref.sha,
        "seconds": seconds,
        "limit": MEMORY,
        "unit": "bytes of memory",
    }
    if status := _STATUS.search(said):
        return _by_status(int(status[1]), details)
    for pattern, kind in _MEANT:
        if pattern.search(said):
            return kind(**details)
    for pattern, reason in _UNREACHABLE:
        if pattern.search(said):
            return HostUnreachableError(host=host, reason=reason)
    return FetchError(reason=_last(said))


def _by_status(status: int, details: dict[str, object]) -> FetchError:
    if status in (401, 403, 407):
        return CredentialsRefusedError(**details)
    if status in (404, 410):
        return RepositoryNotFoundError(**details)
    if 300 <= status < 400:
        return RepositoryMovedError(**details)
    # With plain http, the 502 may come from the proxy on the way.
    reason = "it does not accept connections, or" if status == HTTPStatus.BAD_GATEWAY else "it"
    return HostUnreachableError(host=details["host"], reason=f"{reason} responded with status {status}.")


def _last(said: str) -> str:
    """Returns the last line of Git's messages that contains information."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = (
        [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines or ["no reason given"]
    )
    return f"git said: {printable(telling[-1])}"
