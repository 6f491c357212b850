"""Verifies that an installation keeps its secret key. The database stores the key's fingerprint, never the key.

Two apis with different keys could not read each other's secrets, and would sometimes refuse each other's upload URLs.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg

from easel.access.sealed import KEYS_PATH, SECRETS_PATH
from easel.access.secrets import SecretUnreadableError, Vault
from easel.errors import ConflictError
from easel.storage.connections import noticing
from easel.storage.migrate import reached
from easel.storage.statements import statements

_NAME = "secret_key_fingerprint"
_SQL = statements(__name__)
_SEALED = (_SQL["newest_answers"], _SQL["newest_repositories"], _SQL["newest_secrets"])
"""Queries for encrypted values, newest first: remembered responses, secrets of repositories, and secrets of apps.
Remembered responses come first, because they are found fastest."""


class SecretKeyDiffersError(ConflictError):
    """{source} does not match the secret key of this database. Use the same key on every machine that runs the API. If
    the old key is lost, run `easel new-secret-key` to replace it with this key. After that, the secrets of all apps
    must be set again."""

    code = "secret_key_differs"


def recognise(url: str, vault: Vault, *, source: str) -> None:
    """Stores the fingerprint of the vault's key if the database has none and the key decrypts a stored value. `url` is
    the address of the database. `source` says where the key comes from, for the error's message. Raises
    SecretKeyDiffersError, DatabaseUnavailableError."""
    with reached(), _connected(url) as connection:
        known = _known(connection)
        # A database from before migration 0011 has secrets but no fingerprint, and the first api to start may have a
        # wrong key.
        if known is None and not _fits(connection, vault):
            raise SecretKeyDiffersError(source=source)
        if known is None:
            known = _remembered(connection, vault)
    if known not in (None, vault.fingerprint):
        raise SecretKeyDiffersError(source=source)


def replace(url: str, vault: Vault) -> bool:
    """Stores the fingerprint of the vault's key in place of the old key's fingerprint. Returns true if the database had
    the fingerprint of another key. Raises DatabaseUnavailableError."""
    with reached(), _connected(url) as connection:
        known = _known(connection)
        if known != vault.fingerprint:
            connection.execute(_SQL["put"], {"name": _NAME, "value": vault.fingerprint})
    return known not in (None, vault.fingerprint)


def _connected(url: str) -> psycopg.Connection[tuple[str]]:
    return psycopg.connect(url, autocommit=True, **noticing(url))


def _known(connection: psycopg.Connection[tuple[str]]) -> str | None:
    row = connection.execute(_SQL["find"], {"name": _NAME}).fetchone()
    return None if row is None else row[0]


def _fits(connection: psycopg.Connection[tuple[str]], vault: Vault) -> bool:
    """Returns true if the key decrypts one of the newest stored values, or no value is stored. One decrypted value is
    enough, because after an earlier loss of a key even the right key cannot decrypt older values."""
    found = False
    for statement in _SEALED:
        for (sealed,) in connection.execute(statement, {"secrets": SECRETS_PATH, "keys": KEYS_PATH}):
            found = True
            with suppress(SecretUnreadableError):
                vault.open(sealed)
                return True
    return not found


def _remembered(connection: psycopg.Connection[tuple[str]], vault: Vault) -> str | None:
    """Stores the fingerprint of the vault's key, and returns the fingerprint in the database. If several apis start at
    once, the first api's fingerprint is stored."""
    try:
        connection.execute(_SQL["put_first"], {"name": _NAME, "value": vault.fingerprint})
    except psycopg.errors.ReadOnlySqlTransaction:
        # The database cannot be written while it fails over. The key is checked again at the next start.
        return None
    return _known(connection)
