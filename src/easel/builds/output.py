"""Finds the folder with a build's pages. If there is no such folder, the error describes the necessary change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from easel.builds.detect.errors import (
    OutputMissingError,
    OutputStaleError,
    OutputUnusableError,
    OutputWithoutPageError,
)
from easel.builds.detect.models import Plan
from easel.builds.detect.outputs import folders_of, pages_in
from easel.builds.detect.scripts import within
from easel.builds.detect.servers import fix_of
from easel.builds.frameworks import OTHERS, USUAL, named
from easel.builds.tree import Tree, joined
from easel.bundles.names import printable
from easel.bundles.root import ENTRY_POINT

_NAMED_AT_MOST: Final = 4


def judge(source: Path, plan: Plan, say: Callable[[str], None] | None = None) -> Path:
    """Returns the folder that the build wrote its pages into: inside the sources, with links resolved. `say` receives
    the reason for the choice.

    Raises OutputMissingError, OutputWithoutPageError, OutputUnusableError, OutputStaleError.
    """
    tree = Tree(source)
    found = folders_of(tree, plan.outputs)
    pages = pages_in(tree, plan.outputs, plan.framework)
    for path, page in pages.items():
        real = tree.place(path)
        if real is not None and (plan.build is None or page != plan.before.get(path)):
            if say is not None:
                say(_reason(tree, plan, path, real))
            return real
    hint = _hint(tree, plan)
    if pages:
        raise OutputStaleError(folder=printable(next(iter(pages))) or ".", hint=hint)
    for path in [joined(folder, ENTRY_POINT) for folder in found] or plan.outputs:
        reason = _reason_against(tree, path, is_page=bool(found))
        if reason:
            raise OutputUnusableError(path=printable(path), reason=reason)
    if not found:
        looked = " or ".join(f"`{printable(one) or '.'}`" for one in plan.outputs[:_NAMED_AT_MOST])
        raise OutputMissingError(looked=looked, hint=hint)
    raise OutputWithoutPageError(folder=printable(found[0]) or ".", hint=hint)


def _reason(tree: Tree, plan: Plan, path: str, real: Path) -> str:
    place = real.relative_to(tree.root).as_posix()
    link = f" (a link to `{printable(place)}`)" if place != (path or ".") else ""
    if len(plan.outputs) == 1:
        return f"Output: `{printable(path) or '.'}`{link}."
    return f"Output: `{printable(path) or '.'}`{link}, because it is the first usual output folder that has a page."


def _reason_against(tree: Tree, path: str, *, is_page: bool) -> str | None:
    if tree.kind(path) == ("folder" if is_page else "file"):
        return "is a folder, not a page" if is_page else "is a file, not a folder"
    return tree.obstacle(path)


def _hint(tree: Tree, plan: Plan) -> str:
    tool = named(plan.framework or "")
    fix = fix_of(tree, tool.name, plan.root) if tool else ""
    if tool and fix:
        return f"{tool.title} writes pages only if it is configured to: {fix}"
    advice = "Set the folder that the build writes as `output` in the table `[build]` of easel.toml."
    usual = pages_in(tree, within(plan.root, *USUAL, *OTHERS), plan.framework)
    others = [f"`{printable(path)}`" for path in usual if path not in plan.outputs][:_NAMED_AT_MOST]
    return f"There is a page in {' and in '.join(others)}. {advice}" if others else advice
