"""The parts of package.json that a build needs. Values of the wrong type are ignored, as npm does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from easel.builds.detect.files import read_json
from easel.builds.tree import Tree, joined

PACKAGE_FILE: Final = "package.json"
_DEPENDENCIES: Final = ("dependencies", "devDependencies", "optionalDependencies")


@dataclass(frozen=True, slots=True)
class Package:
    """The content of a package.json. `folder` is the folder of the file in the sources."""

    folder: str
    name: str = ""
    scripts: Mapping[str, str] = field(default_factory=dict)
    dependencies: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, str] = field(default_factory=dict)
    workspaces: tuple[str, ...] = ()
    package_manager: str = ""
    dev_engine: tuple[str, str] = ("", "")
    """The name and version in `devEngines.packageManager`."""
    dev_runtime: tuple[str, str] = ("", "")
    volta: str = ""

    @property
    def path(self) -> str:
        """Returns the path of the package.json in the sources."""
        return joined(self.folder, PACKAGE_FILE)


def read_package(tree: Tree, folder: str) -> Package | None:
    """Returns the folder's package.json, or None if the folder has no package.json. Raises BuildFileInvalidError."""
    data = read_json(tree, joined(folder, PACKAGE_FILE))
    if data is None:
        return None
    workspaces = data.get("workspaces")
    if isinstance(workspaces, dict):
        workspaces = workspaces.get("packages")
    engines = _table(data, "devEngines")
    dependencies: dict[str, str] = {}
    for kind in reversed(_DEPENDENCIES):
        dependencies |= _texts(_table(data, kind))
    return Package(
        folder,
        name=_text(data, "name"),
        scripts=_texts(_table(data, "scripts")),
        dependencies=dependencies,
        engines=_texts(_table(data, "engines")),
        workspaces=tuple(one for one in workspaces if isinstance(one, str)) if isinstance(workspaces, list) else (),
        package_manager=_text(data, "packageManager"),
        dev_engine=_engine(engines, "packageManager"),
        dev_runtime=_engine(engines, "runtime"),
        volta=_text(_table(data, "volta"), "node"),
    )


def _engine(engines: Mapping[str, Any], kind: str) -> tuple[str, str]:
    wanted = engines.get(kind)
    first = wanted[0] if isinstance(wanted, list) and wanted else wanted
    return (_text(first, "name"), _text(first, "version")) if isinstance(first, dict) else ("", "")


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in data.items() if isinstance(value, str)}


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value.strip() if isinstance(value, str) else ""
