"""Counts requests to a store with a TCP proxy in front of it. Requests pass through unchanged."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import httptools

from testbed.running import free_port
from testbed.stores import Bucket

CHARGED = {"PUT": "PUT", "POST": "PUT", "LIST": "PUT", "GET": "GET", "HEAD": "GET", "DELETE": "DELETE"}
"""The kinds of requests by S3's price. DELETE is free of charge."""


@dataclass
class Asked:
    """The traffic of the proxy: requests by kind (GET, HEAD, PUT, POST, DELETE, LIST), and bytes of responses."""

    requests: Counter[str] = field(default_factory=Counter)
    received: int = 0

    def forget(self) -> None:
        """Resets the counts."""
        self.requests.clear()
        self.received = 0

    def charged(self) -> Counter[str]:
        """Returns the requests by price: GET, PUT, DELETE."""
        charged: Counter[str] = Counter()
        for kind, count in self.requests.items():
            charged[CHARGED[kind]] += count
        return charged


@contextmanager
def counted(bucket: Bucket) -> Iterator[tuple[Bucket, Asked]]:
    """Yields the same bucket through the proxy, and the counts."""
    asked = Asked()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        threading.Thread(target=_accept, args=(server, bucket.port, asked), daemon=True).start()
        yield replace(bucket, port=port), asked


def _accept(server: socket.socket, port: int, asked: Asked) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        store = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=_requests, args=(client, store, asked), daemon=True).start()
        threading.Thread(target=_answers, args=(store, client, asked), daemon=True).start()


class _Reader:
    """Records the head of each request that the parser finds."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.parser = httptools.HttpRequestParser(self)
        self._url = b""

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        method = self.parser.get_method().decode()
        query = parse_qs(urlsplit(self._url.decode("latin-1")).query, keep_blank_values=True)
        listing = method == "GET" and ("list-type" in query or "prefix" in query)
        self._asked.requests["LIST" if listing else method] += 1


def _requests(client: socket.socket, store: socket.socket, asked: Asked) -> None:
    reader = _Reader(asked)
    try:
        while data := client.recv(65536):
            reader.parser.feed_data(data)
            store.sendall(data)
        store.shutdown(socket.SHUT_WR)
    except OSError:
        store.close()


def _answers(store: socket.socket, client: socket.socket, asked: Asked) -> None:
    try:
        while data := store.recv(65536):
            asked.received += len(data)
            client.sendall(data)
        client.shutdown(socket.SHUT_WR)
    except OSError:
        client.close()
