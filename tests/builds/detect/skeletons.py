"""The files from build tools' templates that show how they are built, recorded in November 2026."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

Files = Mapping[str, str]


def package(build: str | None = None, *dependencies: str, scripts: Mapping[str, str] | None = None, **more: Any) -> str:
    """Returns a package.json with a build script and dependencies."""
    all_scripts = {**({"build": build} if build else {}), **(scripts or {})}
    return json.dumps({"name": "app", "scripts": all_scripts, "dependencies": dict.fromkeys(dependencies, "*"), **more})


def write(folder: Path, files: Files) -> Path:
    """Returns the folder with these files in it."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


ANGULAR: Final = json.dumps(
    {
        "version": 1,
        "cli": {"packageManager": "npm"},
        "newProjectRoot": "projects",
        "projects": {
            "shop": {
                "projectType": "application",
                "root": "",
                "sourceRoot": "src",
                "architect": {
                    "build": {"builder": "@angular/build:application", "options": {"browser": "src/main.ts"}}
                },
            }
        },
    }
)

STATIC: Final[Mapping[str, tuple[Files, str, str, str]]] = {
    "vite": (
        {
            "package.json": package("tsc -b && vite build", "vite", "@vitejs/plugin-react", "react"),
            "index.html": '<script type="module" src="/src/main.tsx"></script>',
            "vite.config.ts": "export default defineConfig({\n  plugins: [react()],\n})\n",
        },
        "vite",
        "npm run build",
        "dist",
    ),
    "vite with a folder of its own": (
        {
            "package.json": package("vite build", "vite"),
            "index.html": "",
            "vite.config.js": "export default { build: { outDir: './web' } } // outDir: 'no'",
        },
        "vite",
        "npm run build",
        "web",
    ),
    "vue": (
        {
            "package.json": package(
                'run-p type-check "build-only {@}" --', "vite", "vue", scripts={"build-only": "vite build"}
            ),
            "index.html": "",
        },
        "vite",
        "npm run build",
        "dist",
    ),
    "next": (
        {
            "package.json": package("next build", "next", "react", "react-dom"),
            "next.config.ts": 'const nextConfig: NextConfig = {\n  output: "export",\n};\nexport default nextConfig;\n',
        },
        "next",
        "npm run build",
        "out",
    ),
    "next into another folder": (
        {
            "package.json": package("next build", "next"),
            "next.config.mjs": "export default { output: 'export', distDir: 'dist' }",
        },
        "next",
        "npm run build",
        "dist",
    ),
    "next before 13": (
        {"package.json": package("next build", "next", scripts={"export": "next export"})},
        "next",
        "npm run build && npm run export",
        "out",
    ),
    "astro": (
        {
            "package.json": package("astro build", "astro", scripts={"astro": "astro"}),
            "astro.config.mjs": "export default defineConfig({});",
        },
        "astro",
        "npm run build",
        "dist",
    ),
    "sveltekit": (
        {
            "package.json": package("vite build", "@sveltejs/kit", "@sveltejs/adapter-static", "vite", "svelte"),
            "svelte.config.js": "import adapter from '@sveltejs/adapter-static';\n"
            "export default { kit: { adapter: adapter() } };",
        },
        "sveltekit",
        "npm run build",
        "build",
    ),
    "nuxt": (
        {
            "package.json": package("nuxt build", "nuxt", "vue", scripts={"generate": "nuxt generate"}),
            "nuxt.config.ts": "export default defineNuxtConfig({ compatibilityDate: '2026-07-15' })",
        },
        "nuxt",
        "npm run generate",
        ".output/public",
    ),
    "nuxt without a script for it": (
        {"package.json": package("nuxt build", "nuxt"), "nuxt.config.ts": ""},
        "nuxt",
        "npx --no-install nuxt generate",
        ".output/public",
    ),
    "docusaurus": (
        {"package.json": package("docusaurus build", "@docusaurus/core"), "docusaurus.config.ts": ""},
        "docusaurus",
        "npm run build",
        "build",
    ),
    "eleventy": (
        {"package.json": package(None, "@11ty/eleventy"), "eleventy.config.js": "", "index.md": "# home"},
        "eleventy",
        "npx --no-install eleventy",
        "_site",
    ),
    "eleventy into another folder": (
        {
            "package.json": package("npx @11ty/eleventy", "@11ty/eleventy"),
            ".eleventy.js": "module.exports = () => ({ dir: { input: 'src', output: 'www' } })",
        },
        "eleventy",
        "npm run build",
        "www",
    ),
    "angular": (
        {
            "package.json": package("ng build", "@angular/core", "@angular/cli", "@angular/build"),
            "angular.json": ANGULAR,
        },
        "angular",
        "npm run build",
        "dist/shop/browser",
    ),
    "react router": (
        {
            "package.json": package("react-router build", "@react-router/dev", "react-router", "vite"),
            "react-router.config.ts": "export default {\n  // Server-side render by default\n  ssr: false,\n}",
        },
        "react-router",
        "npm run build",
        "build/client",
    ),
    "tanstack start": (
        {
            "package.json": package("vite build", "@tanstack/react-start", "@tanstack/react-router", "vite", "nitro"),
            "vite.config.ts": "tanstackStart({ spa: { enabled: true } })",
        },
        "tanstack-start",
        "npm run build",
        "dist/client",
    ),
    "vitepress": (
        {
            "package.json": package("vite build", "vite", "vitepress", scripts={"docs:build": "vitepress build docs"}),
            "docs/.vitepress/config.mts": "export default defineConfig({})",
        },
        "vitepress",
        "npm run docs:build",
        "docs/.vitepress/dist",
    ),
    "vitepress without a script": (
        {"package.json": package(None, "vitepress"), "guide/.vitepress/config.mts": ""},
        "vitepress",
        "npx --no-install vitepress build guide",
        "guide/.vitepress/dist",
    ),
    "gatsby": (
        {"package.json": package("gatsby build", "gatsby"), "gatsby-config.ts": ""},
        "gatsby",
        "npm run build",
        "public",
    ),
    "expo": (
        {
            "package.json": package(None, "expo", "react-native", scripts={"start": "expo start"}),
            "app.json": '{"expo":{}}',
        },
        "expo",
        "npx --no-install expo export -p web",
        "dist",
    ),
    "rsbuild": (
        {"package.json": package("rsbuild build", "@rsbuild/core"), "rsbuild.config.ts": ""},
        "rsbuild",
        "npm run build",
        "dist",
    ),
    "parcel": (
        {"package.json": package("parcel build", "parcel"), "src/index.html": ""},
        "parcel",
        "npm run build",
        "dist",
    ),
    "create react app": (
        {"package.json": package("react-scripts build", "react-scripts"), "public/index.html": "%PUBLIC_URL%"},
        "create-react-app",
        "npm run build",
        "build",
    ),
    "vue cli": (
        {
            "package.json": package("vue-cli-service build", "@vue/cli-service"),
            "vue.config.js": "module.exports = { outputDir: 'www' }",
            "public/index.html": "<%= BASE_URL %>",
        },
        "vue-cli",
        "npm run build",
        "www",
    ),
    "webpack": (
        {"package.json": package("webpack --mode=production", "webpack"), "src/index.html": ""},
        "webpack",
        "npm run build",
        "dist",
    ),
    "solid start": (
        {"package.json": package("vite build", "@solidjs/start", "vite"), "vite.config.ts": ""},
        "solid-start",
        "npm run build",
        ".output/public",
    ),
    "qwik": (
        {
            "package.json": package("qwik build", "@builder.io/qwik", "@builder.io/qwik-city", "vite"),
            "adapters/static/vite.config.ts": "",
        },
        "qwik",
        "npm run build",
        "dist",
    ),
    "storybook": (
        {"package.json": package(None, "storybook", scripts={"build-storybook": "storybook build"})},
        "storybook",
        "npm run build-storybook",
        "storybook-static",
    ),
    "hexo": (
        {"package.json": package("hexo generate", "hexo"), "_config.yml": "public_dir: web"},
        "hexo",
        "npm run build",
        "web",
    ),
    "hugo": (
        {"hugo.toml": 'baseURL = "https://x.example"\n', "content/_index.md": ""},
        "hugo",
        "hugo",
        "public",
    ),
    "mkdocs": ({"mkdocs.yml": "site_name: Docs\n", "docs/index.md": ""}, "mkdocs", "mkdocs build", "site"),
    "mkdocs into another folder": (
        {"mkdocs.yml": "site_name: Docs\nsite_dir: public\nx: !!python/name:os.system\n", "docs/index.md": ""},
        "mkdocs",
        "mkdocs build",
        "public",
    ),
    "zensical": (
        {"zensical.toml": '[project]\nsite_name = "Docs"\n', "docs/index.md": ""},
        "zensical",
        "zensical build",
        "site",
    ),
    "sphinx": (
        {"docs/conf.py": "project = 'x'\nextensions = ['myst_parser']\nhtml_theme = 'furo'\n", "docs/index.rst": ""},
        "sphinx",
        "sphinx-build -b html docs docs/_build/html",
        "docs/_build/html",
    ),
    "pelican": (
        {"pelicanconf.py": "SITENAME = 'x'\nOUTPUT_PATH = 'www/'\n", "content/a.md": ""},
        "pelican",
        "pelican content",
        "www",
    ),
}
"""Static projects: their files, framework, build command and first output."""

NOT_STATIC: Final[Mapping[str, tuple[Files, tuple[str, ...]]]] = {
    "next": (
        {
            "package.json": package("next build", "next"),
            "next.config.ts": "const nextConfig = {\n  /* output: 'export' */\n  cacheComponents: true,\n};",
        },
        ("next.config.ts has no `output: 'export'`", "`output: 'export',`", "`images: { unoptimized: true },`"),
    ),
    "next without a configuration": (
        {"package.json": package("next build", "next")},
        ("there is no next.config", "`output: 'export',`", "next.config.js"),
    ),
    "sveltekit": (
        {
            "package.json": package("vite build", "@sveltejs/kit", "@sveltejs/adapter-auto", "vite"),
            "vite.config.ts": "import adapter from '@sveltejs/adapter-auto';\n"
            "export default sveltekit({ adapter: adapter() })",
        },
        ("vite.config.ts uses @sveltejs/adapter-auto", "adapter-static';` in vite.config.ts", "prerender = true;`"),
    ),
    "sveltekit, older": (
        {
            "package.json": package("vite build", "@sveltejs/kit", "@sveltejs/adapter-node", "vite"),
            "svelte.config.js": 'import adapter from "@sveltejs/adapter-node";',
        },
        ("svelte.config.js uses @sveltejs/adapter-node", "npm install -D @sveltejs/adapter-static"),
    ),
    "react router": (
        {
            "package.json": package("react-router build", "@react-router/dev"),
            "react-router.config.ts": "export default {\n  // to enable SPA mode: ssr: false\n  ssr: true,\n}",
        },
        ("`ssr: true`", "`ssr: false,` to the configuration in react-router.config.ts"),
    ),
    "remix": (
        {"package.json": package("remix vite:build", "@remix-run/dev"), "vite.config.ts": "remix()"},
        ("Remix renders", "`ssr: false`"),
    ),
    "qwik": (
        {"package.json": package("qwik build", "@builder.io/qwik", "@builder.io/qwik-city")},
        ("no adapter", "`npm run qwik add static`"),
    ),
}
"""Projects that need a server, and words of the refusal."""
