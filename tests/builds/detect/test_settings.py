"""Settings override detection in a fixed order, and an invalid setting is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from easel.builds.detect.errors import BuildFileInvalidError, BuildSettingInvalidError
from easel.builds.detect.models import BuildOptions
from easel.builds.detect.plan import plan
from tests.builds.detect.skeletons import STATIC, package, write

VITE = STATIC["vite"][0]


def test_a_deploys_settings_override_easel_toml_which_overrides_the_app(tmp_path: Path) -> None:
    files = {**VITE, "easel.toml": 'app = "shop"\n[build]\noutput = "from-toml"\nnode = "22"\n'}
    write(tmp_path, files)
    app = BuildOptions(output="from-app", node="20", build="make app")
    made = plan(tmp_path, BuildOptions(output="from-deploy"), app)
    assert (made.outputs, made.node, made.build) == (("from-deploy",), "22", "make app")
    assert "Build: `make app`, from the build settings." in made.reasons
    assert plan(tmp_path, BuildOptions(), app).outputs == ("from-toml",)


def test_easel_toml_in_the_app_folder_wins_over_easel_toml_of_the_repository(tmp_path: Path) -> None:
    files = {f"apps/web/{name}": text for name, text in VITE.items()}
    files |= {"easel.toml": '[build]\nroot = "apps/web"\nnode = "20"\noutput = "a"\n'}
    files |= {"apps/web/easel.toml": '[build]\noutput = "b"\n'}
    made = plan(write(tmp_path, files), BuildOptions())
    assert (made.root, made.outputs, made.node) == ("apps/web", ("apps/web/b",), "20")


def test_an_empty_command_skips_its_step(tmp_path: Path) -> None:
    made = plan(write(tmp_path, VITE), BuildOptions(install="", build=" "))
    assert (made.install, made.build) == (None, None)
    assert "Install: left out, from the build settings." in made.reasons


def test_a_command_and_a_folder_are_enough_for_any_tool(tmp_path: Path) -> None:
    made = plan(write(tmp_path, {"make.py": "", "index.html": ""}), BuildOptions(build="python3 make.py", output="www"))
    assert (made.build, made.outputs, made.runtime) == ("python3 make.py", ("www",), "none")


def test_a_command_without_a_root_runs_in_the_top_folder(tmp_path: Path) -> None:
    made = plan(write(tmp_path, {"make.sh": "", "pages/a.md": ""}), BuildOptions(build="sh make.sh", output="www"))
    assert (made.root, made.build, made.outputs) == ("", "sh make.sh", ("www",))
    files = {"package.json": package(None), "pnpm-workspace.yaml": "packages: ['apps/*']"}
    files |= {f"apps/{app}/{name}": text for app in ("a", "b") for name, text in VITE.items()}
    made = plan(write(tmp_path / "repo", files), BuildOptions(build="pnpm --filter a build", output="apps/a/dist"))
    assert (made.root, made.outputs) == ("", ("apps/a/dist",))


def test_the_framework_may_be_set_and_may_be_set_to_none(tmp_path: Path) -> None:
    write(tmp_path, VITE)
    assert plan(tmp_path, BuildOptions(framework="astro")).framework == "astro"
    # The contract's configuration of every app has the framework `react`.
    assert plan(tmp_path, BuildOptions(framework="react")).framework == "vite"
    assert plan(tmp_path, BuildOptions(framework="static")).build is None
    write(tmp_path, {"easel.toml": "[build]\npreset = 'astro'\n"})
    assert plan(tmp_path, BuildOptions()).framework == "astro"


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("build = 1", "`build` in `easel.toml` cannot be used: it must be a table, `[build]`"),
        (
            "[build]\ncommand = 'x'",
            "there is no such setting. The settings are `root`, `framework`, `install`, `build`",
        ),
        ("[build]\nbuild = ['x']", "`build` in `easel.toml` cannot be used: it must be a string in quotes"),
        ("[build]\nnode = 22", "it must be a string in quotes"),
        ("[build]\nignore = 'x'", "it must be a list of strings in quotes"),
        ("[build]\nignore = [1]", "it must be a list of strings in quotes"),
        ("[build]\noutput = '../x'", "`output` in `easel.toml`"),
        ("[build]\noutput = '/etc'", "must be a folder inside the build's root"),
        ("[build]\nframework = 'rails'", "`rails` is unknown. The known frameworks are"),
        (f"[build]\nbuild = '{'x' * 5_000}'", "it is 5000 characters long; the limit is 4000"),
        ('[build]\nbuild = "a\\u0000b"', "it contains a control character"),
        ("[build]\nroot = 'nowhere'", "no folder `nowhere`"),
        ("[build", "`easel.toml` cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(toml: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(Exception) as refusal:
        plan(write(tmp_path, {**VITE, "easel.toml": toml}), BuildOptions())
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "wanted", [BuildOptions(install="a\x1b[2J"), BuildOptions(output="a\nb"), BuildOptions(ignore=("x",) * 101)]
)
def test_settings_of_a_deploy_are_checked_too(wanted: BuildOptions, tmp_path: Path) -> None:
    with pytest.raises(BuildSettingInvalidError, match="in this deploy"):
        plan(write(tmp_path, VITE), wanted)


def test_an_overlong_number_is_refused_with_a_message(tmp_path: Path) -> None:
    files = {"mkdocs.yml": "site_name: a", "pyproject.toml": f"[project]\ndependencies = [0x{'f' * 5_000}]\n"}
    with pytest.raises(BuildFileInvalidError, match="line 2 has a number of more than 3000 digits"):
        plan(write(tmp_path, files), BuildOptions())
