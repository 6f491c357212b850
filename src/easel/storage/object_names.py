"""The names (keys) of objects: uploads, and the parts of versions. The objects of an app are under two prefixes, and
apps share no objects."""

from __future__ import annotations

import re

from easel.storage.errors import ObjectNameError

_NAMED_BY_CONTENT = re.compile(
    r"apps/[^/]+/(?:bundles/(?P<bundle>[0-9a-f]{64})\.zip|(?:manifests|sources)/(?P<json>[0-9a-f]{64})\.json)"
)
_VARIANTS = re.compile(r"apps/[^/]+/variants/[0-9a-f]{64}\.bin")


def app_prefix(app_id: str) -> str:
    """Returns the prefix of the keys of all objects that belong to the app's versions."""
    return f"apps/{app_id}"


def uploads_prefix(app_id: str) -> str:
    """Returns the prefix of the keys of all uploads for the app."""
    return f"app-builds/{app_id}"


def upload_key(app_id: str, token: str, filename: str) -> str:
    """Returns the key of an upload. The token makes it unguessable, and it ends with the name of the uploaded file."""
    return f"app-builds/{app_id}/{token}/{filename}"


def app_in(key: str) -> str:
    """Returns the id of the app that the object with this key belongs to. Raises ObjectNameError if the key contains no
    app's id."""
    parts = key.split("/", 2)
    if len(parts) < 3:
        raise ObjectNameError(key=key)
    return parts[1]


def is_of_a_version(key: str) -> bool:
    """Returns true if the key has as many parts as the key of a version's bundle, manifest, sources or variants."""
    return key.startswith("apps/") and key.count("/") == 3


def bundle_key(app_id: str, sha256: str) -> str:
    """Returns the key of a version's bundle, which contains the hash of the bundle's bytes."""
    return f"apps/{app_id}/bundles/{sha256}.zip"


def manifest_key(app_id: str, sha256: str) -> str:
    """Returns the key of a version's manifest, which contains the hash of the manifest's bytes."""
    return f"apps/{app_id}/manifests/{sha256}.json"


def sources_key(app_id: str, sha256: str) -> str:
    """Returns the key of the source files that were sent with a deploy, which contains the hash of their JSON."""
    return f"apps/{app_id}/sources/{sha256}.json"


def variants_key(app_id: str, manifest: str) -> str:
    """Returns the key of the object with the variants (compressed forms) of a manifest's files."""
    return f"apps/{app_id}/variants/{hash_in(manifest)}.bin"


def names_its_content(key: str) -> bool:
    """Returns true if this is the key of a bundle, a manifest or sources. Their keys contain the hash of their bytes,
    so such an object never changes."""
    return _NAMED_BY_CONTENT.fullmatch(key) is not None


def names_variants(key: str) -> bool:
    """Returns true if this is the key of an object with variants (compressed forms of files)."""
    return _VARIANTS.fullmatch(key) is not None


def hash_in(key: str) -> str:
    """Returns the SHA-256 (hex) in the key of a bundle, a manifest or sources. Raises ObjectNameError if the key has
    another form."""
    named = _NAMED_BY_CONTENT.fullmatch(key)
    if named is None:
        raise ObjectNameError(key=key)
    return named["bundle"] or named["json"]


def asset_prefix(app_id: str, manifest: str | None) -> str:
    """Returns the `asset_prefix` of a version in the API: the prefix of its assets. It is empty for a version without
    files, and for a manifest whose key has an unknown format, so that the other versions can still be listed."""
    named = _NAMED_BY_CONTENT.fullmatch(manifest) if manifest else None
    return f"apps/{app_id}/manifests/{named['bundle'] or named['json']}" if named else ""
