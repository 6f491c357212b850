"""Broken connections and Ctrl-C, with a misbehaving relay between the command and the server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..conftest import Person

Rule = Callable[[bytes], int | None]

through_the_api = pytest.mark.parametrize("platform", ["folder"], indirect=True)
"""Uploads to a bucket do not pass through the api, and the relay is in front of the api."""


class Relay:
    """Relays bytes in both directions. A rule is called with each chunk. It returns the number of bytes after which to
    stop, or None to continue."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.to_server: Rule = lambda chunk: None
        self.to_client: Rule = lambda chunk: None
        self.stall = False
        """True if the relay stops by going silent instead of closing."""
        self.stopped = threading.Event()
        self._closing = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            for source, target, rule in ((client, server, "to_server"), (server, client, "to_client")):
                threading.Thread(target=self._pump, args=(source, target, rule), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, rule: str) -> None:
        try:
            while chunk := source.recv(65536):
                count = getattr(self, rule)(chunk)
                target.sendall(chunk if count is None else chunk[:count])
                if count is not None:
                    self.stopped.set()
                    if self.stall:
                        # The relay stays silent as long as the other end is connected.
                        while source.recv(65536) and not self._closing.is_set():
                            pass
                    break
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(person: Person) -> Iterator[Relay]:
    """Yields the relay for this person's commands."""
    between = Relay(person.platform.api_port)
    person.environment["EASEL_SERVER"] = f"http://127.0.0.1:{between.port}"
    person.environment["EASEL_API_KEY"] = person.platform.api_key
    yield between
    between.close()


@pytest.fixture
def large(person: Person) -> Person:
    """Returns a person whose app takes a while to upload."""
    person.write(index_html="<h1>large</h1>")
    (person.folder / "dist" / "photo.jpg").write_bytes(os.urandom(3_000_000))
    return person


def once_in_upload(after: int) -> Rule:
    """Returns a rule that stops the relay once, when that many bytes of an upload have passed."""
    passed = -1

    def rule(chunk: bytes) -> int | None:
        nonlocal passed
        if chunk.startswith(b"PUT ") and passed < 0:
            passed = 0
        if passed < 0 or passed > after:
            return None
        passed += len(chunk)
        return len(chunk) if passed > after else None

    return rule


def once_at(pattern: bytes) -> Rule:
    """Returns a rule that stops the relay once, at the end of the first match."""
    done = False

    def rule(chunk: bytes) -> int | None:
        nonlocal done
        found = None if done else re.search(pattern, chunk, re.S)
        if found is None:
            return None
        done = True
        return found.end()

    return rule


@through_the_api
def test_an_interrupted_upload_is_retried(large: Person, relay: Relay) -> None:
    relay.to_server = once_in_upload(1_000_000)
    ended = large.ok("deploy", "--create", "-m", "x")
    assert relay.stopped.is_set()
    assert "Attempt 2" in ended.stderr
    assert large.ok("versions", "--json").document["total"] == 1


def test_an_interrupted_log_continues_without_gap_or_repeat(person: Person, relay: Relay) -> None:
    person.write(index_html="<h1>x</h1>")
    relay.to_client = once_at(rb"data: \{\"ts.*?\n\r?\n")
    ended = person.ok("deploy", "--create", "-m", "x")
    assert relay.stopped.is_set()
    told = [line.strip() for line in ended.stderr.splitlines() if line.startswith("  ")]
    whole = [line["line"] for line in person.ok("logs", "--json").document["lines"]]
    # The command prints its report in place of the log's last line.
    assert (told, whole[-1][:16]) == (whole[:-1], "Deploy complete!")


def test_a_server_that_cannot_stream_is_polled_instead(person: Person, relay: Relay) -> None:
    def never(chunk: bytes) -> int | None:
        return 0 if b"text/event-stream" in chunk else None

    person.write(index_html="<h1>x</h1>")
    relay.to_client = never
    assert "Version 1 is live" in person.ok("deploy", "--create", "-m", "x").stderr


@through_the_api
def test_ctrl_c_during_the_upload_leaves_nothing_behind(large: Person, relay: Relay, tmp_path: Path) -> None:
    relay.to_server, relay.stall = once_in_upload(1_000_000), True
    large.ok("apps", "create", large.folder.name)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = large.start("deploy", "--app", large.folder.name, "-m", "x", TMPDIR=str(temporary))
    assert relay.stopped.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Interrupted. Nothing was deployed, and no files were left behind."
    assert list(temporary.iterdir()) == []
    assert "Traceback" not in err
    assert large.ok("deploys", "--app", large.folder.name, "--json").document["total"] == 0
    app_id = large.ok("apps", "show", large.folder.name, "--json").document["app_id"]
    deadline = time.monotonic() + 60
    while left := [
        file
        for place in ("objects", "scratch")
        for file in (large.platform.data_dir / place).rglob("*")
        if file.is_file() and (app_id in str(file) or place == "scratch")
    ]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_ctrl_c_while_following_says_that_the_deploy_goes_on(person: Person, relay: Relay) -> None:
    person.write(index_html="<h1>x</h1>")
    relay.to_client, relay.stall = once_at(rb"text/event-stream"), True
    process = person.start("deploy", "--create", "-m", "x")
    assert relay.stopped.wait(60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    last = err.splitlines()[-1]
    assert "continues" in last
    deploy_id = re.search(r"easel logs -f (dep_\w+)", last)
    assert deploy_id is not None
    assert "Deploy complete" in person.ok("logs", "-f", deploy_id[1]).stdout
