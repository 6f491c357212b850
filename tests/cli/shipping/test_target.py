"""The folder that is deployed, and the message if there is no such folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from easel.cli.project import Project
from easel.cli.shipping.errors import (
    EntryPointMissingError,
    FolderMissingError,
    NothingToDeployError,
    SeveralBuildsError,
    SourceFolderError,
)
from easel.cli.shipping.target import (
    Target,
    choose_target,
    name_of_app,
    project_root,
    refuse_source,
    settings_folder,
)


def page(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text("<p>")
    return folder


def test_the_folder_given_wins_over_the_one_in_easel_toml(tmp_path: Path) -> None:
    page(tmp_path / "dist")
    page(tmp_path / "other")
    project = Project(root=tmp_path, folder="dist")
    assert choose_target(None, project, tmp_path).path == tmp_path / "dist"
    assert choose_target(Path("other"), project, tmp_path).path == tmp_path / "other"


@pytest.mark.parametrize("name", ["dist", "build", "out", "public"])
def test_a_build_folder_is_found_and_reported(tmp_path: Path, name: str) -> None:
    page(tmp_path)  # such as a Vite project's source page
    page(tmp_path / name)
    target = choose_target(None, Project(root=tmp_path), tmp_path)
    assert target.path == tmp_path / name
    assert target.found


TOOLS = {
    "angular": (["angular.json", "package.json"], "dist/shop/browser"),
    "angular-old": (["angular.json", "package.json"], "dist/shop"),
    "react-router": (["react-router.config.ts", "vite.config.ts", "package.json"], "build/client"),
    "tanstack": (["vite.config.ts", "package.json"], "dist/client"),
    "tanstack-nitro": (["vite.config.ts", "package.json"], ".output/public"),
    "nuxt": (["nuxt.config.ts", "package.json"], ".output/public"),
    "sveltekit": (["svelte.config.js", "vite.config.js", "package.json"], "build"),
    "next": (["next.config.mjs", "package.json"], "out"),
    "astro": (["astro.config.mjs", "package.json"], "dist"),
    "docusaurus": (["docusaurus.config.js", "package.json"], "build"),
    "gatsby": (["gatsby-config.js", "package.json"], "public"),
    "expo": (["app.json", "package.json"], "dist"),
    "vitepress": (["package.json", "docs/.vitepress/config.mts"], "docs/.vitepress/dist"),
    "eleventy": (["eleventy.config.js", "package.json"], "_site"),
    "hugo": (["hugo.toml"], "public"),
    "mkdocs": (["mkdocs.yml"], "site"),
    "jekyll": (["_config.yml", "Gemfile"], "_site"),
    "sphinx": (["conf.py"], "_build/html"),
    "mdbook": (["book.toml"], "book"),
    "flutter": (["pubspec.yaml"], "build/web"),
    "storybook": (["package.json"], "storybook-static"),
    "quasar": (["quasar.config.js", "package.json"], "dist/spa"),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_output_of_a_build_tool_is_found(tmp_path: Path, tool: str) -> None:
    files, output = TOOLS[tool]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    if tool not in ("hugo", "gatsby"):
        page(tmp_path / "public")  # such as the template of a page
    built = page(tmp_path / output)
    project = Project(root=tmp_path)
    assert choose_target(None, project, tmp_path).path == built
    assert project_root(project, Target(built), tmp_path / "elsewhere") == tmp_path
    assert project_root(Project(root=built), Target(built), built) == tmp_path
    assert settings_folder(tmp_path, Target(built), tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("file", "output"),
    [
        ("nx.json", "dist/apps/shop"),
        ("vite.config.ts", "dist/analog/public"),
        ("redwood.toml", "web/dist"),
        ("Cargo.toml", "target/site"),
        ("Dioxus.toml", "target/dx/shop/release/web/public"),
        ("Shop.csproj", "bin/Release/net9.0/publish/wwwroot"),
    ],
)
def test_the_output_of_a_rarer_tool_is_found(tmp_path: Path, file: str, output: str) -> None:
    (tmp_path / file).touch()
    built = page(tmp_path / output)
    assert choose_target(None, Project(root=tmp_path), tmp_path).path == built


def test_hexos_configuration_is_not_jekylls(tmp_path: Path) -> None:
    for name in ("_config.yml", "package.json"):
        (tmp_path / name).touch()
    assert choose_target(None, Project(root=tmp_path), page(tmp_path / "public").parent).path == tmp_path / "public"


def test_two_names_of_the_same_output_count_once(tmp_path: Path) -> None:
    (tmp_path / "nuxt.config.ts").touch()
    page(tmp_path / ".output" / "public")
    (tmp_path / "dist").symlink_to(".output/public")
    assert choose_target(None, Project(root=tmp_path), tmp_path).path.resolve() == tmp_path / ".output" / "public"


@pytest.mark.parametrize(
    ("files", "outputs"),
    [
        (["angular.json"], ["dist/admin/browser", "dist/shop/browser"]),
        (["vite.config.ts", "mkdocs.yml", "package.json"], ["dist", "site"]),
        (["package.json"], ["dist", "build"]),
    ],
)
def test_none_of_several_builds_is_chosen_by_guessing(tmp_path: Path, files: list[str], outputs: list[str]) -> None:
    for name in files:
        (tmp_path / name).touch()
    for output in outputs:
        page(tmp_path / output)
    with pytest.raises(SeveralBuildsError) as refused:
        choose_target(None, Project(root=tmp_path), tmp_path)
    assert all(f"`{output}`" in refused.value.message for output in outputs)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["next.config.js", "package.json", ".next/BUILD_ID"], "set `output: 'export'`"),
        (["nuxt.config.ts", "package.json", ".output/server/index.mjs"], "run `nuxt generate`"),
        (["svelte.config.js", "vite.config.ts", "package.json", ".svelte-kit/output/x"], "adapter-static"),
        (["mkdocs.yml"], "`mkdocs build`"),
        (["hugo.toml"], "`hugo`"),
        (["package.json"], "`npm run build`"),
        (["package.json", "apps/web/package.json", "apps/web/dist/index.html"], "`easel deploy apps/web/dist`"),
        (["notes.txt"], "`easel deploy DIR`"),
    ],
)
def test_a_project_without_a_build_is_refused_with_advice(tmp_path: Path, files: list[str], said: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(NothingToDeployError) as refused:
        choose_target(None, Project(root=tmp_path), tmp_path)
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (["package.json"], '<link rel="icon" href="%PUBLIC_URL%/favicon.ico">'),
        (["package.json", "vue.config.js"], '<link rel="icon" href="<%= BASE_URL %>favicon.ico">'),
        (["package.json", "vite.config.ts"], "<p>"),
    ],
)
def test_the_sources_of_a_build_are_not_its_output(tmp_path: Path, files: list[str], text: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    (page(tmp_path / "public") / "index.html").write_text(text)
    with pytest.raises(NothingToDeployError, match=r"npm run build.*easel deploy --build"):
        choose_target(None, Project(root=tmp_path), tmp_path)
    built = page(tmp_path / "dist")
    assert choose_target(None, Project(root=tmp_path), tmp_path).path == built


def test_pages_with_the_name_of_an_output_folder_count_as_pages(tmp_path: Path) -> None:
    for name in ("book", "site", "www", "output"):
        page(tmp_path / name)
    assert choose_target(None, Project(root=tmp_path), page(tmp_path)).path == tmp_path


def test_the_only_folder_inside_is_the_app_as_in_a_zip(tmp_path: Path) -> None:
    page(tmp_path / "ng" / "browser")
    (tmp_path / "ng" / ".DS_Store").touch()
    assert choose_target(Path("ng"), Project(root=tmp_path), tmp_path).path == tmp_path / "ng" / "browser"
    (tmp_path / "ng" / "3rdpartylicenses.txt").touch()
    with pytest.raises(EntryPointMissingError, match=r"easel deploy ng/browser"):
        choose_target(Path("ng"), Project(root=tmp_path), tmp_path)


@pytest.mark.parametrize("name", ["dist", "build", "out", "public", "_site", "browser", "artifact-17"])
def test_easel_toml_is_never_written_into_a_build(tmp_path: Path, name: str) -> None:
    built = page(tmp_path / "shop" / name)
    if name == "browser":
        (tmp_path / "shop" / "angular.json").touch()
    elsewhere = tmp_path / "elsewhere"
    for working in (elsewhere, tmp_path / "shop", built):
        root = project_root(Project(root=working), Target(built), working)
        place = settings_folder(root, Target(built), working)
        # If the working directory is the build's folder, the folder is the project itself, whatever its name is.
        assert place != built or (name, working) == ("artifact-17", built)


def test_handwritten_pages_have_easel_toml_next_to_them(tmp_path: Path) -> None:
    for place in (page(tmp_path / "shop"), page(tmp_path / "www")):
        assert settings_folder(project_root(Project(root=place), Target(place), place), Target(place), place) == place


@pytest.mark.parametrize(
    "script",
    [
        "<script type=module src=/src/main.tsx></script>",
        "<script src=/src/main.js></script>",
        "<SCRIPT SRC = './src/main.js' type='module'></SCRIPT>",
        '<script type="module" src="/src/main.jsx"></script>',
        '<script async src="app/index.ts?v=1"></script>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_page_of_sources_is_recognised_in_every_spelling(tmp_path: Path, script: str, encoding: str) -> None:
    (tmp_path / "package.json").touch()
    (tmp_path / "index.html").write_text(f"<!doctype html><title>x</title>{script}", encoding=encoding)
    with pytest.raises(SourceFolderError, match=r"its index\.html loads"):
        refuse_source(Target(tmp_path), ".")


def test_a_typescript_file_counts_as_source_anywhere_but_a_folder_called_src_does_not(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<script src=/src/main.js></script><p data-src=/src/x.tsx>")
    refuse_source(Target(tmp_path), ".")
    (tmp_path / "index.html").write_text("<script src=main.tsx></script>")
    with pytest.raises(SourceFolderError, match=r"main\.tsx"):
        refuse_source(Target(tmp_path), ".")


def test_a_plain_page_is_deployed_from_its_folder(tmp_path: Path) -> None:
    assert choose_target(None, Project(root=tmp_path), page(tmp_path)).path == tmp_path


def test_an_unbuilt_project_is_refused_with_the_advice_to_build(tmp_path: Path) -> None:
    page(tmp_path)
    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(NothingToDeployError, match="npm run build"):
        choose_target(None, Project(root=tmp_path), tmp_path)


def test_a_folder_without_a_page_is_refused_with_the_nearest_folder_that_has_one(tmp_path: Path) -> None:
    page(tmp_path / "app" / "dist")
    (tmp_path / "app" / "src").mkdir()
    with pytest.raises(EntryPointMissingError, match=r"easel deploy app/dist"):
        choose_target(Path("app"), Project(root=tmp_path), tmp_path)
    with pytest.raises(EntryPointMissingError, match=r"easel deploy app/dist"):
        choose_target(Path("app/src"), Project(root=tmp_path), tmp_path)
    with pytest.raises(FolderMissingError, match="nowhere"):
        choose_target(Path("nowhere"), Project(root=tmp_path), tmp_path)


def test_the_project_is_around_its_build_folder(tmp_path: Path) -> None:
    site = page(tmp_path / "shop" / "dist")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = choose_target(site, Project(root=elsewhere), elsewhere)
    assert project_root(Project(root=elsewhere), target, elsewhere) == tmp_path / "shop"
    inside = choose_target(None, Project(root=tmp_path / "shop"), tmp_path / "shop")
    assert project_root(Project(root=tmp_path / "shop"), inside, tmp_path / "shop") == tmp_path / "shop"


def test_a_folder_with_another_entry_page_is_an_app(tmp_path: Path) -> None:
    entries = (("a", "plot.html"), ("b", "_shell.html"), ("c/inner", "report.html"), ("d", "html/main/index.html"))
    for name, entry in entries:
        (tmp_path / name / entry).parent.mkdir(parents=True)
        (tmp_path / name / entry).write_text("<p>")
        target = choose_target(Path(name.partition("/")[0]), Project(root=tmp_path), tmp_path)
        assert target.path == tmp_path / name


@pytest.mark.parametrize(
    ("target", "is_project", "name"),
    [
        ("Big shop.zip", False, "Big shop"),
        ("Big shop.zip", True, "Downloads"),
        ("dist.zip", False, "Downloads"),
        ("x.zip", False, "Downloads"),
        ("Big shop", False, "Downloads"),
    ],
)
def test_a_new_app_is_named_after_its_zip_or_its_project(
    tmp_path: Path, target: str, is_project: bool, name: str
) -> None:
    root = tmp_path / "Downloads"
    root.mkdir()
    if target.endswith(".zip"):
        (root / target).write_bytes(b"")
    else:
        page(root / target)
    if is_project:
        (root / "package.json").write_text("{}")
    assert name_of_app(root, Target(root / target)) == name


def test_the_advice_names_the_neighbouring_build_without_detours(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    page(tmp_path / "dist")
    with pytest.raises(EntryPointMissingError, match=r"Deploy it with `easel deploy dist`\."):
        choose_target(Path("empty"), Project(root=tmp_path), tmp_path)


def test_a_page_with_capitals_is_named_with_the_way_to_rename_it(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "Index.html").write_text("<p>")
    with pytest.raises(EntryPointMissingError, match=r"`Index\.html`: rename it to index\.html"):
        choose_target(Path("site"), Project(root=tmp_path), tmp_path)


def test_a_missing_folder_of_easel_toml_is_traced_to_it(tmp_path: Path) -> None:
    with pytest.raises(FolderMissingError, match=r"It is set as `folder` in easel\.toml"):
        choose_target(None, Project(root=tmp_path, folder="nosuch"), tmp_path)
