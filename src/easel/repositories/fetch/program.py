"""Runs Git's program with a separate environment and within limits. No credentials remain afterwards."""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from easel.places import write_private
from easel.processes import end_process
from easel.repositories.errors import GitMissingError, RepositoryTooLargeError, SshMissingError
from easel.repositories.fetch.models import Remote
from easel.repositories.providers.hosts import token_user

MEMORY: Final = 1024 * 1024 * 1024
"""Maximum data memory (bytes) of each Git process. Git builds objects from their deltas in memory."""
SAID: Final = 8 * 1024
"""Number of last bytes of Git's messages that are kept. They include messages that the Git host sends."""
LOOK_EVERY: Final = 0.05
"""Seconds between two checks of the size of a running fetch."""
CHUNK: Final = 64 * 1024
_PROXY_COMMAND: Final = Path(__file__).with_name("proxy_command.py")
_SLOW: Final = 30
"""Seconds after which a connection is closed if it transfers less than a kilobyte a second."""


class GitFailedError(Exception):
    """Git has ended with an error. `said` contains Git's messages."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


@dataclass(frozen=True, slots=True)
class Git:
    """Git's program for one fetch, with its environment and its folder for objects, which is separate from the tree."""

    program: str
    folder: Path
    environment: Mapping[str, str]
    most_bytes: int

    async def run(self, *arguments: str, watched: bool = False) -> bytes:
        """Runs Git and returns its output. With `watched`, Git is killed if its folder becomes too large, because Git
        itself has no such limit. Raises GitFailedError, RepositoryTooLargeError."""
        async with aclosing(self.lines(*arguments, watched=watched)) as pieces:
            return b"".join([piece async for piece in pieces])

    async def lines(self, *arguments: str, watched: bool = False) -> AsyncGenerator[bytes]:
        """Runs Git, and yields its output in pieces. Git is killed when the caller stops reading. For `watched` and the
        errors, see `run`."""
        process = await asyncio.create_subprocess_exec(
            # The shell sets the limit before it starts Git, so the limit holds for all programs that Git starts.
            "/bin/sh",
            "-c",
            f'ulimit -d {MEMORY // 1024} && exec "$0" "$@"',
            self.program,
            f"--git-dir={self.folder}",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(self.environment),
            cwd=self.folder.parent,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        too_large = False

        async def watch() -> None:
            nonlocal too_large
            while True:
                await asyncio.sleep(LOOK_EVERY)
                if size_of(self.folder / "objects") > self.most_bytes:
                    too_large = True
                    with suppress(ProcessLookupError, PermissionError):
                        os.killpg(process.pid, signal.SIGKILL)
                    return

        watching = asyncio.ensure_future(watch()) if watched else None
        said = asyncio.ensure_future(_last_words(process.stderr))
        try:
            while piece := await process.stdout.read(CHUNK):
                yield piece
            words = await said
            code = await process.wait()
        finally:
            if watching is not None:
                watching.cancel()
            said.cancel()
            await asyncio.wait([said])
            await end_process(process, with_session=True)
        if too_large or (watched and size_of(self.folder / "objects") > self.most_bytes):
            raise RepositoryTooLargeError(limit=self.most_bytes, unit="bytes")
        if code != 0:
            raise GitFailedError(code, words)


def size_of(folder: Path) -> int:
    """Returns the total bytes of all files in Git's object folder. During a fetch, the folder contains only few
    files."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def environment_for(remote: Remote, proxy: str, private: Path) -> dict[str, str]:
    """Returns the complete environment of a Git process. It contains no settings of this machine or user, the proxy as
    the only way to the network, and the credential of the repository. `private` is a folder that only this user can
    read. The ssh key is in this folder during the fetch.

    Raises SshMissingError.
    """
    url = remote.url
    config = {
        "core.hooksPath": "/dev/null",
        "core.fsmonitor": "false",
        "core.deltaBaseCacheLimit": "64m",
        "core.packedGitLimit": "256m",
        "core.bigFileThreshold": "16m",
        "core.quotePath": "false",
        "core.symlinks": "true",
        "credential.helper": "",
        "fetch.unpackLimit": "1",
        "fetch.fsckObjects": "false",
        "gc.auto": "0",
        "maintenance.auto": "false",
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": str(_SLOW),
        "http.proxy": proxy,
        "http.proxyAuthMethod": "basic",
        "index.threads": "1",
        "log.showSignature": "false",
        "pack.threads": "1",
        "protocol.version": "2",
        "safe.directory": "*",
        "submodule.recurse": "false",
    }
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(private),
        "LC_ALL": "C.UTF-8",
        "GIT_ALLOW_PROTOCOL": url.scheme,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
    if bundle := os.environ.get("SSL_CERT_FILE"):
        environment["GIT_SSL_CAINFO"] = bundle
    if url.scheme == "ssh":
        environment |= _ssh(remote, proxy, private)
    elif remote.token is not None:
        user = remote.username or token_user(remote.provider)
        basic = base64.b64encode(f"{user}:{remote.token}".encode()).decode()
        place = f"{url.scheme}://{url.authority}:{url.port}/"
        config[f"http.{place}.extraHeader"] = f"Authorization: Basic {basic}"
    environment["GIT_CONFIG_COUNT"] = str(len(config))
    for number, (name, value) in enumerate(config.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def find_git() -> str:
    """Returns the path of Git's program. Raises GitMissingError."""
    program = shutil.which("git")
    if program is None:
        raise GitMissingError()
    return program


def _ssh(remote: Remote, proxy: str, private: Path) -> dict[str, str]:
    if shutil.which("ssh") is None:
        raise SshMissingError()
    key, known_hosts = private / "key", private / "known_hosts"
    write_private(key, remote.deploy_key or "")
    write_private(known_hosts, remote.known_hosts or "")
    options = {
        "IdentityFile": _as_option(key),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "BatchMode": "yes",
        "PreferredAuthentications": "publickey",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _as_option(known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "2",
        "ProxyCommand": f"{shlex.join([sys.executable, '-I', str(_PROXY_COMMAND)]).replace('%', '%%')} %h %p",
    }
    words = ["ssh", "-F", "none", *(f"-o{name}={value}" for name, value in options.items())]
    return {"GIT_SSH_COMMAND": shlex.join(words), "GIT_SSH_VARIANT": "ssh", "EASEL_PROXY": proxy}


def _as_option(path: Path) -> str:
    """Returns a path in the form that an option of ssh needs. Without escapes, a blank would end the path, and a
    percent sign would begin a token of ssh (ssh_config(5))."""
    return '"' + str(path).replace("%", "%%") + '"'


async def _last_words(stream: asyncio.StreamReader) -> str:
    words = bytearray()
    while piece := await stream.read(CHUNK):
        words += piece
        del words[:-SAID]
    return words.decode("utf-8", "replace")


Say = Callable[[str], None]
"""A function that adds a line to the log of the fetch."""
