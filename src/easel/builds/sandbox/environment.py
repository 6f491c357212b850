"""The environment variables of a build's commands, and their paths where there is no sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LOCAL = "localhost,127.0.0.1,::1"


def environment(proxy: str, certificates: str | None, home: str, temporary: str) -> dict[str, str]:
    """The variables that every build has: its places, the proxy and the authorities under the names by which npm, yarn,
    pip, git, curl and others know them."""
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


def outside(text: str, places: Mapping[str, str]) -> str:
    """A command, path or variable with the places inside a sandbox replaced by those they have outside it."""
    if not places:
        return text
    longest_first = sorted(places, key=len, reverse=True)
    found = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w.-])")
    return found.sub(lambda match: places[match[0]], text)
