"""The version of Node.js that a project requires.

The version is read from the first of these places that states a version: the build's setting, .nvmrc, .node-version,
.tool-versions, `volta`, `devEngines.runtime`, `engines`. Files in the build's root come before files in its parent
folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from easel.builds.detect.errors import BuildSettingInvalidError
from easel.builds.detect.files import read_text
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.package import Package
from easel.builds.detect.ranges import version_range
from easel.builds.detect.workspaces import folders_above
from easel.builds.tree import Tree, joined
from easel.bundles.names import printable

_FILES: Final = (".nvmrc", ".node-version", ".tool-versions")
_TOOL_NAMES: Final = ("nodejs", "node")
_LARGEST: Final = 16 * 1024
_NEWEST_LTS: Final = frozenset({"lts", "lts/*", "lts/-0", "--lts", "stable", "default", "system"})
_ANY: Final = frozenset({"node", "current", "latest"})
_LTS_NAMES: Final = {
    "argon": "4",
    "boron": "6",
    "carbon": "8",
    "dubnium": "10",
    "erbium": "12",
    "fermium": "14",
    "gallium": "16",
    "hydrogen": "18",
    "iron": "20",
    "jod": "22",
    "krypton": "24",
}
"""The names of releases with long-term support, used in .nvmrc as `lts/jod`."""


def node_version(
    tree: Tree, folder: str, packages: tuple[Package, ...], wanted: BuildOptions, reasons: list[str]
) -> str | None:
    """Returns the range of Node.js versions that the project in `folder` requires, or None for the newest LTS release.
    Raises BuildSettingInvalidError for an invalid setting."""
    if wanted.node is not None:
        found, is_known = _read(wanted.node)
        if not is_known:
            reason = f"`{printable(wanted.node)}` is not a version of Node.js, such as `24`, `22.11.0` or `lts/*`"
            raise BuildSettingInvalidError(setting="node", where="the build settings", reason=reason)
        reasons.append(f"Node.js: {found or 'the newest LTS release'}, from the build settings.")
        return found
    for where, text in _stated(tree, folder, packages):
        found, is_known = _read(text)
        if is_known:
            reasons.append(f"Node.js: {found or 'the newest LTS release'}, from {where}.")
            return found
        reasons.append(
            f"Warning: the Node.js version `{printable(text[:50])}` in {where} is not valid, and is ignored."
        )
    reasons.append("Node.js: the newest LTS release, because the project does not set a version.")
    return None


def _stated(tree: Tree, folder: str, packages: tuple[Package, ...]) -> Iterator[tuple[str, str]]:
    """Yields each place that states a version of Node.js, such as `.nvmrc`, and the text of that version."""
    for place in (folder, *folders_above(folder)):
        for name in _FILES:
            path = joined(place, name)
            text = read_text(tree, path, _LARGEST)
            lines = [line.partition("#")[0].split() for line in (text or "").splitlines()]
            words = [line for line in lines if line]
            if name == ".tool-versions":
                words = [line[1:] for line in words if line[0] in _TOOL_NAMES and len(line) > 1]
            if words:
                yield printable(path), words[0][0]
    for package in packages:
        named, version = package.dev_runtime
        for setting, text in (
            ("volta", package.volta),
            ("devEngines.runtime", version if named == "node" else ""),
            ("engines.node", package.engines.get("node", "")),
        ):
            if text.strip():
                yield f"`{setting}` in {printable(package.path)}", text.strip()


def _read(text: str) -> tuple[str | None, bool]:
    """Returns the version range that the text of a file or setting states, and whether the text is a valid range."""
    word = text.strip().lower()
    if word in _NEWEST_LTS:
        return None, True
    if word in _ANY:
        return "*", True
    major = _LTS_NAMES.get(word.removeprefix("lts/").removeprefix("lts-"))
    found = major or version_range(text.strip())
    return found, found is not None
