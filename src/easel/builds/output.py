"""After the build: which folder holds its pages, and if none does, what is to be changed."""

from __future__ import annotations

from pathlib import Path

from easel.builds.detect.errors import OutputMissingError, OutputWithoutPageError
from easel.builds.detect.models import Plan
from easel.builds.detect.servers import fix_of
from easel.builds.frameworks import named
from easel.builds.tree import Tree
from easel.bundles.names import printable
from easel.bundles.root import home_page

_LOOKED = 5
_NAMED_AT_MOST = 4


def judge(source: Path, plan: Plan) -> Path:
    """The folder that the build wrote its pages into, without links, inside the sources.

    Raises OutputMissingError, OutputWithoutPageError.
    """
    tree = Tree(source)
    found = [path for pattern in plan.outputs for path in _folders(tree, pattern)]
    for path in dict.fromkeys(found):
        if _home(tree, path) is not None:
            real = tree.place(path)
            assert real is not None
            return real
    hint = _hint(tree, plan)
    if not found:
        looked = " or ".join(f"`{printable(one) or '.'}`" for one in plan.outputs[:_NAMED_AT_MOST])
        raise OutputMissingError(looked=looked, hint=hint)
    raise OutputWithoutPageError(folder=printable(found[0]) or ".", hint=hint)


def _folders(tree: Tree, pattern: str) -> list[str]:
    return [path for path in (tree.matches(pattern) if "*" in pattern else [pattern]) if tree.is_folder(path)]


def _home(tree: Tree, folder: str) -> str | None:
    names = tree.names(folder)
    return home_page([name for name in names if tree.is_file(f"{folder}/{name}")])


def _hint(tree: Tree, plan: Plan) -> str:
    tool = named(plan.framework or "")
    fix = fix_of(tree, tool.name, plan.root) if tool else ""
    if tool and fix:
        return f"{tool.title} writes pages only if it is told to: {fix}"
    return "Name the folder that it writes as `output` in the table `[build]` of easel.toml."
