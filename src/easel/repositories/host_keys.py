"""The keys that identify ssh hosts: published keys of large hosts, and keys that users supply."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

from easel.bundles.names import printable
from easel.repositories.errors import KnownHostsError
from easel.repositories.remote_url import RemoteUrl

_PUBLISHED: Final = {
    "github.com": "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    "gitlab.com": "AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf",
    "bitbucket.org": "AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO",
}
"""Ed25519 host keys by host name, as the hosts publish them."""
_KINDS: Final = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
LONGEST: Final = 20_000
MOST_LINES: Final = 200
MOST_KEYS: Final = 10


def place(url: RemoteUrl) -> str:
    """Returns the name under which `known_hosts` lists the host of the address (sshd(8)). It contains the port unless
    the port is 22."""
    return url.host if url.port == 22 else f"[{url.host}]:{url.port}"


def published(url: RemoteUrl) -> str | None:
    """Returns the lines of `known_hosts` for a large host whose key Easel knows. Returns None for all other hosts."""
    key = _PUBLISHED.get(url.host)
    return f"{place(url)} ssh-ed25519 {key}\n" if key else None


def read_known_hosts(text: str, url: RemoteUrl) -> str:
    """Returns those lines of a `known_hosts` file that are for the host of the address. Each line is rewritten to
    contain only this host. Raises KnownHostsError.

    A line without a host (`ssh-ed25519 AAAA…`) is taken as a line for this host. Lines for other hosts are left out.
    """
    if len(text) > LONGEST:
        raise KnownHostsError(reason=f"it is longer than {LONGEST} characters")
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise KnownHostsError(reason=f"it has more than {MOST_LINES} lines")
    found = list(dict.fromkeys(_about(lines, place(url))))
    if not found:
        raise KnownHostsError(reason=f"it contains no host key of {place(url)}; get the host keys with `ssh-keyscan`")
    if len(found) > MOST_KEYS:
        raise KnownHostsError(reason=f"it contains more than {MOST_KEYS} keys of the host")
    return "".join(f"{place(url)} {kind} {key}\n" for kind, key in found)


def fingerprints(known_hosts: str | None) -> list[str]:
    """Returns the type and SHA-256 of each key in a `known_hosts` text, as `ssh-keygen -l` shows them."""
    shown = []
    for line in (known_hosts or "").splitlines():
        _, kind, key = line.split(" ")
        digest = base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode().rstrip("=")
        shown.append(f"{kind} SHA256:{digest}")
    return shown


def _about(lines: list[str], host: str) -> Iterator[tuple[str, str]]:
    for line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in _KINDS:
            if words[0].startswith("@"):
                continue
            if len(words) < 3 or words[1] not in _KINDS:
                raise _no_key(line)
            if not _names(words.pop(0), host):
                continue
        if len(words) < 2 or not _is_key(words[0], words[1]):
            raise _no_key(line)
        yield words[0], words[1]


def _no_key(line: str) -> KnownHostsError:
    return KnownHostsError(reason=f"`{printable(line)}` is not a host key")


def _names(pattern: str, host: str) -> bool:
    if pattern.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in pattern[3:].split("|"))
        except (ValueError, binascii.Error):
            return False
        return hmac.compare_digest(hmac.digest(salt, host.encode(), "sha1"), digest)
    return host in pattern.lower().split(",")


def _is_key(kind: str, key: str) -> bool:
    """Returns true if `key` is a public key of the type `kind` (RFC 4253 §6.6: a key begins with the name of its
    type)."""
    try:
        data = base64.b64decode(key, validate=True)
    except (ValueError, binascii.Error):
        return False
    name = kind.encode()
    return data[:4] == len(name).to_bytes(4, "big") and data[4 : 4 + len(name)] == name
