"""The known tools that make sites: how to recognise their projects, how to run them, and their output folders.

Both the builds and the command line, which looks for finished outputs, use this table.
"""

from __future__ import annotations

from typing import Final

from easel.builds.framework import Framework as Framework
from easel.builds.node_frameworks import NODE_FRAMEWORKS
from easel.builds.other_frameworks import OTHER_FRAMEWORKS

FRAMEWORKS: Final = (*NODE_FRAMEWORKS, *OTHER_FRAMEWORKS)

USUAL: Final = ("dist", "build", "out")
"""The usual output folders of most tools."""
OTHERS: Final = (
    "_site",
    "site",
    ".output/public",
    "build/client",
    "dist/client",
    "dist/browser",
    "dist/*/browser",
    "dist/apps/*/browser",
    "dist/apps/*",
    "dist/*/public",
    "dist/spa",
    "dist/*",
    "build/web",
    "build/html",
    "_build/html",
    "book",
    "_book",
    "www",
    "output",
    "storybook-static",
    "web-build",
    ".vitepress/dist",
    ".vuepress/dist",
    "docs/.vitepress/dist",
    "docs/.vuepress/dist",
    "docs/_build/html",
    "docs/build",
    "docs/dist",
    "website/build",
    "web/dist",
    "target/site",
    "target/dx/*/release/web/public",
    "bin/Release/*/publish/wwwroot",
    "publish/wwwroot",
)
"""Output folders that only some tools use."""
SOURCE_OR_OUTPUT: Final = "public"
"""The folder `public` is the output of some tools. In many other projects, it holds files that the build copies
unchanged."""

_TEMPLATE_WORDS: Final = ("%PUBLIC_URL%", "<%= BASE_URL", "<%= htmlWebpackPlugin")


def is_template(page: str) -> bool:
    """Returns true if the page is the template of Create React App or Vue CLI, which is in `public`."""
    return any(word in page for word in _TEMPLATE_WORDS)


def named(name: str) -> Framework | None:
    """Returns the framework with this name, as in `build_config.framework` and easel.toml."""
    return next((framework for framework in FRAMEWORKS if framework.name == name), None)
