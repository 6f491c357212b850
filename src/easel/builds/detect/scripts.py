"""Configurations that are programs (`next.config.ts`). They are searched for words, and never run."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from easel.builds.detect.files import read_roughly
from easel.builds.tree import Tree, joined

# The pattern keeps strings and removes comments. It never backtracks, so its time is linear in the length.
_COMMENT = re.compile(
    r'"(?:[^"\\\n]|\\.)*+"?|\'(?:[^\'\\\n]|\\.)*+\'?|`(?:[^`\\]|\\.)*+`?|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?',
    re.DOTALL | re.ASCII,
)
_RELATIVE = re.compile(r"(?:from|import|require\()\s{0,9}[\"']\.{1,2}/", re.ASCII)
_FOLDER: Final = r"\s{0,9}[:=]\s{0,9}[\"'`](?:\./)?([\w./@-]{1,200}?)/?[\"'`]"
_VALUES: Final = {
    name: re.compile(rf"\b{name}{_FOLDER}", re.ASCII)
    for name in ("outDir", "distDir", "pages", "buildDirectory", "outputDir", "output", "root")
}


class Script:
    """The text of a tool's configuration, without comments. The text is "" if the tool has no configuration."""

    def __init__(self, tree: Tree, folder: str, *patterns: str) -> None:
        found = [path for pattern in patterns for path in tree.matches(pattern, folder) if tree.is_file(path)]
        self.path = found[0] if found else None
        self.text = "\n".join(without_comments(read_roughly(tree, path)) for path in found[:3])

    @property
    def is_whole(self) -> bool:
        """Returns true if `text` is the whole configuration, because it imports nothing from files next to it."""
        return _RELATIVE.search(self.text) is None

    def folder(self, name: str) -> str | None:
        """Returns the folder that the configuration assigns to a name as a plain string, relative to the project.
        Returns None if there is none."""
        found = _VALUES[name].search(self.text)
        value = found[1] if found else ""
        return None if not value or value.startswith("/") else value


def without_comments(text: str) -> str:
    """Returns a JavaScript or TypeScript program without its comments."""
    return _COMMENT.sub(lambda found: " " if found[0][0] == "/" else found[0], text)


def within(folder: str, *outputs: str) -> tuple[str, ...]:
    """Returns these outputs of the project in `folder` as paths in the sources. Outputs outside the sources are left
    out."""
    paths = (posixpath.normpath(joined(folder, one)) for one in outputs)
    return tuple(dict.fromkeys("" if one == "." else one for one in paths if one != ".." and not one.startswith("../")))
