"""Parses and normalises the address of a Git repository (https, ssh, or ssh as `user@host:path`)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal

from easel.bundles.names import printable
from easel.repositories.errors import (
    BranchNameError,
    LocalPathError,
    LocalUrlError,
    RepositorySchemeError,
    RepositoryUrlError,
    RepositoryUrlSecretError,
)

LONGEST: Final = 2048
"""Maximum number of characters of a repository's address."""
LONGEST_BRANCH: Final = 255
"""Maximum number of bytes of a branch name."""

Scheme = Literal["https", "http", "ssh"]

_PORTS: Final = {"https": 443, "http": 80, "ssh": 22}
# Git's own syntax for an address with a helper program. For example, `ext::sh -c …` runs a program.
_HELPER: Final = re.compile(r"[A-Za-z0-9.+-]*::")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9.+-]*)://")
_SCP: Final = re.compile(r"(?P<user>[^@:/\\]+)@(?P<host>\[[^\]/]+\]|[^@:/\\\[\]]+):(?P<path>.+)")
_LOCAL: Final = re.compile(r"[/.~\\]|[A-Za-z]:[\\/]")
_SHOWN: Final = 200
"""Number of characters of a refused path that its error shows."""
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}")
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PATH: Final = re.compile(r"[A-Za-z0-9._~+@:,=()!*'&%/-]+")
_ESCAPED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%(0[0-9A-Fa-f]|1[0-9A-Fa-f]|2[Ff]|5[Cc]|7[Ff])")
_REFUSED_IN_BRANCH: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]")


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """The address of a Git repository. `host` is a name in lower case or an IP address without brackets. `path` has no
    leading slash. `user` is None if the address contains no user."""

    scheme: Scheme
    host: str
    port: int
    path: str
    user: str | None = None
    relative: bool = False
    """True if the path is relative to the user's home (`user@host:path`). A plain ssh server distinguishes such a path
    from an absolute path."""

    @property
    def text(self) -> str:
        """Returns the repository's address as text. It contains the user only for ssh."""
        if self.relative:
            return f"{self.user or 'git'}@{self.authority}:{self.path}"
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        user = f"{self.user or 'git'}@" if self.scheme == "ssh" else ""
        return f"{self.scheme}://{user}{self.authority}{port}/{self.path}"

    @property
    def authority(self) -> str:
        """Returns the host in URL syntax, with brackets around an IPv6 address."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """Returns the host as an IP address. Returns None if the host is a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def web_host(self) -> str:
        """Returns the host and port of the repository's web address. The port is left out if it is the default port."""
        port = f":{self.port}" if self.scheme != "ssh" and self.port != _PORTS[self.scheme] else ""
        return f"{self.authority}{port}"

    @property
    def web(self) -> str:
        """Returns the address of the repository's web page: https, without `.git`."""
        scheme = "http" if self.scheme == "http" else "https"
        return f"{scheme}://{self.web_host}/{self.path.removesuffix('.git')}"


def read_url(text: str) -> RemoteUrl:
    """Parses the address of a Git repository. Raises RepositoryUrlError, RepositorySchemeError,
    RepositoryUrlSecretError, and LocalPathError or LocalUrlError for a path."""
    if len(text) > LONGEST:
        raise RepositoryUrlError(reason=f"it is longer than {LONGEST} characters")
    text = text.strip(" ")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise RepositoryUrlError(reason="it contains spaces, control characters or non-ASCII characters")
    if _HELPER.match(text):
        raise RepositorySchemeError(scheme=f"{text.partition('::')[0]}::")
    if schemed := _SCHEME.match(text):
        scheme = schemed[1].lower()
        if scheme == "file":
            raise LocalUrlError(url=text[:_SHOWN])
        if scheme not in _PORTS:
            raise RepositorySchemeError(scheme=f"{scheme}://")
        return _with_scheme(scheme, text[schemed.end() :])  # type: ignore[arg-type]
    if scp := _SCP.fullmatch(text):
        host, path, user = _host(scp["host"].strip("[]")), scp["path"], _user(scp["user"])
        return RemoteUrl("ssh", host, 22, _path(path), user, relative=not path.startswith("/"))
    if _LOCAL.match(text):
        raise LocalPathError(path=text[:_SHOWN])
    raise RepositoryUrlError(reason="it has neither `https://` nor the user of an ssh address before its host")


def _with_scheme(scheme: Scheme, rest: str) -> RemoteUrl:
    authority, slash, path = rest.partition("/")
    if not slash:
        raise RepositoryUrlError(reason="it has no path")
    user, at, place = authority.rpartition("@")
    if ":" in user or (at and "@" in user):
        raise RepositoryUrlSecretError()
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise RepositoryUrlError(reason="its host is not a valid address")
        port = port.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    return RemoteUrl(scheme, _host(host), _port(port, scheme), _path(path), _user(user) if at else None)


def _user(user: str) -> str:
    if not _USER.fullmatch(user):
        raise RepositoryUrlError(reason="its user name contains characters other than letters, digits and `._+-`")
    return user


def _host(host: str) -> str:
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise RepositoryUrlError(reason="its host is not a valid address") from None
    name = host.lower().removesuffix(".")
    if not 1 <= len(name) <= 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise RepositoryUrlError(reason="its host is not a valid name")
    return name


def _port(port: str, scheme: Scheme) -> int:
    if not port:
        return _PORTS[scheme]
    if not port.isdigit() or len(port) > 5 or not 1 <= int(port) <= 65535:
        raise RepositoryUrlError(reason="its port is not between 1 and 65535")
    return int(port)


def _path(path: str) -> str:
    path = path.strip("/")
    if "?" in path or "#" in path:
        raise RepositoryUrlError(reason="it contains a query or a fragment")
    if not path:
        raise RepositoryUrlError(reason="it has no path")
    if not _PATH.fullmatch(path) or _ESCAPED.search(path):
        raise RepositoryUrlError(reason="its path contains invalid characters")
    segments = path.lower().replace("%2e", ".").split("/")
    if any(segment in ("", ".", "..") for segment in segments) or path.startswith("-"):
        raise RepositoryUrlError(reason="its path contains `.` or `..`")
    return path


def check_branch(name: str) -> str:
    """Checks the name of a branch by the rules of `git check-ref-format --branch`, and returns it without
    `refs/heads/`. Raises BranchNameError."""
    branch = name.removeprefix("refs/heads/")
    if reason := _refused(branch):
        raise BranchNameError(branch=printable(branch), reason=reason)
    return branch


def _refused(branch: str) -> str | None:
    if not branch:
        return "it is empty"
    if len(branch) > LONGEST_BRANCH or len(branch.encode("utf-8", "surrogatepass")) > LONGEST_BRANCH:
        return f"it is longer than {LONGEST_BRANCH} bytes"
    if branch.startswith("-"):
        return "it begins with `-`, like an option"
    if _REFUSED_IN_BRANCH.search(branch) or not branch.isprintable():
        return "it contains spaces, control characters or one of `~^:?*[\\`"
    if branch in ("@", "HEAD") or "@{" in branch:
        return "Git reserves it"
    if ".." in branch or branch.endswith("."):
        return "it contains `..` or ends with a dot"
    if any(not part or part.startswith(".") or part.endswith(".lock") for part in branch.split("/")):
        return "a part between slashes is empty, begins with a dot or ends with `.lock`"
    return None
