"""Finds the server and its key: from options and environment, from `easel login`, or from the server on this
machine."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs.unix import Unix

from easel.cli.errors import (
    ApiKeyMalformedError,
    CredentialsUnreadableError,
    CredentialsUnwritableError,
    NoDataHereError,
    NoHomeError,
    NotSignedInError,
    ServerAddressError,
)
from easel.cli.textfile import read_text
from easel.places import home, remembered_data_dir

DEFAULT_SERVER = "http://127.0.0.1:8000"
KEY_VARIABLE = "EASEL_API_KEY"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """The address of a server, and the API key for it. `origin` is the place of the key, for messages. `data_dir` is
    the data folder of a server that was found on this machine, although the user named no server."""

    server: str
    key: str
    origin: str = field(default="", compare=False)
    data_dir: Path | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The saved keys of `easel login` by server, and the default server."""

    default: str | None
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """The server options of the command line and the environment. An option is None if it is not given.
    `project_server` is the server in easel.toml."""

    server: str | None = None
    key: str | None = None
    data_dir: Path | None = None
    project_server: str | None = None


def find_access(wanted: ServerChoice) -> ServerAccess:
    """Returns the server and key to use.

    A stored key is only ever sent to the server for which it was stored, whatever server an easel.toml contains. Raises
    NotSignedInError, ServerAddressError, ApiKeyMalformedError, CredentialsUnreadableError.
    """
    named = wanted.server or wanted.project_server
    server = server_address(named) if named else None
    if wanted.key:
        origin = f"the variable {KEY_VARIABLE}" if os.environ.get(KEY_VARIABLE) == wanted.key else "the option --key"
        address, folder = (server, None) if server is not None else _default(wanted)
        return ServerAccess(address, checked_key(wanted.key), origin, folder)
    if wanted.data_dir is None:
        stored = read_stored(credentials_file())
        chosen = server or stored.default
        if chosen is not None and chosen in stored.keys:
            return ServerAccess(chosen, stored.keys[chosen], "`easel login`")
    for local in _local_servers(wanted.data_dir):
        if server is None or _same(local.server, server):
            is_chosen = server is not None or wanted.data_dir is not None
            return replace(local, data_dir=None) if is_chosen else local
    if wanted.data_dir is not None and not os.path.exists(wanted.data_dir / "api-key"):
        raise NoDataHereError(folder=str(wanted.data_dir))
    others = ", ".join(sorted(read_stored(credentials_file()).keys))
    known = f" There are keys for {others}." if others else ""
    raise NotSignedInError(server=server or default_server(wanted), known=known)


def default_server(wanted: ServerChoice) -> str:
    """Returns the server to use if the user sets no server: the server of the last login, else a server that has its
    data folder on this machine, else the default address."""
    return _default(wanted)[0]


def _default(wanted: ServerChoice) -> tuple[str, Path | None]:
    """Returns the server of `default_server`, and its data folder if it was found by itself on this machine."""
    if wanted.data_dir is None:
        stored = read_stored(credentials_file())
        if stored.default is not None:
            return stored.default, None
    for local in _local_servers(wanted.data_dir):
        return local.server, local.data_dir if wanted.data_dir is None else None
    return DEFAULT_SERVER, None


def server_address(text: str) -> str:
    """Returns the address in its stored form: with a scheme, without a trailing slash. Raises ServerAddressError."""
    address = text.strip()
    if "://" not in address:
        host = address.split("/", 1)[0].rsplit(":", 1)[0].strip("[]")
        address = f"{'http' if is_loopback(host) else 'https'}://{address}"
    address = address.rstrip("/")
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.username or parts.query or parts.fragment or not address.isprintable() or " " in address:
        raise ServerAddressError(address=text)
    return address


def is_loopback(host: str) -> bool:
    """Returns true if the host is this machine (RFC 6761 §6.3 for names under localhost)."""
    return host in _LOOPBACK or host.endswith(".localhost")


def checked_key(text: str) -> str:
    """Returns the key, if its form is valid. Raises ApiKeyMalformedError, without repeating the input."""
    key = text.strip().removeprefix("\ufeff")
    if not key.startswith("sk_") or not key.isascii() or not key.isprintable() or " " in key:
        raise ApiKeyMalformedError(what="The input is not an API key" if key else "No API key was given")
    return key


def credentials_file() -> Path | None:
    """Returns the file for the keys of `easel login` (XDG Base Directory Specification). Returns None for a user
    without a home folder."""
    try:
        folder = Unix("easel").user_config_path
    except RuntimeError:
        return None
    # Some releases of platformdirs return `~/…` unexpanded.
    return folder / "credentials.toml" if folder.is_absolute() else None


def read_stored(file: Path | None) -> StoredKeys:
    """Returns the saved keys. Returns no keys if the file does not exist. Raises CredentialsUnreadableError."""
    try:
        data = tomllib.loads(read_text(file)) if file is not None else {}
    except (FileNotFoundError, NotADirectoryError):
        return StoredKeys(default=None, keys={})
    except (OSError, ValueError) as error:
        raise CredentialsUnreadableError(file=str(file), reason=str(error)) from error
    servers = data.get("servers", {})
    default = data.get("default")
    keys = {
        server: entry["key"]
        for server, entry in (servers.items() if isinstance(servers, dict) else ())
        if isinstance(entry, dict) and isinstance(entry.get("key"), str)
    }
    return StoredKeys(default=default if isinstance(default, str) else None, keys=keys)


def store(file: Path | None, stored: StoredKeys) -> None:
    """Saves the keys. From the first byte on, only their owner can read the file. Raises NoHomeError,
    CredentialsUnwritableError."""
    if file is None:
        raise NoHomeError()
    try:
        _write(file, stored)
    except OSError as error:
        raise CredentialsUnwritableError(file=str(file), reason=error.strerror or str(error)) from error


def _write(file: Path, stored: StoredKeys) -> None:
    lines = [f"default = {json.dumps(stored.default)}"] if stored.default else []
    for server, key in sorted(stored.keys.items()):
        lines += ["", f"[servers.{json.dumps(server)}]", f"key = {json.dumps(key)}"]
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            target.write("\n".join(lines) + "\n")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _local_servers(data_dir: Path | None) -> list[ServerAccess]:
    """Returns the address and first key of each server whose data folder is on this machine and readable."""
    if data_dir is not None:
        folders = [data_dir]
    else:
        folders = [Path(os.environ.get("EASEL_DATA_DIR") or "data")]
        folders += [own / ".local" / "share" / "easel"] if (own := home()) is not None else []
        folders += [noted] if (noted := remembered_data_dir()) is not None else []
    found = []
    for folder in folders:
        try:
            key = read_text(folder / "api-key").strip()
        except (OSError, ValueError):
            continue
        if key:
            found.append(ServerAccess(_local_address(folder), checked_key(key), f"`{folder / 'api-key'}`", folder))
    return found


def _local_address(folder: Path) -> str:
    try:
        api_url = json.loads(read_text(folder / "server.json"))["api_url"]
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_SERVER
    return server_address(str(api_url))


def _same(one: str, other: str) -> bool:
    """Returns true if two addresses refer to the same server. All names of this machine are the same server."""

    def canonical(address: str) -> tuple[str, str, int, str]:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return parts.scheme, "localhost" if is_loopback(host) else host, port, parts.path

    return canonical(one) == canonical(other)
