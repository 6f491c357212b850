"""Assets of earlier versions of an environment, so that open tabs keep working after a deploy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from easel.bundles.models import Manifest, Member
from easel.edge import weights
from easel.edge.cache.content import Content
from easel.edge.routing.table import EarlierVersion
from easel.serving.fingerprint import may_be_of_an_earlier_version
from easel.serving.models import File, Site
from easel.serving.stages.earlier import earlier_file
from easel.storage.errors import ObjectMissingError
from easel.storage.object_names import manifest_key

_AT_A_TIME = 1000
_MOST_FILES = 100_000
"""Maximum number of files of earlier versions. The search ends with the version that reaches this number."""


@dataclass(frozen=True, slots=True)
class EarlierAssets:
    """Assets (scripts, styles, images) that only earlier versions of a site have. `files` maps a path to the newest
    version that has the asset, and to the time (unix seconds) when the environment stopped serving that version."""

    files: dict[str, tuple[Site, float]]
    weight: int
    """The approximate memory of the assets in bytes."""

    def find(self, path: str, *, not_before: float) -> File | None:
        """Returns the asset at the path, if the environment still served the asset's version at the time `not_before`
        (unix seconds) or later. Returns None otherwise."""
        found = self.files.get(path)
        if found is None or found[1] < not_before:
            return None
        return earlier_file(found[0], path)


async def load_earlier(content: Content, site: Site, versions: Iterable[EarlierVersion], *, most: int) -> EarlierAssets:
    """Collects the assets of earlier versions that pages, which are still open in browsers, may request.

    Pass the versions newest first, because the oldest assets are requested least. The search ends at `most` bytes of
    memory or at `_MOST_FILES` files. Versions with a missing or damaged manifest are skipped. Raises
    StoreUnavailableError.
    """
    files: dict[str, tuple[Site, float]] = {}
    weight = looked = 0
    for version in versions:
        if weight >= most or looked >= _MOST_FILES:
            break
        try:
            # The earlier manifest is not cached, because only this site needs it, and only for a few files.
            manifest = await content.read_manifest(manifest_key(site.app_id, version.manifest.hex()))
        except (ObjectMissingError, msgspec.MsgspecError):
            continue
        looked += len(manifest.files)
        own: dict[str, Member] = {}
        for number, (path, member) in enumerate(manifest.files.items()):
            if weight >= most:
                break
            if path not in site.manifest.files and path not in files and may_be_of_an_earlier_version(path):
                own[path] = member
                weight += weights.EARLIER_FILE + weights.of_text(path)
            if number % _AT_A_TIME == _AT_A_TIME - 1:
                await asyncio.sleep(0)
        if own:
            weight += weights.MANIFEST
            listed = Manifest(bundles=manifest.bundles, files=own)
            source = replace(site, version=version.version, manifest=listed)
            files.update(dict.fromkeys(own, (source, version.until)))
    return EarlierAssets(files, weight)
