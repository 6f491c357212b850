"""The npm registry, as far as toolchains need it: the versions of a package, and a version's archive."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from easel.builds.toolchains.errors import RegistryUnreachableError, VersionUnavailableError
from easel.builds.toolchains.ranges import available, newest
from easel.outgoing.addresses import Destinations

INDEX_LIMIT = 32 * 1024 * 1024
"""Maximum size in bytes of a package's list of versions. npm's own list has three million bytes."""
ARCHIVE_LIMIT = 256 * 1024 * 1024
"""Maximum size of an archive in bytes. Node's archive has 52 million bytes."""
ARCHIVE_TIMEOUT = 300.0
"""Timeout in seconds for downloading the archive of a package."""
INDEX_KEPT = 3600.0
"""Lifetime in seconds of a package's list of versions in memory."""

_ABBREVIATED = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8"
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}")


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a package: the address of its archive, its digest, the required Node, and its programs."""

    name: str
    version: str
    archive: str
    algorithm: str
    digest: bytes
    node: str | None
    programs: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass
class Registry:
    """A client of the npm registry at an address."""

    url: str
    destinations: Destinations
    _seen: dict[str, tuple[float, dict[str, Release]]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Returns the host as a rule for `HostRules`, with the port if the address contains a port."""
        return host_of(self.url)

    async def releases(self, package: str) -> dict[str, Release]:
        """Returns the releases of a package by version, including deprecated releases. Raises RegistryUnreachableError,
        and the errors of `outgoing_client`."""
        # The import is here, because the client takes megabytes and most builds query no registry.
        from easel.outgoing.client import outgoing_client

        seen = self._seen.get(package)
        if seen is not None and time.monotonic() - seen[0] < INDEX_KEPT:
            return seen[1]
        address = urljoin(self.url.rstrip("/") + "/", quote(package, safe="@"))
        async with outgoing_client(self.destinations, INDEX_LIMIT) as client:
            answer = await client.request("GET", address, headers={"Accept": _ABBREVIATED})
        if answer.status != 200:
            raise RegistryUnreachableError(package=package, reason=f"it responded with status {answer.status}")
        try:
            found = _releases(package, json.loads(answer.body))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise RegistryUnreachableError(package=package, reason="its response is not a list of versions") from error
        self._seen[package] = (time.monotonic(), found)
        return found

    async def download(self, release: Release, to: Path) -> None:
        """Downloads a release's archive to a file, without checking it. Raises RegistryUnreachableError."""
        from easel.outgoing.client import outgoing_client

        async with outgoing_client(self.destinations, ARCHIVE_LIMIT) as client:
            status = await client.save(release.archive, to, timeout=ARCHIVE_TIMEOUT)
        if status != 200:
            raise RegistryUnreachableError(package=str(release), reason=f"it responded with status {status}")

    async def newest(self, tool: str, package: str, wanted: str) -> Release:
        """Returns the newest release in a range. Raises VersionUnavailableError, RegistryUnreachableError."""
        releases = await self.releases(package)
        return releases[newest(tool, releases, wanted)]

    async def exactly(self, tool: str, package: str, version: str) -> Release:
        """Returns the release with this exact version. Raises VersionUnavailableError, RegistryUnreachableError."""
        releases = await self.releases(package)
        if version not in releases:
            raise VersionUnavailableError(tool=tool, wanted=version[:60], available=available(releases))
        return releases[version]


def host_of(url: str) -> str:
    """Returns the host of an address, with the port if the address contains a port."""
    parts = urlsplit(url)
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{name}:{parts.port}" if parts.port is not None else name


def _releases(package: str, body: Any) -> dict[str, Release]:
    found = {}
    for version, about in body["versions"].items():
        release = _release(package, version, about)
        if release is not None:
            found[version] = release
    return found


def _release(package: str, version: str, about: Any) -> Release | None:
    """Returns the release in an entry of the list. Returns None without a strong digest, as for very old releases."""
    dist = about.get("dist") or {}
    best = strongest(str(dist.get("integrity") or ""))
    archive = dist.get("tarball")
    if best is None or not isinstance(archive, str) or not _VERSION.fullmatch(version):
        return None
    programs = about.get("bin")
    named = {package.rpartition("/")[2]: programs} if isinstance(programs, str) else programs
    engines = about.get("engines")
    node = engines.get("node") if isinstance(engines, dict) else None
    return Release(
        name=package,
        version=version,
        archive=archive,
        algorithm=best[0],
        digest=best[1],
        node=node if isinstance(node, str) else None,
        programs=dict(named) if isinstance(named, dict) else {},
    )


def strongest(integrity: str) -> tuple[str, bytes] | None:
    """Returns the strongest digest in a subresource integrity value (W3C SRI §3.3), as algorithm and bytes. Returns
    None without a SHA-2 digest."""
    best: tuple[str, bytes] | None = None
    for text in integrity.split()[:8]:
        algorithm, _, value = text.partition("-")
        if algorithm not in ("sha512", "sha384", "sha256"):
            continue
        try:
            digest = base64.b64decode(value.partition("?")[0], validate=True)
        except binascii.Error:
            continue
        if best is None or algorithm > best[0]:
            best = (algorithm, digest)
    return best
