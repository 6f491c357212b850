"""The names of the objects that versions are made of. All of an app's lie under one prefix, and are never shared."""

from __future__ import annotations


def app_prefix(app_id: str) -> str:
    """The prefix of everything an app's versions are made of."""
    return f"apps/{app_id}"


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


def hash_in(key: str) -> str:
    """The SHA-256 (hex) in an object's name."""
    return key.rsplit("/", 1)[1].split(".", 1)[0]


def asset_prefix(app_id: str, manifest: str | None) -> str:
    """What the contract calls `asset_prefix`: where a version's assets lie; empty for one without files."""
    return f"apps/{app_id}/manifests/{hash_in(manifest)}" if manifest else ""
