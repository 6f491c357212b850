"""Sources of any content end in a plan or in an error with a sentence, and never lead outside."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from easel.builds.detect.models import BuildOptions
from easel.builds.detect.plan import plan
from easel.builds.detect.touched import rule_of
from easel.builds.frameworks import FRAMEWORKS
from easel.builds.output import judge
from easel.builds.pack import pack
from easel.errors import EaselError

TREES = 60
FILES = (
    *(
        "package.json",
        "apps/a/package.json",
        "packages/b/package.json",
        "apps/a/project.json",
        "nx.json",
        "angular.json",
    ),
    *("pnpm-workspace.yaml", "pnpm-lock.yaml", "yarn.lock", ".yarnrc.yml", "package-lock.json", "bun.lock", "uv.lock"),
    *(
        "easel.toml",
        "zensical.toml",
        "hugo.toml",
        "pyproject.toml",
        "mkdocs.yml",
        "hugo.yaml",
        "_config.yml",
        "Gemfile",
    ),
    *("conf.py", "docs/conf.py", "pelicanconf.py", "requirements.txt", ".nvmrc", ".tool-versions", "app.json"),
    *("next.config.js", "svelte.config.js", "vite.config.ts", "eleventy.config.js", "docs/index.md", "index.html"),
    *("dist/index.html", "out/index.html", "public/index.html", ".output/public/index.html", "apps/a/index.html"),
)
NAMES = (
    *("name", "scripts", "dependencies", "workspaces", "packageManager", "devEngines", "engines", "volta", "node"),
    *(
        "projects",
        "targets",
        "architect",
        "build",
        "options",
        "outputPath",
        "base",
        "browser",
        "projectType",
        "packages",
    ),
)
VALUES: tuple[Any, ...] = (
    None,
    1,
    "",
    [],
    {},
    [[]],
    "x",
    True,
    ["a", 1],
    "\0",
    "../x",
    "/",
    "a" * 300,
    "*",
    "!**",
    "**/**",
    "npm@1",
    "^1||2",
)
TEXTS: dict[str, tuple[str, ...]] = {
    ".toml": (
        "[build]\nroot='apps/a'",
        "[build]\npreset='sphinx'",
        "folder='../x'",
        "publishDir=1",
        "[build]\noutput=''",
    ),
    ".yml": (
        "theme: [x]\nplugins: x",
        "plugins: [[a], {b: c}, {}]",
        "theme: {name: {a: b}}",
        "? [a]\n: b",
        "site_dir: [x]",
    ),
    "": (
        "",
        "x",
        "\udcff",
        "output: 'export', distDir: '../..'",
        "outDir: '../../../..'",
        "lockfileVersion: '9.0'",
        "22",
    ),
}
LINKS = ("/etc/passwd", "..", ".", "x", "/build/dist", "/build/package.json", "../../../../etc")


def tree(dice: random.Random, folder: Path) -> None:
    """Writes some of the files, each with some content, or something else under the file's name."""
    for name in dice.sample(FILES, dice.randint(1, 12)):
        place = folder / name
        if any(part.is_symlink() or part.is_file() for part in (place, *place.parents)) or place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        chance = dice.random()
        if chance < 0.06:
            place.symlink_to(dice.choice(LINKS))
        elif chance < 0.09:
            place.mkdir()
        elif chance < 0.1:
            os.mkfifo(place)
        else:
            place.write_text(content(dice, name), errors="surrogateescape")


def content(dice: random.Random, name: str) -> str:
    """Returns a text that may be meant for this file, or for another file."""
    if name.endswith(".json") and dice.random() < 0.8:
        return json.dumps(values(dice, 0))
    kind = next((kind for kind in (".toml", ".yml") if name.endswith(kind)), "")
    return dice.choice(TEXTS[kind if dice.random() < 0.8 else ""])


def values(dice: random.Random, depth: int) -> dict[str, Any]:
    """Returns an object with some of the names that the code reads."""
    found: dict[str, Any] = {}
    for name in dice.sample(NAMES, dice.randint(0, 8)):
        found[name] = values(dice, depth + 1) if depth < 4 and dice.random() < 0.4 else dice.choice(VALUES)
    if depth == 0 and dice.random() < 0.7:
        found["dependencies"] = {dice.choice([name for tool in FRAMEWORKS for name in tool.packages]): "*"}
        found["scripts"] = {"build": dice.choice(["vite build", "x -d ../../x", "next build", "--output=/etc", ""])}
    return found


def wanted(dice: random.Random) -> BuildOptions:
    """Returns random settings."""
    return BuildOptions(
        root=dice.choice([None, None, "apps/a", "", "x"]),
        framework=dice.choice([None, None, "sphinx", "hugo", "static", "angular", "vitepress", "nx"]),
        output=dice.choice([None, "dist", "", "../x"]),
        build=dice.choice([None, None, "", "x"]),
        node=dice.choice([None, None, "22", "x@1"]),
        package_manager=dice.choice([None, None, "yarn", "pnpm@>=9", "bun@x"]),
    )


@pytest.mark.parametrize("seed", range(3))
def test_sources_of_any_content_lead_to_a_plan_or_a_message(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    for number in range(TREES):
        folder = tmp_path / str(number)
        folder.mkdir()
        tree(dice, folder)
        asked = wanted(dice)
        try:
            made = plan(folder, asked)
            assert all(reason.isprintable() for reason in made.reasons)
            rule_of(folder, asked)
            output = judge(folder, made)
            assert output.is_relative_to(folder)
            pack(folder, output, tmp_path / "bundle.zip")
        except EaselError as refusal:
            assert refusal.code  # noqa: PT017
            assert refusal.message.isprintable()  # noqa: PT017
