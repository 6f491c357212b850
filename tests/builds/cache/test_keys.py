"""The conditions for reusing the dependencies of an earlier build."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from easel.builds.cache.keys import dependencies_of, modules_of
from easel.builds.detect.models import PackageManager, Plan

PLAN = Plan(
    root="",
    framework="vite",
    runtime="node",
    package_manager=PackageManager("npm", None, "package-lock.json"),
    node=None,
    install=("npm", "ci"),
    build=("npm", "run", "build"),
    outputs=("dist",),
)
PACKAGE = {"name": "site", "version": "1.0.0", "scripts": {"build": "vite build"}, "dependencies": {"vite": "^8"}}


def project(folder: Path, package: dict[str, Any] | str = PACKAGE, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    text = package if isinstance(package, str) else json.dumps(package)
    for path, content in {"package.json": text, "package-lock.json": "{}", **files}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


def key(source: Path, plan: Plan = PLAN, toolchain: str = "node 24.1.0", **environment: str) -> str | None:
    return dependencies_of(source, plan, toolchain, environment).key


def test_other_sources_with_the_same_lock_file_have_the_same_dependencies(tmp_path: Path) -> None:
    first = key(project(tmp_path / "a"))
    later = {**PACKAGE, "version": "2.0.0", "scripts": {"build": "vite build --minify"}}
    other = project(tmp_path / "b", later, **{"src/main.ts": "changed", "README.md": "more"})
    assert first is not None
    assert key(other) == first
    assert key(other, EASEL_DEPLOY_ID="dep_7", VITE_TITLE="x") == first


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("package-lock.json", '{"lockfileVersion": 3}'),
        (".npmrc", "omit=dev"),
        ("packages/web/package.json", '{"name": "web"}'),
        ("patches/vite+8.0.0.patch", "diff"),
        ("pnpm-workspace.yaml", "packages: []"),
        (".yarn/releases/yarn-4.1.0.cjs", "x"),
        ("package.json", json.dumps({**PACKAGE, "dependencies": {"vite": "^9"}})),
        ("package.json", json.dumps({**PACKAGE, "overrides": {"esbuild": "1"}})),
    ],
)
def test_a_file_that_decides_about_the_install_changes_the_key(tmp_path: Path, path: str, text: str) -> None:
    assert key(project(tmp_path / "a")) != key(project(tmp_path / "b", **{path: text}))


def test_tools_commands_and_their_variables_change_the_key(tmp_path: Path) -> None:
    source = project(tmp_path / "a")
    keys = {
        key(source),
        key(source, toolchain="node 26.0.0"),
        key(source, replace(PLAN, install=("npm", "ci", "--omit=dev"))),
        key(source, npm_config_omit="dev"),
        key(source, NODE_ENV="production"),
    }
    assert len(keys) == 5


def test_an_install_that_is_not_reproducible_has_no_key(tmp_path: Path) -> None:
    assert key(project(tmp_path / "a"), replace(PLAN, package_manager=PackageManager("npm"))) is None
    assert key(project(tmp_path / "b", {**PACKAGE, "dependencies": {"lib": "file:../lib"}})) is None
    assert key(project(tmp_path / "c", "{ not json")) is None
    assert key(project(tmp_path / "d", "[" * 100_000)) is None


@pytest.mark.parametrize("script", ["preinstall", "install", "postinstall", "prepare"])
def test_scripts_of_an_install_are_seen_in_every_package_of_the_project(tmp_path: Path, script: str) -> None:
    plain = dependencies_of(project(tmp_path / "a"), PLAN, "", {})
    assert not plain.runs_scripts
    member = json.dumps({"name": "web", "scripts": {script: "node setup.js"}})
    found = dependencies_of(project(tmp_path / "b", **{"packages/web/package.json": member}), PLAN, "", {})
    assert found.runs_scripts
    assert dependencies_of(project(tmp_path / "c", **{"binding.gyp": "{}"}), PLAN, "", {}).runs_scripts


def test_dependencies_within_dependencies_are_one_folder(tmp_path: Path) -> None:
    source = project(tmp_path / "a", **{"node_modules/a/node_modules/b/x": "", "packages/web/node_modules/c/x": ""})
    (source / "linked").symlink_to(source / "packages")
    (source / "node_modules" / "a" / "package.json").write_text('{"scripts": {"install": "x"}}')
    assert sorted(modules_of(source)) == ["node_modules", "packages/web/node_modules"]
    assert not dependencies_of(source, PLAN, "", {}).runs_scripts


def test_a_lock_file_that_is_a_link_out_of_the_sources_gives_no_key(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    source = project(tmp_path / "a")
    (source / "package-lock.json").unlink()
    (source / "package-lock.json").symlink_to(tmp_path / "secret")
    assert key(source) is None
