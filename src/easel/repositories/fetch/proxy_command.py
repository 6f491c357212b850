"""A program for ssh's ProxyCommand: connects standard input and output with a host, by way of an HTTP proxy.

Git runs the program by its path: `python -I proxy_command.py HOST PORT`. The proxy's URL is in EASEL_PROXY. Every user
of the machine can read a program's arguments, but only the program's user can read its environment.
"""

import base64
import os
import socket
import sys
import threading
from urllib.parse import urlsplit

CHUNK = 64 * 1024
LONGEST_HEAD = 16 * 1024


def main(host: str, port: str) -> int:
    """Connects to the host through the proxy. Copies standard input to the host, and the host's data to standard
    output, until the host ends the connection. Returns the exit code of the program."""
    proxy = urlsplit(os.environ["EASEL_PROXY"])
    connection = socket.create_connection((proxy.hostname, proxy.port), 30)
    credentials = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    connection.sendall(f"CONNECT {place} HTTP/1.1\r\nProxy-Authorization: Basic {credentials}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        if len(head) > LONGEST_HEAD or not (piece := connection.recv(CHUNK)):
            return 1
        head += piece
    head, _, rest = head.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] != [b"200"]:
        sys.stderr.write(f"the proxy answered: {head.decode('latin-1').splitlines()[0]}\n")
        return 1
    connection.settimeout(None)
    threading.Thread(target=_send, args=(connection,), daemon=True).start()
    _write(rest)
    while piece := connection.recv(CHUNK):
        _write(piece)
    return 0


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _send(connection: socket.socket) -> None:
    try:
        while piece := os.read(0, CHUNK):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
