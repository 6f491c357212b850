"""Real Git servers on loopback: `git http-backend` behind an ASGI server, and sshd."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from easel.processes import end_process
from testbed.ending import end_with_us
from testbed.running import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "LC_ALL": "C.UTF-8",
}


@dataclass
class BareRepository:
    """A repository on a server. Commits are made in it without a work tree."""

    folder: Path

    @staticmethod
    def create(folder: Path, *arguments: str) -> BareRepository:
        """Creates a repository without commits."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["git", "init", "--quiet", "--bare", "--initial-branch=main", *arguments, str(folder)],
            check=True,
            env=_ENVIRONMENT,
        )
        return BareRepository(folder)

    def git(self, *arguments: str, data: bytes = b"", **environment: str) -> str:
        """Returns the output of a Git command in the repository."""
        return subprocess.run(
            ["git", "--git-dir", str(self.folder), *arguments],
            input=data,
            check=True,
            capture_output=True,
            env={**_ENVIRONMENT, **environment},
        ).stdout.decode()

    def commit(
        self,
        files: Mapping[str, str | bytes],
        message: str = "A change",
        *,
        branch: str = "main",
        after: str | None = None,
        links: Mapping[str, str] | None = None,
        submodules: Mapping[str, str] | None = None,
    ) -> str:
        """Commits exactly these files, links and submodules, moves the branch to the commit, and returns the commit's
        id."""
        entries = [("100644", path, self._blob(content)) for path, content in files.items()]
        entries += [("120000", path, self._blob(target)) for path, target in (links or {}).items()]
        entries += [("160000", path, sha) for path, sha in (submodules or {}).items()]
        index = str(self.folder / f"index-{os.urandom(4).hex()}")
        lines = "".join(f"{mode} {sha}\t{path}\0" for mode, path, sha in entries)
        self.git("update-index", "-z", "--index-info", data=lines.encode(), GIT_INDEX_FILE=index)
        tree = self.git("write-tree", "--missing-ok", GIT_INDEX_FILE=index).strip()
        parents = ["-p", after] if after else []
        sha = self.git("commit-tree", tree, *parents, data=message.encode()).strip()
        self.git("update-ref", f"refs/heads/{branch}", sha)
        return sha

    def forget(self, sha: str) -> None:
        """Prunes objects that no branch reaches, and checks that the commit is pruned."""
        self.git("-c", "gc.pruneExpire=now", "gc", "--quiet", "--prune=now")
        assert subprocess.run(["git", "--git-dir", str(self.folder), "cat-file", "-e", sha], check=False).returncode

    def _blob(self, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        return self.git("hash-object", "-w", "--stdin", data=data).strip()


@dataclass
class GitServer:
    """A running server over HTTP. Below `/private/`, the server requires `user` and `password`. `/moved/x` redirects to
    `/x`.

    `heard` are the heads of received requests. `before` is called with the path before each response.
    """

    root: Path
    port: int
    user: str = "ada"
    password: str = "open sesame"
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    before: Callable[[str], None] = lambda path: None

    @property
    def url(self) -> str:
        """Returns the server's address."""
        return f"http://127.0.0.1:{self.port}"

    def repository(self, name: str, *arguments: str) -> BareRepository:
        """Returns a new repository at that path."""
        return BareRepository.create(self.root / name, *arguments)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Handles a request, as an ASGI application."""
        if scope["type"] != "http":
            return
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path: str = scope["path"]
        self.heard.append((path, headers))
        await asyncio.to_thread(self.before, path)
        if path.startswith("/moved/"):
            place = f"{self.url}/{path.removeprefix('/moved/')}?{scope['query_string'].decode()}"
            await _answer(send, 302, [(b"location", place.encode())])
        elif path.startswith("/broken/"):
            await _answer(send, 503, [])
        elif path.startswith("/private/") and headers.get("authorization") != self._expected():
            status = 403 if "authorization" in headers and path.startswith("/private/forbidden") else 401
            await _answer(send, status, [(b"www-authenticate", b'Basic realm="git"')])
        else:
            await self._backend(scope, headers, receive, send)

    def _expected(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    async def _backend(self, scope: dict[str, Any], headers: dict[str, str], receive: Any, send: Any) -> None:
        environment = {
            **_ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": scope["path"],
            "QUERY_STRING": scope["query_string"].decode(),
            "REQUEST_METHOD": scope["method"],
            "CONTENT_TYPE": headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
        }
        process = await asyncio.create_subprocess_exec(
            "git", "http-backend", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
        )
        try:
            await self._converse(process, receive, send)
        finally:
            await end_process(process)

    async def _converse(self, process: asyncio.subprocess.Process, receive: Any, send: Any) -> None:
        """Passes the request on to Git, and Git's response to the client."""
        assert process.stdin is not None
        assert process.stdout is not None
        more = True
        # uvloop reports a closed connection as a RuntimeError.
        with suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
            while more:
                message = await receive()
                process.stdin.write(message.get("body", b""))
                await process.stdin.drain()
                more = message.get("more_body", False)
            process.stdin.close()
        status, answered = 200, []
        while line := (await process.stdout.readline()).rstrip(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"status":
                status = int(value.split()[0])
            else:
                answered.append((name.lower(), value.strip()))
        await send({"type": "http.response.start", "status": status, "headers": answered})
        while piece := await process.stdout.read(64 * 1024):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


async def _answer(send: Any, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """Yields a server for the repositories in the folder."""
    root.mkdir(parents=True, exist_ok=True)
    served = GitServer(root, free_port())
    server = uvicorn.Server(
        uvicorn.Config(served, host="127.0.0.1", port=served.port, log_level="error", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(60)


@dataclass(frozen=True)
class SshServer:
    """A running sshd that lets the holder of one key use Git. `known_hosts` is the server's line for clients."""

    port: int
    user: str
    root: Path
    known_hosts: str

    def url(self, name: str) -> str:
        """Returns the address of a repository."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{self.root / name}"


@contextmanager
def ssh_server(folder: Path, public_key: str, *, protocol: bool = True) -> Iterator[SshServer]:
    """Yields an sshd for the repositories in the folder and this key. If `protocol` is false, the server hides from Git
    that clients support version 2. Call this function only if `SSHD` is found."""
    assert SSHD is not None
    settings = folder / ".sshd"
    settings.mkdir(parents=True, exist_ok=True)
    settings.chmod(0o700)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(settings / "host_key")], check=True, input=b"y\n"
    )
    (settings / "authorized_keys").write_text(public_key + "\n")
    port = free_port()
    (settings / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {settings}/host_key\nAuthorizedKeysFile {settings}/authorized_keys\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f'PermitRootLogin prohibit-password\nForceCommand git-shell -c "$SSH_ORIGINAL_COMMAND"\n'
        + ("AcceptEnv GIT_PROTOCOL\n" if protocol else "")
    )
    if os.geteuid() == 0:
        # If root starts sshd, its unprivileged process runs in this folder, which Debian's service creates.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(settings / "config")], stderr=(settings / "log").open("wb"), start_new_session=True
    )
    end_with_us(process.pid)
    try:
        deadline = time.monotonic() + 180
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (settings / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        kind, key, *_ = (settings / "host_key.pub").read_text().split()
        user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
        yield SshServer(port, user, folder, f"[127.0.0.1]:{port} {kind} {key}\n")
    finally:
        process.terminate()
        process.wait(180)
