"""Repositories with several packages: the package to build, the packages that it depends on, and the commits that
affect it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from easel.builds.detect.errors import BuildPlanError, BuildRootMissingError, SeveralAppsError
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.plan import plan
from easel.builds.detect.touched import Rule, rule_of, touched
from tests.builds.detect.skeletons import STATIC, Files, package, write

VITE = {"package.json": package("vite build", "vite"), "index.html": ""}


def inside(folder: str, files: Files) -> dict[str, str]:
    """Returns the files, inside a folder."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def pnpm(*patterns: str) -> dict[str, str]:
    """Returns the files of a pnpm workspace."""
    listed = "".join(f"  - '{pattern}'\n" for pattern in patterns)
    return {
        "package.json": package(None),
        "pnpm-workspace.yaml": f"packages:\n{listed}",
        "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
    }


SHOP = {
    **pnpm("apps/*", "packages/**", "!packages/old"),
    **inside("apps/web", VITE | {"package.json": package("vite build", "vite", "@shop/ui", name="web")}),
    "packages/ui/package.json": json.dumps(
        {"name": "@shop/ui", "scripts": {"build": "tsc"}, "dependencies": {"@shop/tokens": "workspace:*"}}
    ),
    "packages/deep/tokens/package.json": json.dumps({"name": "@shop/tokens", "scripts": {"build": "tsc"}}),
    "packages/lint/package.json": json.dumps({"name": "@shop/lint"}),
    "packages/old/package.json": json.dumps({"name": "@shop/old", "scripts": {"build": "tsc"}}),
}


def test_the_only_app_of_a_workspace_is_built_in_it(tmp_path: Path) -> None:
    made = plan(write(tmp_path, SHOP), BuildOptions())
    assert (made.root, made.install_root, made.framework) == ("apps/web", "", "vite")
    assert made.package_manager is not None
    assert made.package_manager.lock == "pnpm-lock.yaml"
    assert made.outputs[0] == "apps/web/dist"
    assert (
        "Root: `apps/web`, because it is the only folder with an app. To use another folder, set `root`."
        in made.reasons
    )


def test_the_packages_that_an_app_depends_on_are_built_before_it(tmp_path: Path) -> None:
    made = plan(write(tmp_path, SHOP), BuildOptions())
    assert made.build == (
        "(cd ../../packages/deep/tokens && pnpm run build) && (cd ../../packages/ui && pnpm run build)"
        " && pnpm run build"
    )


def test_packages_with_a_circular_dependency_are_not_followed_for_ever(tmp_path: Path) -> None:
    files = SHOP | {
        "packages/deep/tokens/package.json": json.dumps(
            {"name": "@shop/tokens", "scripts": {"build": "tsc"}, "dependencies": {"@shop/ui": "*", "web": "*"}}
        )
    }
    assert str(plan(write(tmp_path, files), BuildOptions()).build).count("cd ") == 2


def test_a_workspace_with_several_apps_needs_a_choice(tmp_path: Path) -> None:
    files = {**SHOP, **inside("apps/docs", STATIC["docusaurus"][0])}
    with pytest.raises(SeveralAppsError, match=r"several apps: `apps/docs`, `apps/web`\.") as refusal:
        plan(write(tmp_path, files), BuildOptions())
    assert 'root = "apps/docs"' in refusal.value.message
    assert plan(tmp_path, BuildOptions(root="apps/docs/")).framework == "docusaurus"
    assert plan(tmp_path, BuildOptions(), BuildOptions(root="./apps/web")).root == "apps/web"


def test_the_only_app_folder_is_found_without_a_workspace(tmp_path: Path) -> None:
    files = {"README.md": "", "backend/main.py": "", **inside("frontend", VITE)}
    made = plan(write(tmp_path, files), BuildOptions())
    assert (made.root, made.install_root) == ("frontend", "frontend")
    assert made.outputs[0] == "frontend/dist"


def test_an_app_with_a_lock_file_of_its_own_is_installed_in_its_folder(tmp_path: Path) -> None:
    files = {**SHOP, "apps/web/package-lock.json": "{}"}
    made = plan(write(tmp_path, files), BuildOptions())
    assert (made.install_root, made.package_manager and made.package_manager.name) == ("apps/web", "npm")


def test_a_folder_that_is_no_member_does_not_take_the_workspaces_lock_file(tmp_path: Path) -> None:
    files = {**pnpm("packages/*"), **inside("site", VITE)}
    made = plan(write(tmp_path, files), BuildOptions(root="site"))
    assert (made.install_root, made.package_manager and made.package_manager.lock) == ("site", None)


@pytest.mark.parametrize("workspaces", [["apps/*"], {"packages": ["./apps/*/"]}])
def test_workspaces_of_npm_and_yarn_are_known(workspaces: object, tmp_path: Path) -> None:
    files = {
        "package.json": package(None, workspaces=workspaces),
        "package-lock.json": "{}",
        **inside("apps/web", VITE),
    }
    made = plan(write(tmp_path, files), BuildOptions())
    assert (made.root, made.install_root) == ("apps/web", "")


def test_a_missing_root_is_refused_with_a_list_of_existing_folders(tmp_path: Path) -> None:
    with pytest.raises(BuildRootMissingError, match=r"no folder `web`.*The existing folders are `apps`, `packages`\."):
        plan(write(tmp_path, SHOP), BuildOptions(root="web"))


@pytest.mark.parametrize("root", ["../x", "/etc", "apps\\web", "a/../../b", "x\ny"])
def test_a_root_outside_is_refused(root: str, tmp_path: Path) -> None:
    with pytest.raises(BuildPlanError, match="build setting `root`"):
        plan(write(tmp_path, SHOP), BuildOptions(root=root))


def test_a_commit_affects_an_app_by_the_apps_files_and_its_dependencies(tmp_path: Path) -> None:
    root, rule = rule_of(write(tmp_path, SHOP), BuildOptions())
    assert (root, rule.folders) == ("apps/web", ("packages/deep/tokens", "packages/ui"))
    for path in (
        "apps/web/a.ts",
        "packages/ui/x",
        "packages/deep/tokens/x",
        "pnpm-lock.yaml",
        "packages/tsconfig.json",
    ):
        assert touched([path], root, rule), path
    for path in (
        "apps/other/a.ts",
        "packages/lint/x",
        "README.md",
        "LICENSE",
        ".github/workflows/ci.yml",
        "apps/webs/x",
    ):
        assert not touched([path], root, rule), path


@pytest.mark.parametrize(
    ("patterns", "path", "is_touched"),
    [
        (("docs/",), "docs/a.md", False),
        (("docs/",), "src/docs/a.md", False),
        (("/docs",), "src/docs/a.md", True),
        (("*.md",), "a/b/README.md", False),
        (("*", "!apps/web/**"), "apps/web/a.ts", True),
        (("*", "!apps/web/**"), "apps/shop/a.ts", False),
        (("**/test/**",), "a/test/b.ts", False),
        ((), "anything", True),
    ],
)
def test_ignored_files_do_not_change_the_state(patterns: tuple[str, ...], path: str, is_touched: bool) -> None:
    assert touched([path], "", Rule(ignore=patterns)) is is_touched


def test_a_file_in_another_folder_counts_if_it_is_referenced(tmp_path: Path) -> None:
    root, rule = rule_of(write(tmp_path, SHOP), BuildOptions(ignore=("*.md", "!api/types/**", "!README.md")))
    assert touched(["api/types/order.ts"], root, rule)
    assert touched(["README.md"], root, rule)
    assert not touched(["api/server.ts", "api/types.md", "apps/web/a.md"], root, rule)


def test_documentation_may_be_made_from_all_of_the_sources(tmp_path: Path) -> None:
    sources = write(tmp_path, {"docs/conf.py": "", "docs/index.rst": "", "src/shop/__init__.py": ""})
    root, rule = rule_of(sources, BuildOptions(root="docs", ignore=("test/",)))
    assert touched(["src/shop/__init__.py"], root, rule)
    assert not touched(["test/test_shop.py"], root, rule)


def test_a_commit_without_changes_affects_no_app() -> None:
    assert not touched([], "", Rule())


def test_a_commit_of_very_many_files_is_not_compared() -> None:
    assert touched((f"docs/{number}.md" for number in range(20_000)), "", Rule(ignore=("docs/",)))


def test_paths_that_take_long_to_compare_with_the_patterns_are_not_looked_through() -> None:
    deep = [f"a/{'b/' * 40}{number}" for number in range(9_000)]
    assert not touched(deep, "", Rule(ignore=("a/",)))
    assert touched(deep, "", Rule(ignore=("a/",) * 100))


NX = {
    "nx.json": "{}",
    "package.json": package(None, "nx", "@nx/vite", "vite", "react"),
    "package-lock.json": "{}",
    "apps/shop/project.json": json.dumps({"name": "shop", "targets": {"build": {"executor": "@nx/vite:build"}}}),
    "apps/shop/vite.config.ts": "export default { build: { outDir: '../../dist/apps/shop' } }",
    "apps/shop/index.html": "",
    "libs/ui/vite.config.ts": "",
}


def test_an_nx_project_is_built_by_nx_and_its_output_is_at_the_top(tmp_path: Path) -> None:
    made = plan(write(tmp_path, NX), BuildOptions())
    assert (made.root, made.install_root, made.framework) == ("apps/shop", "", "vite")
    assert made.build == ("npx", "--no-install", "nx", "build", "shop")
    assert made.outputs[0] == "dist/apps/shop"
    stated = {"name": "shop", "targets": {"build": {"options": {"outputPath": "dist/web"}}}}
    made = plan(write(tmp_path, {"apps/shop/project.json": json.dumps(stated)}), BuildOptions())
    assert made.outputs[:2] == ("dist/web/browser", "dist/web")


def test_documentation_next_to_an_app_is_not_taken_for_the_app(tmp_path: Path) -> None:
    files = {**VITE, "mkdocs.yml": "site_name: x\n", "docs/conf.py": "", "docs/index.rst": ""}
    assert plan(write(tmp_path, files), BuildOptions()).framework == "vite"
    library = {"package.json": package("vite build", "vite"), "mkdocs.yml": "site_name: x\n"}
    made = plan(write(tmp_path / "library", library), BuildOptions())
    assert (made.framework, made.package_manager) == ("mkdocs", None)


def test_a_workspace_without_a_known_app_says_which_folders_could_be_one(tmp_path: Path) -> None:
    files = {**pnpm("apps/*"), "apps/web/package.json": package("node make.js")}
    with pytest.raises(BuildPlanError, match="for example `apps/web`"):
        plan(write(tmp_path, files), BuildOptions())
    assert plan(tmp_path, BuildOptions(root="apps/web")).build == ("pnpm", "run", "build")


@pytest.mark.parametrize("output", ["../../../../etc", "../../.."])
def test_an_output_outside_of_the_sources_is_not_looked_for(output: str, tmp_path: Path) -> None:
    files = {**VITE, "vite.config.ts": f"export default {{ build: {{ outDir: '{output}' }} }}"}
    made = plan(write(tmp_path, files), BuildOptions())
    assert all(".." not in path for path in made.outputs)


def test_an_nx_project_with_only_a_page_is_built_and_not_served_unchanged(tmp_path: Path) -> None:
    files = {
        "nx.json": "{}",
        "package.json": package(None, "nx", "@angular/core"),
        "apps/shop/project.json": json.dumps({"name": "shop", "targets": {"build": {"executor": "@angular/build:x"}}}),
        "apps/shop/src/index.html": "<app-root></app-root>",
        "apps/shop-e2e/project.json": "{}",
        "libs/ui/project.json": "{}",
    }
    made = plan(write(tmp_path, files), BuildOptions())
    assert (made.root, made.install_root, made.runtime) == ("apps/shop", "", "node")
    assert made.build == ("npx", "--no-install", "nx", "build", "shop")


def test_the_dependencies_at_the_top_of_an_nx_repository_do_not_hide_its_apps(tmp_path: Path) -> None:
    files = {"nx.json": "{}", "package.json": package(None, "nx", "next")}
    for name in ("admin", "shop"):
        files |= {f"apps/{name}/project.json": "{}", f"apps/{name}/next.config.js": "module.exports = {}"}
    with pytest.raises(SeveralAppsError, match="`apps/admin`, `apps/shop`"):
        plan(write(tmp_path, files), BuildOptions())
    files = {"nx.json": "{}", "package.json": package("vite build", "nx", "vite"), "index.html": ""}
    assert plan(write(tmp_path / "alone", files), BuildOptions()).root == ""
