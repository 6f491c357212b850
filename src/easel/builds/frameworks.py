"""The tools that make sites of sources: how their projects are recognised, how they are run, and where they write.

One table for the command line, which looks for what was built, and for builds.
"""

from __future__ import annotations

from typing import Final

from easel.builds.framework import Framework as Framework
from easel.builds.node_frameworks import NODE_FRAMEWORKS
from easel.builds.other_frameworks import OTHER_FRAMEWORKS

FRAMEWORKS: Final = (*NODE_FRAMEWORKS, *OTHER_FRAMEWORKS)

USUAL: Final = ("dist", "build", "out")
"""Where most tools write."""
OTHERS: Final = (
    "_site",
    "site",
    ".output/public",
    "build/client",
    "dist/client",
    "dist/browser",
    "dist/*/browser",
    "dist/apps/*/browser",
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
)
"""Where others do."""
SOURCE_OR_OUTPUT: Final = "public"
"""Of many projects it holds the files that go into the build as they are."""

_TEMPLATE_WORDS: Final = ("%PUBLIC_URL%", "<%= BASE_URL", "<%= htmlWebpackPlugin")


def is_template(page: str) -> bool:
    """Whether the page is the template of Create React App or Vue CLI, which is in `public`."""
    return any(word in page for word in _TEMPLATE_WORDS)


def named(name: str) -> Framework | None:
    """The framework of that name, as `build_config.framework` and easel.toml give it."""
    return next((framework for framework in FRAMEWORKS if framework.name == name), None)
