"""The environment variables of a build's commands, and their paths for builds without a sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping

from easel.builds.errors import BuildVariableInvalidError

MOST_VARIABLES = 2000
LONGEST_VARIABLE = 128 * 1024 - 8
"""Maximum number of bytes of a variable: name, value and separators (MAX_ARG_STRLEN of execve(2))."""
_NAME = re.compile(r"[\x21-\x3c\x3e-\x7e]{1,1000}")
_LOCAL = "localhost,127.0.0.1,::1"
_GIT_HOSTS = ("github.com", "gitlab.com", "bitbucket.org")
"""Hosts whose ssh addresses are often written as `git@HOST:PATH`."""


def environment(proxy: str, certificates: str | None, home: str, temporary: str) -> dict[str, str]:
    """Returns the variables of every build: its folders, the proxy and the certificate authorities, under the names
    that npm, yarn, pip, git, curl and others read."""
    found = {
        "CI": "true",
        "HOME": home,
        "LANG": "C.UTF-8",
        "LOGNAME": "build",
        "NODE_USE_ENV_PROXY": "1",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "SHELL": "/bin/sh",
        "TMPDIR": temporary,
        "TZ": "UTC",
        "USER": "build",
        "YARN_HTTPS_PROXY": proxy,
        "YARN_HTTP_PROXY": proxy,
    }
    for name, value in (("http_proxy", proxy), ("https_proxy", proxy), ("no_proxy", _LOCAL)):
        found |= {name: value, name.upper(): value}
    if certificates is not None:
        for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"):
            found[name] = certificates
    return found


def git_over_https() -> dict[str, str]:
    """Returns the variables that make Git fetch over https instead of ssh, which the proxy cannot forward. npm, for
    example, notes ssh addresses of public repositories in its lock file."""
    prefixes = ("ssh://git@", *(f"git@{host}:" for host in _GIT_HOSTS))
    values = ("https://", *(f"https://{host}/" for host in _GIT_HOSTS))
    found = {"GIT_CONFIG_COUNT": str(len(prefixes)), "GIT_TERMINAL_PROMPT": "0"}
    for number, (prefix, value) in enumerate(zip(prefixes, values, strict=True)):
        found |= {f"GIT_CONFIG_KEY_{number}": f"url.{value}.insteadOf", f"GIT_CONFIG_VALUE_{number}": prefix}
    return found


def check(variables: Mapping[str, str]) -> None:
    """Raises BuildVariableInvalidError for a variable that the system would refuse, or that contains a NUL character,
    which would end the argument."""
    if len(variables) > MOST_VARIABLES:
        name = next(iter(variables))
        raise BuildVariableInvalidError(name=name, problem=f"there would be more than {MOST_VARIABLES:,} variables")
    for name, value in variables.items():
        problem = None
        if not name or not _NAME.fullmatch(name):
            problem = "its name contains characters that are not allowed"
        elif "\0" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)):
            problem = "its value contains characters that are not allowed"
        elif len(value.encode()) + len(name) > LONGEST_VARIABLE:
            problem = f"it is longer than {LONGEST_VARIABLE:,} bytes"
        if problem is not None:
            raise BuildVariableInvalidError(name=name[:100].encode("ascii", "replace").decode(), problem=problem)


def outside(text: str, places: Mapping[str, str]) -> str:
    """Returns a command, path or variable with the sandbox's paths replaced by the real paths."""
    if not places:
        return text
    longest_first = sorted(places, key=len, reverse=True)
    found = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w.-])")
    return found.sub(lambda match: places[match[0]], text)
