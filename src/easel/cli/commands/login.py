"""`easel login` and `easel logout`: this machine's saved key of a server."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import click

from easel.cli.client import Client
from easel.cli.command import client_command
from easel.cli.credentials import (
    ServerAccess,
    StoredKeys,
    checked_key,
    credentials_file,
    default_server,
    is_loopback,
    read_stored,
    server_address,
    store,
)
from easel.cli.errors import ApiError
from easel.cli.session import Session
from easel.cli.textfile import decode

_LONGEST_KEY = 64 * 1024


@client_command("login")
def login(session: Session) -> None:
    """Check an API key with a server, and save it. Asks for the server and the key if they are not given. Without a
    terminal, reads the key from standard input."""
    output = session.output
    server = session.wanted.server or session.wanted.project_server or default_server(session.wanted)
    if output.interactive and session.flags.server is None:
        server = output.ask("Server", default=server)
    server = server_address(server)
    key = checked_key(session.flags.key or _read_key(session))
    output.say(f"Checking the key at {server} …")
    with Client(ServerAccess(server, key)) as client:
        try:
            client.list_apps(limit=1)
        except ApiError as error:
            # A key with few scopes may be valid without permission to list apps.
            if error.http_status != 403:
                raise
    file = credentials_file()
    kept = read_stored(file)
    store(file, StoredKeys(default=server, keys={**kept.keys, server: key}))
    output.done(f"Signed in to {server}. The key is saved in {file}, which only you can read.")
    if server.startswith("http://") and not _on_this_machine(server):
        output.warn(
            "the address uses plain http, so anybody on the network path can read the key. Use https if possible."
        )
    output.document({"server": server, "credentials_file": str(file)})


@client_command("logout")
@click.option("--all", "everywhere", help="Delete the keys of all servers.", is_flag=True)
def logout(session: Session, everywhere: bool) -> None:
    """Delete the saved API key of a server. The key stays valid until you revoke it with `easel keys revoke`."""
    file = credentials_file()
    kept = read_stored(file)
    server = server_address(session.wanted.server or default_server(session.wanted))
    gone = sorted(kept.keys) if everywhere else [server] if server in kept.keys else []
    left = {name: key for name, key in kept.keys.items() if name not in gone}
    if gone:
        store(file, StoredKeys(default=kept.default if kept.default in left else next(iter(left), None), keys=left))
        session.output.done(f"Deleted the key for {', '.join(gone)}.")
    else:
        session.output.say(f"No key is saved for {server}.")
    session.output.document({"forgotten": gone})


def _read_key(session: Session) -> str:
    if session.output.interactive:
        key: str = click.prompt("API key", hide_input=True, err=True)
        return key
    if sys.stdin is None:
        return ""
    # PowerShell redirects text as UTF-16, and editors add byte-order marks.
    content = sys.stdin.buffer.read(_LONGEST_KEY)
    try:
        return decode(content).split("\n", 1)[0]
    except ValueError:
        return content.decode("ascii", "replace")


def _on_this_machine(server: str) -> bool:
    return is_loopback(urlsplit(server).hostname or "")
