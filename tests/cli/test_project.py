"""easel.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from easel.builds.detect.models import BuildOptions
from easel.cli.errors import ProjectFileError
from easel.cli.project import find_project, slug_from, write_project


def test_easel_toml_is_found_from_anywhere_inside_the_project(tmp_path: Path) -> None:
    (tmp_path / "easel.toml").write_text('app = "shop"\nfolder = "dist"\nenv = "staging"\nserver = "http://x:1"\n')
    deep = tmp_path / "src" / "pages"
    deep.mkdir(parents=True)
    project = find_project(deep)
    assert (project.root, project.app, project.folder, project.env, project.server) == (
        tmp_path,
        "shop",
        "dist",
        "staging",
        "http://x:1",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("app = ", "cannot be read"),
        ("app = shop", 'Write each setting in a line such as `app = "shop"`'),
        ('folde = "dist"', "there is no setting `folde`"),
        ("app = 5", "must be a string"),
        ('app = " "', "must be a string"),
        ('env = "prod"', "`production` or `staging`"),
        ('rules = "apache"', '`rules` must be one of "auto", "netlify", "cloudflare", "off"'),
        ('html_handling = "some"', "`html_handling` must be one of"),
        ("not_found_handling = 404", "must be a string"),
        ('allow = "guards"', "`allow` must be a list"),
        ('allow = ["guards", "all"]', "`allow` must be a list"),
        ("allow = [[1]]", "`allow` must be a list"),
        ("build = 'make'", "must be a table"),
        ("[build]\ncommand = 'make'", "there is no such setting"),
        ("[build]\nroot = '/srv'", "must be a folder inside the sources"),
    ],
)
def test_a_wrong_easel_toml_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "easel.toml").write_text(text)
    with pytest.raises(ProjectFileError, match=said):
        find_project(tmp_path)


def test_only_the_settings_for_rules_are_sent_to_the_api(tmp_path: Path) -> None:
    (tmp_path / "easel.toml").write_text('app = "shop"\nrules = "cloudflare"\nallow = ["guards"]\n')
    assert find_project(tmp_path).build_config == {"rules": "cloudflare", "allow": ["guards"]}
    (tmp_path / "easel.toml").write_text('app = "shop"\n')
    assert find_project(tmp_path).build_config == {}


def test_easel_toml_configures_the_build(tmp_path: Path) -> None:
    (tmp_path / "easel.toml").write_text('app = "shop"\n[build]\nroot = "apps/web/"\nignore = ["docs/"]\n')
    assert find_project(tmp_path).build == BuildOptions(root="apps/web", ignore=("docs/",))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_easel_toml_is_read_however_an_editor_wrote_it(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "easel.toml").write_bytes('app = "shop"\r\nfolder = "größe"\r\n'.encode(encoding))
    assert (find_project(tmp_path).app, find_project(tmp_path).folder) == ("shop", "größe")


def test_an_easel_toml_in_another_encoding_says_which_line(tmp_path: Path) -> None:
    (tmp_path / "easel.toml").write_bytes('app = "shop"\nfolder = "größe"\n'.encode("cp1252"))
    with pytest.raises(ProjectFileError, match=r"line 2 is not valid UTF-8"):
        find_project(tmp_path)


def test_a_written_easel_toml_can_be_read_again(tmp_path: Path) -> None:
    build = {"root": "apps/web", "install": "", "build": 'echo "ä" \\\n\t&& make', "node": None}
    write_project(tmp_path, app="shop", folder='odd "näme"', build=build)
    project = find_project(tmp_path)
    assert (project.app, project.folder) == ("shop", 'odd "näme"')
    assert project.build == BuildOptions(root="apps/web", install="", build='echo "ä" \\\n\t&& make')
    with pytest.raises(ProjectFileError):
        write_project(tmp_path, app="other", folder=None)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("My Shop", "my-shop"), ("_x.y_z_", "x-y-z"), ("a", None), ("ÄÖ", None), ("x" * 80, "x" * 60)],
)
def test_a_name_becomes_a_valid_slug_or_none(name: str, slug: str | None) -> None:
    assert slug_from(name) == slug
