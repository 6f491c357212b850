"""The only rule for the encrypted entries of a configuration. The rule is used to encrypt these entries, and to find
them in the database."""

from __future__ import annotations

from typing import Any, Final, LiteralString

from easel.schemas import DIGEST, SEALED

_PARTS: Final = ("key", "secret", "token", "password", "value")
_PUBLIC: Final = "_id"

_STRING: LiteralString = f'"{SEALED}" ? (@.type() == "string")'
SECRETS_PATH: LiteralString = f"$.build_config.secrets.*.{_STRING}"
"""The JSON path (SQL) of the encrypted values in `build_config.secrets`. All values in that section are encrypted."""
KEYS_PATH: LiteralString = (
    '$.auth_config.api_keys[*] ? (@.type() == "object").keyvalue()'
    f' ? (@.key like_regex "{"|".join(_PARTS)}" flag "i" && !(@.key like_regex "{_PUBLIC}$" flag "i"))'
    f".value.{_STRING}"
)
"""The JSON path (SQL) of the encrypted values in `auth_config.api_keys`. In each key, the entries that `names_a_secret`
accepts are encrypted."""


def names_a_secret(name: str) -> bool:
    """Returns true if an entry with this name, in an item of `api_keys`, is encrypted."""
    lowered = name.lower()
    return any(part in lowered for part in _PARTS) and not lowered.endswith(_PUBLIC)


def is_sealed(value: Any) -> bool:
    """Returns true if this value is a stored secret: an encrypted text, with a digest for comparison."""
    # A user may name entries like `SEALED` and `DIGEST`. The stored values of such entries are encrypted themselves, so
    # they are objects and not strings.
    return isinstance(value, dict) and value.keys() == {SEALED, DIGEST} and isinstance(value[SEALED], str)
