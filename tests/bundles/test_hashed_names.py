"""Names that certainly contain a hash of their content. No typed name is among them, and nearly all names of build
tools are.

The lists have the tools' own forms, with each tool's alphabet and length.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import zipfile
from collections.abc import Iterable

import pytest

from easel.bundles.hashed_names import HashedNames, find_hashed
from tests.sites import SITES, site_zip

BASE64 = string.ascii_letters + string.digits + "-_"
BASE32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
TURBOPACK = string.digits + string.ascii_lowercase + "_~-"
WORDS = ("index", "vendor", "About", "user-card", "date_picker", "main", "Button", "theme", "settings", "hero")

TYPED = """
assets/og-1200x630.svg assets/bg-1280x720.png static/cover-1024x768.jpg assets/shot-1440x900.png
static/hero-iPhone15.png assets/a.openapi3.json assets/model.q4f16_1a.onnx assets/clip-1080p60b.mp4
assets/bundle-es2022ab.js static/guide-Q3FY2026.pdf assets/DSC-0001abcd.jpg BROCHURE-SPRING26.pdf NOTES-VERSION2.css
release-2026feb1.js assets/logo-light-2x.png assets/chapter-01-intro.jpg assets/report-2024-jan.pdf
assets/clip-720p-web.mp4 assets/2026-q3-sales.csv assets/print-a4-paper.css assets/photo-DSC_0042.jpg
assets/doc-ISO27001.pdf assets/logo-YouTube1.svg assets/model-int8-cpu.onnx assets/sprite-SpriteXY.png
content/550e8400-e29b-41d4-a716-446655440b0c.json content/post-507f1f77bcf86cd799439011.json data/price-1a2b3c4d.json
avatars/507f1f77bcf86cd799439011.png avatars/550e8400-e29b-41d4-a716-44a655440b0c.png
avatars/550e8400e29b41d4a71644a655440b0c.jpg media/order-3f2a9c1e.png
img/build-da39a3ee5e6b4b0d3255bfef95601890afd80709.png styles-SPRING26.css main-VERSION2.js assets/page-00000012.jpg
assets/DSC-20260131.jpg conference-800.jpg Screenshot-1200.png IMG_202401-800.jpg _astro/og-1200x630.png
_next/static/media/og-1200x630.png _nuxt/hero-iPhone15.png _app/immutable/assets/og.1200x630.svg _app/version.json
_nuxt/builds/meta/550e8400-e29b-41d4-a716-446655440000.json _nuxt/builds/latest.json assets/phone-macOS14a.png
assets/GPT4Mini-x.png assets/x-PS5Slim1.webp assets/y-RTX4090s.jpg assets/z-4k60-hdr.mp4 assets/w-AB12-CD3.png
assets/v-en-US_v2.png assets/user-settings.js assets/my-component.js js/bootstrap.bundle.min.js jquery-3.7.1.min.js
blog-20240131.html assets/photo-20240131.jpg img/IMG-20240102-WA0001.jpg img/hero-1920x1080.jpg assets/deadbeef.js
assets/Inter-SemiBold.woff2 assets/JetBrainsMono-Regular.woff2 fonts/inter-latin-400.woff2 sitemap-0.xml sw.js
assets/index-BK2dF_3s.html
assets/tile-2048x20.png assets/hero@1200w-2x.jpg assets/pic-1600w-hd.webp assets/scan-28112026.png assets/x-Nov2026a.png
assets/p-FY26Q4v2.png assets/phone-iPhone7s.png assets/phone-SMG991B1.png assets/laptop-MBP16M3x.png
assets/gpu-RX7900XT.png assets/car-BMW320i2.png assets/model-q4_k_m_1.wasm assets/x-amd64v3a.wasm assets/v-av1-crf3.webm
assets/a-320kbps1.mp3 assets/geo-u4pruydq.png assets/geo-9q8yyk8y.png assets/isbn-316148410X.jpg assets/sku-AB12CD34.png
assets/order-A1B2C3D4.png assets/avatar-1700000000.png assets/color-00ff00aa.svg assets/map-E1M1-v2a.png
assets/photo-DSCF1234.jpg assets/photo-DJI_0123.jpg assets/logo-B2BSaaS1.svg assets/icon-chevron1.svg
assets/flag-pt-BR_64.png js/app-v1_2_3-4.js js/app-20261128T1200.js css/style-rev12345.css assets/x-0x1f2e3d.png
assets/figure-Fig1a-2b.png images/p/x-1234abcd.jpg
js/app-v1a2b3c4.js js/app-g3f2a9c1.js js/app-v1.2.3-4-g1a2b3c4.js js/app-b20261128.js js/gtm-TX4B7QW9.js
js/gtag-G-1A2B3C4D5E.js js/level-E1M1-v2a.js js/room-4F2B9K7Q.js js/sku-B07XJ8C8F5.js js/i18n-zh-Hant1.js
Build/Game.data.br Build/20261128.loader.js
css/theme-f0f0f0ff.css css/grid-12col8px.css js/codec-h265_10b.js js/fn-md5sha1b.js js/hw-A1b2C3d4.js js/app_3f2a9c1e.js
js/app-3f2a9c1e.js wasm/rhino3dm.wasm wasm/ort-wasm-simd1.wasm 3f2a9c1e-app.js B07XJ8C8-page.js q1w2e3r4.png
""".split()  # noqa: SIM905


def known(files: Iterable[str], contents: dict[str, bytes] | None = None) -> HashedNames:
    held = {path: (contents or {}).get(path, b"") for path in files}
    facts = {path: (hashlib.sha256(content).hexdigest(), len(content)) for path, content in held.items()}
    return find_hashed(facts, lambda path, _: held[path])


def build(*forms: tuple[str, str, int, int]) -> list[str]:
    """Returns files in these forms: the places of the word and the hash, the hash's alphabet and length, and the number
    of files."""
    chance = random.Random(str(forms))
    return [
        form.format(w=f"{chance.choice(WORDS)}{number}", h="".join(chance.choices(alphabet, k=length)))
        for form, alphabet, length, count in forms
        for number in range(count)
    ]


BUILDS = {
    "vite": build(
        ("assets/{w}-{h}.js", BASE64, 8, 300),
        ("assets/{w}-{h}.css", BASE64, 8, 60),
        ("assets/{w}-{h}.png", BASE64, 8, 30),
    ),
    "vite, assetsDir ''": build(("{w}-{h}.js", BASE64, 8, 300), ("{w}-{h}.css", BASE64, 8, 60)),
    "vitepress": [
        *build(("assets/{w}.md.{h}.js", BASE64, 8, 200), ("assets/{w}.md.{h}.lean.js", BASE64, 8, 200)),
        *build(("assets/chunks/{w}.{h}.js", BASE64, 8, 60), ("assets/{w}.{h}.woff2", BASE64, 8, 12)),
        *build(("assets/{w}.{h}.css", BASE64, 8, 2), ("assets/{w}.{h}.js", BASE64, 8, 4)),
    ],
    "sveltekit": build(
        ("_app/immutable/chunks/{h}.js", BASE64, 8, 300),
        ("_app/immutable/nodes/{w}.{h}.js", BASE64, 8, 100),
        ("_app/immutable/assets/{w}.{h}.css", BASE64, 8, 50),
        ("_app/immutable/assets/{w}.{h}.png", BASE64, 8, 30),
    ),
    "astro": build(
        ("_astro/{w}.{h}.js", BASE64, 8, 300),
        ("_astro/{w}.{h}_1LX6tp.webp", BASE64, 8, 50),
        ("_astro/{w}.{h}_Z1WHWQj.webp", BASE64, 8, 50),
        ("_astro/{w}.{h}.css", BASE64, 8, 9),
    ),
    "nuxt": build(("_nuxt/{h}.js", BASE64, 8, 300), ("_nuxt/{w}.{h}.css", BASE64, 8, 100)),
    "next": [
        *build(
            ("_next/static/chunks/{h}.js", TURBOPACK, 13, 300), ("_next/static/chunks/app/{w}-{h}.js", HEX, 16, 200)
        ),
        *build(("_next/static/media/{w}.{h}.png", TURBOPACK, 13, 20), ("_next/static/css/{h}.css", HEX, 16, 30)),
        *build(("_next/static/media/{h}-s.p.woff2", HEX, 16, 9), ("_next/static/{h}/_buildManifest.js", BASE64, 21, 2)),
    ],
    "angular": [
        *build(("chunk-{h}.js", BASE32, 8, 300), ("main-{h}.js", BASE32, 8, 1), ("polyfills-{h}.js", BASE32, 8, 1)),
        *build(("styles-{h}.css", BASE32, 8, 1), ("media/{w}-{h}.woff2", BASE32, 8, 6)),
    ],
    "webpack": build(
        ("static/js/{w}.{h}.chunk.js", HEX, 8, 300),
        ("static/css/{w}.{h}.css", HEX, 8, 60),
        ("static/media/{w}.{h}.svg", HEX, 20, 40),
        ("{h}.png", HEX, 20, 60),
    ),
    "rsbuild": build(("static/js/async/{w}.{h}.js", HEX, 10, 300), ("static/image/{w}.{h}.png", HEX, 10, 50)),
    "rspack, ten characters": build(
        ("static/js/{w}.{h}.js", BASE64, 10, 300), ("static/css/{w}.{h}.css", BASE64, 10, 9)
    ),
    "parcel": build(("{w}.{h}.js", HEX, 8, 300), ("{w}.{h}.css", HEX, 8, 60), ("{w}.{h}.png", HEX, 8, 60)),
    "expo": build(
        ("_expo/static/js/web/{w}-{h}.js", HEX, 32, 200),
        ("assets/node_modules/x/{w}.{h}@2x.png", HEX, 32, 100),
        ("assets/{w}.{h}.ttf", HEX, 32, 100),
    ),
    "eleventy-img": build(("img/{h}-343.webp", BASE64, 10, 300), ("img/{h}-800.jpeg", BASE64, 10, 300)),
    "hugo": build(("p/{w}_hu_{h}.webp", HEX, 16, 300), ("p/{w}_hu_{h}.png", HEX, 15, 100)),
    "mkdocs-material": build(
        ("assets/javascripts/{w}.{h}.min.js", HEX, 8, 200), ("assets/stylesheets/{w}.{h}.min.css", HEX, 8, 100)
    ),
    "pagefind": build(
        ("pagefind/fragment/en_{h}.pf_fragment", HEX, 7, 60),
        ("docs/pagefind/index/pt-br_{h}.pf_index", HEX, 7, 9),
        ("pagefind/pagefind.en_{h}.pf_meta", HEX, 10, 1),
    ),
    "unity": [
        *build(("Build/{h}.data.br", HEX, 32, 9), ("Build/{h}.framework.js.br", HEX, 32, 9)),
        *build(("game/Build/{h}.wasm.gz", HEX, 32, 9), ("Build/{h}.wasm.code.unityweb", HEX, 32, 9)),
    ],
    "observable": [
        *build(("_import/{w}.{h}.js", HEX, 8, 60), ("_npm/{w}@1.2.3/{h}.js", HEX, 8, 60)),
        *build(("_observablehq/{w}.{h}.js", HEX, 8, 4), ("_node/{w}@4.0.0/index.{h}.js", HEX, 8, 9)),
    ],
    "stencil": [
        *build(("build/p-{h}.entry.js", HEX, 8, 60), ("build/p-{h}.js", BASE64, 8, 60)),
        *build(("build/p-{h}.system.entry.js", HEX, 8, 60), ("build/p-{h}.css", BASE64, 8, 1)),
    ],
    "docusaurus": [
        *build(("assets/js/{w}.{h}.js", HEX, 8, 300), ("assets/css/styles.{h}.css", HEX, 8, 1)),
        *build(("assets/js/runtime~main.{h}.js", HEX, 8, 1), ("assets/images/{w}-{h}.png", HEX, 32, 60)),
    ],
}

WITH_REFERENCES = {
    "gatsby": build(("{w}-{h}.js", HEX, 20, 60), ("static/{w}-{h}.png", HEX, 32, 20)),
    "trunk": build(("{w}-{h}.js", HEX, 16, 1), ("{w}-{h}_bg.wasm", HEX, 16, 1)),
    "dioxus": build(("assets/{w}-dxh{h}.js", HEX, 16, 9), ("assets/{w}-dxh{h}.png", HEX, 16, 9)),
    "umi": build(("umi.{h}.js", HEX, 8, 1), ("p__{w}.{h}.async.js", HEX, 8, 60)),
    "blazor": build(
        ("_framework/dotnet.{h}.js", "0123456789abcdefghij", 10, 1), ("_framework/{w}.{h}.wasm", HEX, 10, 99)
    ),
    "nuxt 2": build(("_nuxt/{h}.js", HEX, 7, 60), ("_nuxt/img/{w}.{h}.png", HEX, 7, 9)),
    "vue cli": build(("js/{w}.{h}.js", HEX, 8, 60), ("img/{w}.{h}.png", HEX, 8, 40), ("fonts/{w}.{h}.ttf", HEX, 8, 9)),
    "rspack": build(("{w}.{h}.js", HEX, 16, 40), ("{h}.png", HEX, 16, 20)),
    "vite, [hash] alone": build(("assets/{h}.js", BASE64, 8, 200), ("assets/{h}.css", BASE64, 8, 20)),
    "vite, [name]_[hash]": build(("assets/{w}_{h}.js", BASE64, 8, 200), ("assets/{w}_{h}.css", BASE64, 8, 20)),
    "leptos": build(("pkg/{w}.{h}.js", BASE64, 22, 1), ("pkg/{w}.{h}.css", BASE64, 22, 1)),
    "bun": build(("{w}-{h}.js", CROCKFORD, 8, 60), ("{w}-{h}.css", CROCKFORD, 8, 30)),
    "bun, [hash] alone": build(("assets/{h}.js", CROCKFORD, 8, 60), ("assets/{h}.css", CROCKFORD, 8, 30)),
    "esbuild, [hash] alone": build(("chunks/{h}.js", BASE32, 8, 60), ("chunks/{h}.css", BASE32, 8, 30)),
    "webpack, six digits": build(("{w}.{h}.js", HEX, 6, 60), ("{w}.{h}.css", HEX, 6, 9), ("{w}.{h}.png", HEX, 6, 20)),
    "webpack, [name]_[hash:12]": build(("s/{w}_{h}.js", HEX, 12, 60), ("s/{w}_{h}.svg", HEX, 12, 20)),
    "webpack, [hash].[name]": build(("{h}.{w}.js", HEX, 8, 60), ("{h}.{w}.css", HEX, 8, 20)),
    "webpack, [hash]-[name]": build(("{h}-{w}.js", HEX, 20, 60), ("{h}-{w}.css", HEX, 20, 20)),
    "vite, [hash]-[name]": build(("{h}-{w}.js", BASE64, 8, 60), ("{h}-{w}.css", BASE64, 8, 20)),
    "vite, [hash:21]": build(("c/{w}.{h}.js", BASE64, 21, 60), ("c/{w}.{h}.css", BASE64, 21, 20)),
    "django": build(("static/{w}.{h}.js", HEX, 12, 60), ("static/{w}.{h}.css", HEX, 12, 9)),
}


def naming(files: list[str]) -> dict[str, bytes]:
    """Returns the contents of the files. The page refers to the first script, which refers to all other scripts."""
    entry = next(file for file in files if file.endswith(".js"))
    names = [file.rsplit("/", 1)[-1] for file in files]
    return {
        "index.html": f'<script type="module" src="/{entry}"></script>'.encode(),
        entry: ";".join(f'import("./{name}")' for name in names).encode(),
    }


@pytest.mark.parametrize("tool", sorted(set(BUILDS) - {"eleventy-img", "hugo", "pagefind", "unity"}))
def test_nearly_all_of_what_a_tool_hashes_is_known_where_its_files_name_each_other(tool: str) -> None:
    files = BUILDS[tool]
    found = known([*files, "index.html"], naming(files)).known
    assert len(set(files) - found) <= 0.03 * len(files)


@pytest.mark.parametrize("tool", sorted(WITH_REFERENCES))
def test_rare_hash_forms_are_recognised_where_files_name_each_other(tool: str) -> None:
    files = WITH_REFERENCES[tool]
    assert len(set(files) - known([*files, "index.html"], naming(files)).known) <= 0.05 * len(files)


@pytest.mark.parametrize("tool", sorted(BUILDS))
def test_nearly_all_hashed_files_of_a_build_are_recognised_by_their_names(tool: str) -> None:
    files = BUILDS[tool]
    assert len(set(files) - known([*files, "index.html"]).known) <= 0.035 * len(files)


def test_less_than_three_in_a_hundred_hashed_files_of_all_builds_are_missed() -> None:
    lost = sum(len(set(files) - known(files).known) for files in BUILDS.values())
    assert lost <= 0.02 * sum(map(len, BUILDS.values()))


def test_no_name_that_somebody_typed_is_taken_for_a_hash() -> None:
    assert known([*TYPED, "index.html"]).known == set()
    for path in TYPED:
        assert known([path, "index.html"]).known == set()


@pytest.mark.parametrize("tool", sorted(BUILDS))
def test_a_handwritten_name_among_the_files_of_a_build_does_not_count_as_hashed(tool: str) -> None:
    files = BUILDS[tool]
    contents = naming(files) if any(file.endswith(".js") for file in files) else {}
    assert not known([*files, *TYPED, "index.html"], contents).known & set(TYPED)


def test_a_file_that_a_page_refers_to_may_be_typed_by_a_person() -> None:
    files = BUILDS["vite"]
    contents = naming(files)
    contents["index.html"] += "".join(f'<img src="/{path}">' for path in TYPED).encode()
    assert not known([*files, *TYPED, "index.html"], contents).known & set(TYPED)


def test_a_script_that_only_a_page_names_counts_as_handwritten_unless_a_tool_wrote_the_element() -> None:
    path = "js/app-arm64-v8.js"
    assert known([path, "index.html"], {"index.html": b'<script src="/js/app-arm64-v8.js">'}).known == set()
    entry = b'<script type="module" crossorigin src="/js/app-arm64-v8.js">'
    assert known([path, "index.html"], {"index.html": entry}).known == {path}


@pytest.mark.parametrize("name", ["q-manifest.json", "build/.vite/manifest.json", "rev-manifest.json"])
def test_scripts_that_only_a_list_by_the_build_tool_names_are_known(name: str) -> None:
    files = build(("build/q-{h}.js", BASE64, 8, 60))
    listed = json.dumps({f"s_{number}": file.rpartition("/")[2] for number, file in enumerate(files)}).encode()
    assert len(set(files) - known([*files, name], {name: listed}).known) <= 0.03 * len(files)


@pytest.mark.parametrize("path", ["js/app-3f2a9c1e.js", "css/theme-f0f0f0ff.css", "js/gtm-TX4B7QW9.js", "3f2a9c1e.js"])
def test_one_script_or_style_alone_needs_more_than_a_name_in_a_page_or_in_a_script_without_a_hash(path: str) -> None:
    name = path.rpartition("/")[2].encode()
    page = b'<link href="/%s"><script src="/js/site.js"></script>' % path.encode()
    files = {path: b"", "js/site.js": b'load("%s")' % name, "js/menu.js": b"", "index.html": page}
    assert known(files, files).known == set()


@pytest.mark.parametrize(
    "content",
    [
        b"//# sourceMappingURL=app.3f2a9c1e.js.map",
        b"/*! see app.3f2a9c1e.js.LICENSE.txt */",
        b"(self.webpackChunkshop=self.webpackChunkshop||[])",
        b'import("./about.7c1d02be.js")',
    ],
)
def test_a_script_that_a_build_tool_wrote_is_known_alone(content: bytes) -> None:
    files = {"app.3f2a9c1e.js": content, "index.html": b"<script type=module src=/app.3f2a9c1e.js></script>"}
    assert known([*files, "about.7c1d02be.js"], files).known >= {"app.3f2a9c1e.js"}


def test_a_script_named_with_one_typed_word_counts_as_handwritten_although_it_names_hashed_files() -> None:
    files = {
        "vs/json/jsonMode.js": b'import("../about.7c1d02be.js")',
        "vs/loader.js": b'require("./json/jsonMode.js")',
        "index.html": b'<script src="/vs/loader.js"></script>',
    }
    assert "vs/json/jsonMode.js" not in known([*files, "vs/about.7c1d02be.js"], files).known


@pytest.mark.parametrize(
    "names",
    [
        ["theme-extensions.css"],
        ["app.external.js"],
        ["app-TextView.js"],
        ["ui-LazyGzip.js"],
        ["app.DatePickerDialog.js"],
        [
            "store-navtab30.js",
            "page-nav_filter_old_input.js",
            "api-input-next-image-tab.js",
            "new-user_tab_view_filter.js",
        ],
        ["app-backdrop.js", "app-lightbox.js", "app-workflow.js", "app-explorer.js", "app-injected.js"],
        ["app.external.js", "app.adjusted.js", "app.subjects.js", "app.abstract.js", "app.HttpJson.js"],
        ["app-expression.js", "app-algorithms.js", "app-background.js", "app-downstream.js"],
    ],
)
def test_words_do_not_count_as_hashes_although_a_build_tool_wrote_the_files(names: list[str]) -> None:
    page = "".join(f'<script src="/{name}"></script><link href="/{name}">' for name in names).encode()
    files = {name: f"//# sourceMappingURL={name}.map".encode() for name in names} | {"index.html": page}
    assert known([*files, *(f"{name}.map" for name in names)], files).known == set()


def test_an_entry_that_a_page_loads_as_a_module_from_vites_folder_is_known() -> None:
    page = b'<script type="module" src="/assets/index-3f2a9c1e.js"></script>'
    assert known(["assets/index-3f2a9c1e.js", "index.html"], {"index.html": page}).known == {"assets/index-3f2a9c1e.js"}


def test_scripts_that_share_the_hash_of_a_build_are_known_where_its_runtime_has_that_hash() -> None:
    hashed = {f"async/{number}.8ca1d38c.{suffix}" for number in range(9) for suffix in ("js", "css")}
    entry = "index.8ca1d38c.js"
    page = b'<script defer src="/index.8ca1d38c.js"></script>'
    files = {entry: b'u=e=>e+"."+h().slice(0,8),h=()=>"8ca1d38c15aa02b9c7de"', "index.html": page}
    assert known([*files, *hashed], files).known == {entry, *hashed}


def test_a_commit_id_in_a_name_is_no_hash_although_a_script_contains_the_id() -> None:
    files = {
        "js/app-3f2a9c1e.js": b'window.VERSION = "3f2a9c1e9b1d4c5e8f7a6b5c4d3e2f1a0b9c8d7e"',
        "index.html": b'<script src="/js/app-3f2a9c1e.js"></script>',
    }
    assert known(files, files).known == set()


def test_scripts_that_only_pages_name_are_peoples_own_however_many() -> None:
    names = [path for path in TYPED if path.endswith((".js", ".css"))]
    page = "".join(f'<script src="/{path}"></script>' for path in names).encode()
    assert known([*names, "index.html"], {"index.html": page}).known == set()


def test_a_hash_of_the_content_is_recognised_in_every_folder() -> None:
    digest = hashlib.sha256(b"body{}").hexdigest()
    files = {f"css/main.min.{digest}.css": digest, f"layers/x.{'ab' * 32}.json": digest}
    assert find_hashed({path: (sha, 6) for path, sha in files.items()}, lambda *_: b"").known == {
        f"css/main.min.{digest}.css"
    }


CONTENT = bytes(range(256)) * 3
PROVEN = {
    "mdBook": f"fonts/fonts-{hashlib.sha256(CONTENT).hexdigest()[:8]}.woff2",
    "Observable": f"_file/sales.{hashlib.sha256(CONTENT).hexdigest()[:8]}.csv",
    "Hugo": f"css/main.min.{hashlib.sha512(CONTENT).hexdigest()}.css",
    "Phoenix": f"images/logo-{hashlib.md5(CONTENT).hexdigest()}.svg",
    "Django": f"static/base.{hashlib.md5(CONTENT).hexdigest()[:12]}.css",
    "Unity": f"Build/{hashlib.md5(CONTENT).hexdigest()}.data",
    "Propshaft": f"assets/logo-{hashlib.sha1(CONTENT).hexdigest()[:8]}.png",
    # The tools wrote these names for this content.
    "Farm": f"logo.{hashlib.sha256(CONTENT).hexdigest()[:8]}-054d1a.png",
    "webpack, [contenthash]/[name]": f"img/{hashlib.sha256(CONTENT).hexdigest()[:16]}/logo.png",
    "Rspack": "static/image/logo.8e03c838c596036f.png",
    "esbuild": "logo-RYB4QOGF.png",
    "Vite": "assets/logo-BKWJZEf6.png",
    "Bun": "logo-rnqjey6x.png",
}


@pytest.mark.parametrize("tool", PROVEN)
def test_a_hash_of_the_content_is_proof_in_every_spelling_of_the_tools(tool: str) -> None:
    path = PROVEN[tool]
    files = {path: (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))}
    assert find_hashed(files, lambda *_: CONTENT).known == {path}
    other = CONTENT + b"!"
    assert find_hashed({path: (hashlib.sha256(other).hexdigest(), len(other))}, lambda *_: other).known == set()


def test_a_hash_of_the_content_as_the_dotnet_sdk_writes_it_is_proof_in_a_build_of_blazor() -> None:
    # The SDK wrote these hashes for files with these SHA-256, in the application BlazorServiceWorkerDemo.
    script = ("SpawnDev.BlazorJS.2htzozka3f.lib.module.js", "CjwgItoyheD/tAPt4H9wK+LxY/cO7KM3e0uy51lfuoA=")
    style = ("_content/Demo/Demo.uk7kzn4zdz.bundle.scp.css", "XiJMR0fqf2okuSl/adlSVrcuQsJwUj7L1LZ2XoENtSQ=")
    files = {name: (base64.b64decode(digest).hex(), 9) for name, digest in (script, style)}
    files["App.2htzozka3f.styles.css"] = files[style[0]]
    assert find_hashed(files, lambda *_: b"").known == set()
    dotnet = {"_framework/dotnet.js": (hashlib.sha256(b"").hexdigest(), 9)}
    assert find_hashed(files | dotnet, lambda *_: b"").known == {script[0], style[0]}


def test_an_unproven_picture_among_proven_pictures_is_not_hashed() -> None:
    contents = {
        "index.html": b'<script type="module" crossorigin src="/assets/index-DkJ3kd9a.js"></script>',
        "assets/index-DkJ3kd9a.js": b'u="./logo-BKWJZEf6.png"; v="./hero-aX9kQ2_b.png"',
        "assets/logo-BKWJZEf6.png": CONTENT,
        "assets/hero-aX9kQ2_b.png": b"x",
    }
    assert known(contents, contents).known == {"assets/index-DkJ3kd9a.js", "assets/logo-BKWJZEf6.png"}


def test_the_number_of_hashed_files_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel.bundles.content_hashes.MOST_FILES", 10)
    read: list[str] = []
    files = {f"d/{number:08x}.json": ("0" * 64, 9) for number in range(10**7, 10**7 + 500)}
    find_hashed(files, lambda path, _: read.append(path) or b"")  # type: ignore[func-returns-value]
    assert len(read) == 10


@pytest.mark.parametrize("name", SITES)
def test_exactly_the_hashed_files_of_a_real_build_are_recognised(name: str) -> None:
    with zipfile.ZipFile(site_zip(name)) as archive:
        paths = [info.filename for info in archive.infolist() if not info.is_dir()]
        facts = {
            path: (hashlib.sha256(archive.read(path)).hexdigest(), archive.getinfo(path).file_size) for path in paths
        }
        found = find_hashed(facts, lambda path, _: archive.read(path)).known
    folders = ("assets/", "_astro/", "_app/immutable/", "_next/static/")
    assert found == {path for path in paths if any(folder in path for folder in folders)}


def test_many_folders_are_judged_in_one_pass_each() -> None:
    names = [f"d{number}/{name}" for number in range(3_000) for name in ("main-AB2CDE3F.js", "x-aB3_xY9k.png", "a.css")]
    known(names)
    known([f"{'.min' * 60}{number}.js" for number in range(1_000)])
    known([f"{'_app/immutable/' * 19}{number}.js" for number in range(1_000)])


@pytest.mark.parametrize("filler", [b"x", b".js", b'"0123456', b"a.js-", b"-_."])
def test_files_are_looked_through_in_one_pass_whatever_they_hold(filler: bytes) -> None:
    names = build(("assets/{w}.{h}.js", HEX, 8, 8))
    content = filler * (1024 * 1024 // len(filler)) + naming(names)[names[0]]
    assert known([*names, "index.html"], {names[0]: content}).known == set(names[1:])


def test_the_limit_on_reading_holds_however_many_names_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("easel.bundles.references.MOST_READ", 100_000)
    given = []

    def read(path: str, most: int) -> bytes:
        given.append(most)
        return b'"a.js" "00000000" ' * 2_000

    files = {f"s/{number}.js": ("0" * 64, 36_000) for number in range(500)} | {"z/q-1a2b3c4f.js": ("0" * 64, 9)}
    find_hashed(files, read)
    assert given[:3] == [100_000, 64_000, 28_000]
    assert given[3:] == [9]  # This read is for hashing the file.
