"""A zipped project is recognised if its page would certainly stay blank, and only then."""

from __future__ import annotations

import json

import pytest

from easel.bundles.errors import DataDamagedError, SourceBundleError
from easel.bundles.models import Allowances
from testbed.running import zip_of
from tests.bundles.looking import look

VITE = json.dumps({"scripts": {"dev": "vite"}, "devDependencies": {"vite": "^7"}})
PLAIN = json.dumps({"devDependencies": {"prettier": "3"}})


def page(*scripts: str, head: str = "") -> str:
    return f"<!doctype html><title>x</title>{head}<div id=root></div>" + "".join(
        f'<script type="module" src="{script}"></script>' for script in scripts
    )


def project(script: str, content: str = "", *, package: str = VITE, head: str = "") -> dict[str, str]:
    path = script.split("?")[0].removeprefix(".").removeprefix("/")
    return {"package.json": package, "index.html": page(script, head=head), path: content}


def refused(files: dict[str, str]) -> str | None:
    """Returns the script in the refusal's message."""
    try:
        look(zip_of(files))
    except SourceBundleError as error:
        return str(error.details["member"])
    return None


@pytest.mark.parametrize(
    "script", ["/src/main.tsx", "./src/main.jsx", "main.ts", "/app/index.vue?v=1", "src/App.svelte", "/src/Main.TSX"]
)
@pytest.mark.parametrize("root", ["", "shop/"])
def test_a_page_that_loads_a_language_unknown_to_browsers_is_a_project(script: str, root: str) -> None:
    files = {f"{root}{path}": content for path, content in project(script).items()}
    assert refused(files) == root + script.split("?")[0].removeprefix(".").removeprefix("/")


@pytest.mark.parametrize(
    "content",
    [
        "import { createApp } from 'vue'\n",
        "import './style.css'\nimport { x } from './x.js'",
        "// A comment.\n/* And\n one. */\nimport a, { b } from './b.js';import App from\"./App.vue\"",
        'import*as three from"three";',
        "import {\n  a,\n  b,\n} from '@scope/package/part'",
        "import logo from '/logo.svg?url'",
    ],
)
def test_a_page_whose_script_imports_packages_by_name_is_a_project(content: str) -> None:
    assert refused(project("/src/main.js", content)) == "src/main.js"


@pytest.mark.parametrize(
    "content",
    [
        "import { x } from './x.js'\nx()",
        "import 'https://esm.sh/vue'",
        "import styles from './a.css' with { type: 'css' }\nimport 'vue'",
        "const shown = `\nimport React from 'react'\n`",
        "/* import 'vue' */ // import 'vue'\nimport('vue').catch(fallback)",
        "/* never closed import 'vue'",
        "import.meta.url",
        "importScripts('vue')",
        "",
    ],
)
def test_a_site_that_serves_its_own_modules_is_deployed_as_it_is(content: str) -> None:
    assert refused(project("/src/main.js", content)) is None


def test_other_pages_that_work_in_a_browser_are_deployed_unchanged() -> None:
    bare = "import 'vue'"
    by_map = '<script type="importmap">{"imports": {"vue": "/vue.js"}}</script>'
    babel = "<script type='text/babel' src='src/app.jsx'></script><!-- <script type=module src=src/app.jsx> -->"
    for files in (
        project("/src/main.js", bare, head=by_map),
        project("/src/main.js", bare, package=PLAIN),
        project("/src/main.js", bare, package="{"),
        project("/src/main.js", bare, package="[" * 100_000),
        {"package.json": VITE, "index.html": babel, "src/app.jsx": "<p/>"},
        {"package.json": VITE, "index.html": f"<script>'{page('/src/main.ts')[:80]}'</script>", "src/main.ts": ""},
        {"package.json": VITE, "index.html": page("/src/main.ts", head="<base href=/a/>"), "src/main.ts": ""},
        {"package.json": VITE, "index.html": page("https://example.org/src/main.ts"), "src/main.ts": ""},
        {
            "package.json": VITE,
            "index.html": page("/assets/index-B4x9.js"),
            "assets/index-B4x9.js": "",
            "src/a.tsx": "",
        },
        {"package.json": VITE, "index.html": page("/src/gone.ts")},
        {"index.html": page("/src/main.ts"), "src/main.ts": "", "deeper/package.json": VITE},
    ):
        assert refused(files) is None, files


def test_a_tool_is_known_by_its_configuration_or_a_build_script_too() -> None:
    for package, more in (('\ufeff{"scripts": {"build": "node build.mjs"}}', {}), ("{}", {"vite.config.ts": ""})):
        assert refused({**project("main.ts", package=package), **more}) == "main.ts"


def test_a_project_is_deployed_unchanged_on_request() -> None:
    assert "main.ts" in look(zip_of(project("main.ts")), allow=Allowances(sources=True)).files


def test_a_project_is_recognised_before_its_secrets_and_dependencies_are_refused() -> None:
    assert refused({**project("main.ts"), ".env": "A=b", "node_modules/vite/x.js": ""}) == "main.ts"


def test_a_damaged_page_is_reported_as_damaged() -> None:
    data = bytearray(zip_of(project("main.ts", "x" * 5_000)))
    at = data.index(b"index.html") + len(b"index.html")
    data[at : at + 20] = b"\xff" * 20
    with pytest.raises(DataDamagedError):
        look(bytes(data))
