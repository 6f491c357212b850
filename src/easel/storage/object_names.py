"""The names of objects: uploads, and the parts of versions. An app's are under two prefixes, and never shared."""

from __future__ import annotations

import re

from easel.storage.errors import ObjectNameError

_NAMED_BY_CONTENT = re.compile(
    r"apps/[^/]+/(?:bundles/(?P<bundle>[0-9a-f]{64})\.zip|(?:manifests|sources)/(?P<json>[0-9a-f]{64})\.json)"
)
_VARIANTS = re.compile(r"apps/[^/]+/variants/[0-9a-f]{64}\.bin")


def app_prefix(app_id: str) -> str:
    """The prefix of everything an app's versions are made of."""
    return f"apps/{app_id}"


def uploads_prefix(app_id: str) -> str:
    """The prefix of everything that was uploaded for an app."""
    return f"app-builds/{app_id}"


def upload_key(app_id: str, token: str, filename: str) -> str:
    """The key of an upload: unguessable, and with the file's name."""
    return f"app-builds/{app_id}/{token}/{filename}"


def app_in(key: str) -> str:
    """The id of the app that an object of these names belongs to. Raises ObjectNameError where it names none."""
    parts = key.split("/", 2)
    if len(parts) < 3:
        raise ObjectNameError(key=key)
    return parts[1]


def is_of_a_version(key: str) -> bool:
    """Whether the key has as many parts as that of an object that a version is made of."""
    return key.startswith("apps/") and key.count("/") == 3


def bundle_key(app_id: str, sha256: str) -> str:
    """A pinned bundle, under the hash of its bytes."""
    return f"apps/{app_id}/bundles/{sha256}.zip"


def manifest_key(app_id: str, sha256: str) -> str:
    """A manifest, under the hash of its bytes."""
    return f"apps/{app_id}/manifests/{sha256}.json"


def sources_key(app_id: str, sha256: str) -> str:
    """The source files sent with a deploy, under the hash of their JSON."""
    return f"apps/{app_id}/sources/{sha256}.json"


def variants_key(app_id: str, manifest: str) -> str:
    """The better-compressed variants of a manifest's files."""
    return f"apps/{app_id}/variants/{hash_in(manifest)}.bin"


def names_its_content(key: str) -> bool:
    """Whether the object is a bundle, a manifest or sources: stored under the hash of its bytes, it never changes."""
    return _NAMED_BY_CONTENT.fullmatch(key) is not None


def names_variants(key: str) -> bool:
    """Whether the object holds variants, each under the hash of its file."""
    return _VARIANTS.fullmatch(key) is not None


def hash_in(key: str) -> str:
    """The SHA-256 (hex) in the name of a bundle, a manifest or sources. Raises ObjectNameError where the name has
    another form than Easel writes."""
    named = _NAMED_BY_CONTENT.fullmatch(key)
    if named is None:
        raise ObjectNameError(key=key)
    return named["bundle"] or named["json"]


def asset_prefix(app_id: str, manifest: str | None) -> str:
    """The contract's `asset_prefix`: the prefix of a version's assets; empty for one without files. A name in a
    different format gives an empty one too, so that the other versions can be listed."""
    named = _NAMED_BY_CONTENT.fullmatch(manifest) if manifest else None
    return f"apps/{app_id}/manifests/{named['bundle'] or named['json']}" if named else ""
