"""A package registry on loopback: an index of versions and an archive for each package, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import ipaddress
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from easel.builds.toolchains.registry import Registry
from easel.outgoing.addresses import Destinations

LOOPBACK = Destinations((ipaddress.ip_network("127.0.0.0/8"),))


class Shelf:
    """The packages of a registry, and the requested paths."""

    def __init__(self) -> None:
        self.packages: dict[str, dict[str, Any]] = {}
        self.archives: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""

    def add(
        self,
        name: str,
        version: str,
        files: Mapping[str, bytes],
        *,
        archive: bytes | None = None,
        integrity: str | None = None,
        **about: Any,
    ) -> bytes:
        """Adds a version, and returns its archive."""
        made = archive if archive is not None else packed(files)
        path = f"/archives/{name.replace('/', '+')}-{version}.tgz"
        self.archives[path] = made
        digest = base64.b64encode(hashlib.sha512(made).digest()).decode()
        dist = {"tarball": f"{self.url}{path}", "integrity": integrity or f"sha512-{digest}"}
        self.packages.setdefault(name, {"name": name, "versions": {}})["versions"][version] = {**about, "dist": dist}
        return made

    @property
    def registry(self) -> Registry:
        """Returns the registry as a builder sees it."""
        return Registry(self.url, LOOPBACK)


def packed(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """Returns an archive as npm makes it: everything is below `package/`."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for path, target in (links or {}).items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return into.getvalue()


@contextmanager
def shelf() -> Iterator[Shelf]:
    """Yields a registry that runs during the block."""
    found = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path)
            found.asked.append(path)
            body = found.archives.get(path)
            if body is None and path[1:] in found.packages:
                body = json.dumps(found.packages[path[1:]]).encode()
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
