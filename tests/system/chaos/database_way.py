"""A proxy to PostgreSQL that knows its protocol (version 3.0). It can drop notifications, and the response to a
commit."""

from __future__ import annotations

import re

from tests.system.chaos.proxy import Answers, Proxy

_NOTIFICATION = ord("A")
_COMPLETE = ord("C")
_WRITTEN = re.compile(rb"(INSERT 0|UPDATE|DELETE) [1-9]")
_HEAD = 5
"""Number of bytes before a message's content: its type, and its length without the type (PostgreSQL manual, 55.7)."""


class DatabaseWay(Proxy):
    """A proxy in front of PostgreSQL, used without TLS."""

    drops_notifications = False
    """True if NOTIFY messages are dropped."""
    loses_commits = 0
    """The number of writing commits whose responses are dropped. The database has committed, and the connection
    ends."""
    lost = 0
    """The number of notifications and commits that were lost."""

    def mend(self) -> None:
        """Passes everything through again, unchanged."""
        super().mend()
        self.drops_notifications = False
        self.loses_commits = 0

    def answers(self) -> Answers:
        """Splits the stream into messages."""
        kept = b""
        wrote = False

        def pass_on(data: bytes) -> tuple[bytes, bool]:
            nonlocal kept, wrote
            data = kept + data
            passed = bytearray()
            at = 0
            while len(data) - at >= _HEAD:
                end = at + 1 + int.from_bytes(data[at + 1 : at + _HEAD], "big")
                if end > len(data):
                    break
                if data[at] == _COMPLETE:
                    done = data[at + _HEAD : end]
                    if done == b"COMMIT\0" and wrote and self.loses_commits:
                        self.loses_commits -= 1
                        self.lost += 1
                        return bytes(passed), False
                    wrote = _WRITTEN.match(done) is not None or (wrote and done != b"COMMIT\0")
                if data[at] == _NOTIFICATION and self.drops_notifications:
                    self.lost += 1
                else:
                    passed += data[at:end]
                at = end
            kept = data[at:]
            return bytes(passed), True

        return pass_on
