"""Whether an installation runs with the secret key that it has always run with.

Its database knows the fingerprint of the key, never the key. Two apis with different keys could not read each other's
secrets, and would refuse each other's upload addresses, now and then.
"""

from __future__ import annotations

from contextlib import suppress
from typing import LiteralString

import psycopg

from easel.access.sealed import KEYS_PATH, SECRETS_PATH
from easel.access.secrets import SecretUnreadableError, Vault
from easel.errors import ConflictError
from easel.storage.connections import noticing
from easel.storage.migrate import reached

_NAME = "secret_key_fingerprint"
_PUT: LiteralString = "insert into instance (name, value) values (%s, %s) on conflict (name)"

_SEALED: tuple[LiteralString, ...] = (
    "select body from remembered_answer order by created_at desc limit 10",
    # All apps are read, of a million in a second or two: once in the life of an installation. Their versions, which are
    # many more, are not: what is sealed in one was sealed in its app first. Elsewhere in an app somebody may have given
    # something of their own that name.
    f"""
    select sealed #>> '{{}}' from (
      select draft, published from app
      where jsonb_path_exists(draft, '{SECRETS_PATH}') or jsonb_path_exists(published, '{SECRETS_PATH}')
         or jsonb_path_exists(draft, '{KEYS_PATH}') or jsonb_path_exists(published, '{KEYS_PATH}')
      order by updated_at desc limit 100
    ) newest, unnest(array[draft, published]) config, lateral (
      select jsonb_path_query(config, '{SECRETS_PATH}') union all select jsonb_path_query(config, '{KEYS_PATH}')
    ) found (sealed)
    """,  # noqa: S608 (made of constants)
)
"""What there is under the secret key, newest first: answers, which are quickest to find, and the secrets of apps."""


class SecretKeyDiffersError(ConflictError):
    """{source} is another secret key than the one that this database is used with. Give all apis the same. If that one
    is lost, `easel new-secret-key` takes this one in its place; the secrets of apps have to be set again then."""

    code = "secret_key_differs"


def recognise(url: str, vault: Vault, *, source: str) -> None:
    """Remembers the key when there is none yet, and it opens what is sealed. Raises SecretKeyDiffersError,
    DatabaseUnavailableError."""
    with reached(), _connected(url) as connection:
        known = _known(connection)
        # A database of before migration 0011 has secrets, and knows no key: the first to come may well be a wrong one.
        if known is None and not _fits(connection, vault):
            raise SecretKeyDiffersError(source=source)
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


def _fits(connection: psycopg.Connection[tuple[str]], vault: Vault) -> bool:
    """Whether the key opens one of the newest sealed values, or there is none. One is enough: where a key was lost
    before, what is older cannot be opened by the right one either."""
    found = False
    for statement in _SEALED:
        for (sealed,) in connection.execute(statement):
            found = True
            with suppress(SecretUnreadableError):
                vault.open(sealed)
                return True
    return not found


def _remembered(connection: psycopg.Connection[tuple[str]], vault: Vault) -> str | None:
    """What is known once this key has been put forward: of several apis that start at once, the first one's."""
    try:
        connection.execute(f"{_PUT} do nothing", (_NAME, vault.fingerprint))
    except psycopg.errors.ReadOnlySqlTransaction:
        # A database that fails over. The next start finds out.
        return None
    return _known(connection)
