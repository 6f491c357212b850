"""Tools of other languages that make sites."""

from __future__ import annotations

from typing import Final

from easel.builds.framework import Framework

OTHER_FRAMEWORKS: Final = (
    Framework(
        "zensical",
        "Zensical",
        files=("zensical.toml",),
        outputs=("site",),
        command="zensical build",
        needs="python",
        advice="zensical build",
        caches=(".cache",),
    ),
    Framework(
        "mkdocs",
        "MkDocs",
        files=("mkdocs.yml", "mkdocs.yaml"),
        outputs=("site",),
        command="mkdocs build",
        needs="python",
        advice="mkdocs build",
        caches=(".cache",),
    ),
    Framework(
        "jekyll",
        "Jekyll",
        files=("_config.yml", "_config.toml"),
        outputs=("_site",),
        command="bundle exec jekyll build",
        needs="ruby",
        advice="bundle exec jekyll build",
    ),
    Framework(
        "hugo",
        "Hugo",
        files=("hugo.toml", "hugo.yaml", "hugo.json", "config/_default/hugo.*", "archetypes/default.md"),
        outputs=("public",),
        command="hugo",
        needs="python",
        advice="hugo",
        caches=("resources/_gen",),
    ),
    Framework(
        "mdbook",
        "mdBook",
        files=("book.toml",),
        outputs=("book",),
        command="mdbook build",
        needs="rust",
        advice="mdbook build",
    ),
    Framework(
        "quarto",
        "Quarto",
        files=("_quarto.yml",),
        outputs=("_site", "_book", "docs"),
        command="quarto render",
        needs="quarto",
        advice="quarto render",
    ),
    Framework(
        "sphinx",
        "Sphinx",
        files=("conf.py", "source/conf.py", "docs/conf.py", "docs/source/conf.py", "doc/conf.py", "doc/source/conf.py"),
        outputs=("_build/html", "build/html", "docs/_build/html", "docs/build/html", "doc/_build/html"),
        command="sphinx-build",
        needs="python",
        advice="make html",
    ),
    Framework(
        "pelican",
        "Pelican",
        files=("pelicanconf.py",),
        outputs=("output",),
        command="pelican content",
        needs="python",
        advice="pelican content",
    ),
    Framework(
        "flutter",
        "Flutter",
        files=("pubspec.yaml",),
        outputs=("build/web",),
        command="flutter build web",
        needs="dart",
        advice="flutter build web",
    ),
    Framework(
        "trunk",
        "Trunk",
        files=("Trunk.toml",),
        outputs=("dist",),
        command="trunk build --release",
        needs="rust",
        advice="trunk build --release",
    ),
)
