"""The names of objects: uploads, and the parts of versions. The objects of an app are under two prefixes, and are never
shared."""

from __future__ import annotations

import re

from easel.storage.errors import ObjectNameError

_NAMED_BY_CONTENT = re.compile(
    r"apps/[^/]+/(?:bundles/(?P<bundle>[0-9a-f]{64})\.zip|(?:manifests|sources)/(?P<json>[0-9a-f]{64})\.json)"
)
_VARIANTS = re.compile(r"apps/[^/]+/variants/[0-9a-f]{64}\.bin")


def app_prefix(app_id: str) -> str:
    """Returns the prefix of all parts of an app's versions."""
    return f"apps/{app_id}"


def uploads_prefix(app_id: str) -> str:
    """Returns the prefix of all uploads for an app."""
    return f"app-builds/{app_id}"


def upload_key(app_id: str, token: str, filename: str) -> str:
    """Returns the key of an upload: unguessable, and containing the file's name."""
    return f"app-builds/{app_id}/{token}/{filename}"


def app_in(key: str) -> str:
    """Returns the id of the app that the object with this key belongs to. Raises ObjectNameError if the key contains no
    app's id."""
    parts = key.split("/", 2)
    if len(parts) < 3:
        raise ObjectNameError(key=key)
    return parts[1]


def is_of_a_version(key: str) -> bool:
    """Returns true if the key has as many parts as the key of a version's object."""
    return key.startswith("apps/") and key.count("/") == 3


def bundle_key(app_id: str, sha256: str) -> str:
    """Returns the key of a pinned bundle, under the hash of its bytes."""
    return f"apps/{app_id}/bundles/{sha256}.zip"


def manifest_key(app_id: str, sha256: str) -> str:
    """Returns the key of a manifest, under the hash of its bytes."""
    return f"apps/{app_id}/manifests/{sha256}.json"


def sources_key(app_id: str, sha256: str) -> str:
    """Returns the key of the source files sent with a deploy, under the hash of their JSON."""
    return f"apps/{app_id}/sources/{sha256}.json"


def variants_key(app_id: str, manifest: str) -> str:
    """Returns the key of the better-compressed variants of a manifest's files."""
    return f"apps/{app_id}/variants/{hash_in(manifest)}.bin"


def names_its_content(key: str) -> bool:
    """Returns true if the object is a bundle, a manifest or sources. Such objects are stored under the hash of their
    bytes, and never change."""
    return _NAMED_BY_CONTENT.fullmatch(key) is not None


def names_variants(key: str) -> bool:
    """Returns true if the object contains variants, each under the hash of its file."""
    return _VARIANTS.fullmatch(key) is not None


def hash_in(key: str) -> str:
    """Returns the SHA-256 (hex) in the name of a bundle, a manifest or sources. Raises ObjectNameError if the name has
    another form."""
    named = _NAMED_BY_CONTENT.fullmatch(key)
    if named is None:
        raise ObjectNameError(key=key)
    return named["bundle"] or named["json"]


def asset_prefix(app_id: str, manifest: str | None) -> str:
    """Returns the contract's `asset_prefix`, the prefix of a version's assets. The prefix is empty for a version
    without files. It is also empty for a name in another format, so that the other versions can be listed."""
    named = _NAMED_BY_CONTENT.fullmatch(manifest) if manifest else None
    return f"apps/{app_id}/manifests/{named['bundle'] or named['json']}" if named else ""
