"""An app's configuration as a value: merges changes, encrypts secrets, hashes it, and shows it.

The configuration is one JSON object with a key per section (`meta`, `auth_config`, `build_config`, …). At rest a secret
is `{"$sealed": …, "$digest": …}`. The digest allows comparing two configurations without decrypting them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from typing import Any

import msgspec

from easel.access.sealed import is_sealed, names_a_secret
from easel.access.secrets import MASK, Vault, hash_password, password_matches
from easel.bundles.models import Allowances
from easel.rules.models import RuleSettings
from easel.schemas import DIGEST, SEALED

Config = dict[str, Any]

SECTIONS = (
    "meta",
    "auth_config",
    "build_config",
    "monitoring_config",
    "template",
    "sections",
    "custom_html",
    "hero",
    "theme",
    "seo",
    "stats",
    "featured_gallery",
    "tabs",
    "password_secret_name",
)
"""The keys of a configuration. A diff of two versions shows each section as a separate file."""

_PLAIN: Set[type] = frozenset((str, int, float, bool, type(None)))
"""Types of values without children. Most values of a configuration have one of these types, so they are recognised
first."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Returns the target with a JSON merge patch applied (RFC 7396): objects are merged, null removes a key, and every
    other value replaces the old one."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def seal(vault: Vault, config: Config, before: Config) -> Config:
    """Returns the configuration with every secret encrypted and every password hashed.

    A secret given as `***` (the mask in responses) keeps its value from `before`. An unchanged secret keeps its
    encrypted form, so an unchanged configuration stays equal to itself.
    """
    # Only these two sections contain secrets. The other sections, which may be large, are shared with the argument.
    copied: Config = {
        name: json.loads(json.dumps(config[name])) for name in ("build_config", "auth_config") if name in config
    }
    sealed: Config = {**config, **copied}
    build = sealed.get("build_config")
    if isinstance(build, dict) and isinstance(build.get("secrets"), dict):
        earlier = ((before.get("build_config") or {}).get("secrets")) or {}
        build["secrets"] = {
            name: kept
            for name, value in build["secrets"].items()
            if (kept := _seal_value(vault, value, earlier.get(name))) is not None
        }
    auth = sealed.get("auth_config")
    if isinstance(auth, dict):
        _seal_auth(vault, auth, before.get("auth_config") or {})
    return sealed


def _seal_auth(vault: Vault, auth: dict[str, Any], earlier: Mapping[str, Any]) -> None:
    password = auth.pop("password", None)
    known = earlier.get("password_hash")
    if password is not None and password != MASK:
        auth["password_hash"] = known if known and password_matches(password, known) else hash_password(password)
    elif auth.get("password_hash") == MASK:
        auth["password_hash"] = known
        if known is None:
            del auth["password_hash"]
    keys = auth.get("api_keys")
    if isinstance(keys, list):
        before_keys = earlier.get("api_keys") or []
        for index, entry in enumerate(keys):
            was = before_keys[index] if index < len(before_keys) else {}
            for name, value in list(entry.items()):
                if not names_a_secret(name):
                    continue
                kept = _seal_value(vault, value, was.get(name))
                if kept is None:
                    del entry[name]
                else:
                    entry[name] = kept


def _seal_value(vault: Vault, value: Any, earlier: Any) -> Any:
    if value == MASK or (is_sealed(value) and value == earlier):
        return earlier
    text = value if isinstance(value, str) else json.dumps(value)
    digest = vault.digest(text)
    if is_sealed(earlier) and earlier[DIGEST] == digest:
        return earlier
    return {SEALED: vault.seal(text), DIGEST: digest}


def masked(value: Any) -> Any:
    """Returns the configuration for responses and logs, with `***` in place of every secret and password hash."""
    if is_sealed(value):
        return MASK
    if isinstance(value, Mapping):
        return {
            name: MASK if name == "password_hash" and inner is not None else masked(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [inner if type(inner) in _PLAIN else masked(inner) for inner in value]
    return value


def canonical(value: Any) -> bytes:
    """Returns a configuration, or a part of one, as a canonical text that is the same for equal values: sorted keys, no
    white space, digests instead of secrets.

    msgspec writes the same text as `json` in a tenth of the time, except for numbers with a fraction.
    """
    try:
        return msgspec.json.encode(_comparable(value, _PLAIN - {float}), order="sorted")
    except _FractionError:
        comparable = _comparable(value, _PLAIN)
        return json.dumps(comparable, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class _FractionError(Exception):
    pass


def _comparable(value: Any, plain: Set[type]) -> Any:
    if is_sealed(value):
        return {DIGEST: value[DIGEST]}
    if isinstance(value, Mapping):
        return {name: inner if type(inner) in plain else _comparable(inner, plain) for name, inner in value.items()}
    if isinstance(value, list):
        return [inner if type(inner) in plain else _comparable(inner, plain) for inner in value]
    if isinstance(value, float) and float not in plain:
        raise _FractionError
    return value


def config_hash(config: Config) -> str:
    """Returns the SHA-256 (hex) of the configuration alone. Equal configurations have equal hashes."""
    return size_and_hash(config)[1]


def size_and_hash(config: Config) -> tuple[int, str]:
    """Returns the configuration's length (bytes, in canonical form) and its hash."""
    spelled = canonical(config)
    return len(spelled), hashlib.sha256(spelled).hexdigest()


def by_section(config: Config) -> dict[str, tuple[str, int]]:
    """Returns the configuration for the diff of two versions: section → (SHA-256 hex, size in bytes as shown)."""
    return {
        section: (hashlib.sha256(canonical(value)).hexdigest(), len(masked_text(value).encode()))
        for section, value in config.items()
    }


def masked_text(value: Any) -> str:
    """Returns a section of the configuration as readable JSON text, with masked secrets, for the diff of two
    versions."""
    return msgspec.json.format(msgspec.json.encode(masked(value), order="sorted"), indent=2).decode() + "\n"


def allowances(config: Config, *, is_built: bool = False) -> Allowances:
    """Returns the likely mistakes that the app allows in its bundles (`build_config.allow`). Sources are allowed if a
    builder made the bundle, or if `preset` says that pages are served without a build."""
    build = config.get("build_config") or {}
    allowed = build.get("allow") or []
    return Allowances(
        secrets="secrets" in allowed,
        dependencies="dependencies" in allowed,
        sources=is_built or build.get("preset") == "static",
    )


def with_deploys(config: Config, deploys: Mapping[str, Any] | None) -> Config:
    """Returns the configuration for reading a deploy's bundle. The deploy's settings override the app's settings. The
    allowances of both apply."""
    if not deploys:
        return config
    build = config.get("build_config") or {}
    allow = [*(build.get("allow") or []), *(deploys.get("allow") or [])]
    return {**config, "build_config": {**build, **deploys, "allow": allow}}


def rule_settings(config: Config) -> RuleSettings:
    """Returns the app's settings for its rules files (`build_config.rules`, `html_handling`, `not_found_handling`,
    `allow`)."""
    build = config.get("build_config") or {}
    return RuleSettings(
        build.get("rules") or "auto",
        build.get("html_handling") or "",
        build.get("not_found_handling") or "",
        guards="guards" in (build.get("allow") or []),
    )
