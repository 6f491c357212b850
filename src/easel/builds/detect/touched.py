"""Decides whether a commit affects the app. A push that changes none of the app's sources causes no build."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from easel.builds.detect.models import BuildOptions
from easel.builds.detect.package import read_package
from easel.builds.detect.patterns import is_ignored
from easel.builds.detect.plan import root_and_settings
from easel.builds.detect.workspaces import folders_above, members, needed, workspace_around
from easel.builds.tree import Tree

_MOST_LOOKED_AT: Final = 10_000
_MOST_COMPARED: Final = 1_000_000
"""Maximum number of comparisons of a part of a changed path with a pattern. If a change needs more, it counts as
affecting the app."""
_NO_INPUT: Final = (".md", ".mdx", ".rst")
_NO_INPUT_NAMES: Final = ("license", "licence", "codeowners", ".gitignore", ".gitattributes", ".editorconfig")


@dataclass(frozen=True, slots=True)
class Rule:
    """The folders besides the root whose files affect the build, and patterns of files that do not affect it (gitignore
    syntax)."""

    folders: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def rule_of(source: Path, wanted: BuildOptions, app: BuildOptions | None = None) -> tuple[str, Rule]:
    """Returns the app's root, and the rule for other files. The rule includes the folders of the workspace's packages
    that the app depends on.

    For a project without package.json, every file affects the build, because nothing states which sources it reads, and
    documentation may be generated from code. Raises BuildPlanError.
    """
    tree = Tree(source)
    project, settings = root_and_settings(tree, wanted, app, [])
    package = read_package(tree, project.folder)
    workspace = workspace_around(tree, project.folder)
    if package is None:
        return "", Rule(ignore=settings.ignore or ())
    before = needed(package, members(tree, workspace)) if workspace else []
    return project.folder, Rule(tuple(one.folder for one in before), settings.ignore or ())


def touched(changed: Iterable[str], root: str, rule: Rule) -> bool:
    """Returns true if one of the changed paths affects the build of the app in `root`.

    Three kinds of files affect the build: files in the root; files in the rule's folders; and files directly in a
    parent folder of the root, such as lock files, unless they are texts for readers. Ignored files do not affect the
    build. Files that `!` includes again affect it. A change counts as affecting the app if it has more than 10,000
    files, or if comparing it with the patterns takes too long.
    """
    changed = list(islice(changed, _MOST_LOOKED_AT + 1))
    if len(changed) > _MOST_LOOKED_AT:
        return True
    folders = (root, *rule.folders)
    around = frozenset(above for folder in folders for above in folders_above(folder))
    takes_back = any(pattern.startswith("!") for pattern in rule.ignore)
    compared = 0
    for path in changed:
        counts = _counts(path, folders, around)
        if counts or takes_back:
            compared += (path.count("/") + 1) * len(rule.ignore)
            if compared > _MOST_COMPARED:
                return True
            ignored = is_ignored(path, rule.ignore)
            counts = counts if ignored is None else not ignored
        if counts:
            return True
    return False


def _counts(path: str, folders: tuple[str, ...], around: frozenset[str]) -> bool:
    if any(not folder or path.startswith(f"{folder}/") for folder in folders):
        return True
    folder, _, name = path.rpartition("/")
    name = name.lower()
    return folder in around and not name.endswith(_NO_INPUT) and name not in _NO_INPUT_NAMES
