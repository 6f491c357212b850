"""Names that certainly contain a hash of their content: none that a person typed, and nearly all of a build's own.

The lists have the tools' own forms, with each tool's alphabet and length.
"""

from __future__ import annotations

import hashlib
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
""".split()  # noqa: SIM905


def known(files: Iterable[str], contents: dict[str, bytes] | None = None) -> HashedNames:
    held = {path: (contents or {}).get(path, b"") for path in files}
    return find_hashed({path: ("0" * 64, len(content)) for path, content in held.items()}, lambda path, _: held[path])


def build(*forms: tuple[str, str, int, int]) -> list[str]:
    """Files in these forms: the places of the word and the hash, the hash's alphabet and length, and the number of
    files."""
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
        ("_astro/{w}.{h}_1LX6tp.webp", BASE64, 8, 100),
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
    "docusaurus": [
        *build(("assets/js/{w}.{h}.js", HEX, 8, 300), ("assets/css/styles.{h}.css", HEX, 8, 1)),
        *build(("assets/js/runtime~main.{h}.js", HEX, 8, 1), ("assets/images/{w}-{h}.png", HEX, 32, 60)),
    ],
}


def naming(files: list[str]) -> dict[str, bytes]:
    """The contents of the files: the page names the first script, which names all others."""
    entry = next(file for file in files if file.endswith(".js"))
    names = [file.rsplit("/", 1)[-1] for file in files]
    return {
        "index.html": f'<script type="module" src="/{entry}"></script>'.encode(),
        entry: ";".join(f'import("./{name}")' for name in names).encode(),
    }


@pytest.mark.parametrize("tool", sorted(set(BUILDS) - {"eleventy-img", "hugo"}))
def test_nearly_all_of_what_a_tool_hashes_is_known_where_its_files_name_each_other(tool: str) -> None:
    files = BUILDS[tool]
    found = known([*files, "index.html"], naming(files)).known
    assert len(set(files) - found) <= 0.03 * len(files)


@pytest.mark.parametrize("tool", sorted(BUILDS))
def test_nearly_all_of_it_is_known_by_the_names_alone(tool: str) -> None:
    files = BUILDS[tool]
    assert len(set(files) - known([*files, "index.html"]).known) <= 0.035 * len(files)


def test_of_all_builds_together_less_than_three_in_a_hundred_are_lost() -> None:
    lost = sum(len(set(files) - known(files).known) for files in BUILDS.values())
    assert lost <= 0.02 * sum(map(len, BUILDS.values()))


def test_no_name_that_somebody_typed_is_taken_for_a_hash() -> None:
    assert known([*TYPED, "index.html"]).known == set()
    for path in TYPED:
        assert known([path, "index.html"]).known == set()


@pytest.mark.parametrize("tool", sorted(BUILDS))
def test_nor_is_it_among_the_files_of_a_build(tool: str) -> None:
    files = BUILDS[tool]
    contents = naming(files) if any(file.endswith(".js") for file in files) else {}
    assert not known([*files, *TYPED, "index.html"], contents).known & set(TYPED)


def test_what_a_page_names_may_have_been_put_there_by_hand() -> None:
    files = BUILDS["vite"]
    contents = naming(files)
    contents["index.html"] += "".join(f'<img src="/{path}">' for path in TYPED).encode()
    assert not known([*files, *TYPED, "index.html"], contents).known & set(TYPED)


def test_a_script_that_only_a_page_names_may_be_somebodys_own_unless_a_tool_wrote_the_element() -> None:
    path = "js/app-arm64-v8.js"
    assert known([path, "index.html"], {"index.html": b'<script src="/js/app-arm64-v8.js">'}).known == set()
    entry = b'<script type="module" crossorigin src="/js/app-arm64-v8.js">'
    assert known([path, "index.html"], {"index.html": entry}).known == {path}


def test_a_hash_that_is_the_contents_own_is_known_anywhere() -> None:
    digest = hashlib.sha256(b"body{}").hexdigest()
    files = {f"css/main.min.{digest}.css": digest, f"layers/x.{'ab' * 32}.json": digest}
    assert find_hashed({path: (sha, 6) for path, sha in files.items()}, lambda *_: b"").known == {
        f"css/main.min.{digest}.css"
    }


@pytest.mark.parametrize("name", SITES)
def test_of_a_real_build_every_hashed_file_is_known_and_no_other(name: str) -> None:
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


def test_no_more_is_read_than_there_is_to_be_read_however_many_names_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("easel.bundles.references.MOST_READ", 100_000)
    given = []

    def read(path: str, most: int) -> bytes:
        given.append(most)
        return b'"a.js" "00000000" ' * 2_000

    files = {f"s/{number}.js": ("0" * 64, 36_000) for number in range(500)} | {"z/q-1a2b3c4f.js": ("0" * 64, 9)}
    find_hashed(files, read)
    assert len(given) == 3
    assert given[-1] < 36_000
