"""Whether an installation runs with the secret key that it has always run with.

Its database knows the fingerprint of the key, never the key. Two apis with different keys could not read each other's
secrets, and would refuse each other's upload addresses, now and then.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg

from easel.access.secrets import Vault
from easel.errors import ConflictError
from easel.storage.connections import noticing
from easel.storage.migrate import reached

_NAME = "secret_key_fingerprint"
_PUT: LiteralString = "insert into instance (name, value) values (%s, %s) on conflict (name)"


class SecretKeyDiffersError(ConflictError):
    """{source} is another secret key than the one that this database is used with. Give all apis the same. If that one
    is lost, `easel new-secret-key` takes this one in its place; the secrets of apps have to be set again then."""

    code = "secret_key_differs"


def recognise(url: str, vault: Vault, *, source: str) -> None:
    """Remembers the key when there is none yet. Raises SecretKeyDiffersError, DatabaseUnavailableError."""
    with reached(), _connected(url) as connection:
        known = _known(connection)
        if known is None:
            known = _remembered(connection, vault)
    if known not in (None, vault.fingerprint):
        raise SecretKeyDiffersError(source=source)


def replace(url: str, vault: Vault) -> bool:
    """Remembers the key in the place of another one; whether there was another. Raises DatabaseUnavailableError."""
    with reached(), _connected(url) as connection:
        known = _known(connection)
        if known != vault.fingerprint:
            connection.execute(f"{_PUT} do update set value = excluded.value", (_NAME, vault.fingerprint))
    return known not in (None, vault.fingerprint)


def _connected(url: str) -> psycopg.Connection[tuple[str]]:
    return psycopg.connect(url, autocommit=True, **noticing(url))


def _known(connection: psycopg.Connection[tuple[str]]) -> str | None:
    row = connection.execute("select value from instance where name = %s", (_NAME,)).fetchone()
    return None if row is None else row[0]


def _remembered(connection: psycopg.Connection[tuple[str]], vault: Vault) -> str | None:
    """What is known once this key has been put forward: of several apis that start at once, the first one's."""
    try:
        connection.execute(f"{_PUT} do nothing", (_NAME, vault.fingerprint))
    except psycopg.errors.ReadOnlySqlTransaction:
        # A database that fails over. The next start finds out.
        return None
    return _known(connection)
