"""Builds the sites next to this script, and zips the outputs of their build tools, as a person would.

Needs Python 3.11, Node 20 or newer with npm, and Info-ZIP's `zip`. Packages come from the registry in npm's
configuration. The builds themselves need no network. Usage: `build.py [NAME ...] [--lock]`. Without names, builds every
site.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent

# Turns off telemetry.
QUIET = {"ASTRO_TELEMETRY_DISABLED": "1", "NEXT_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "CI": "1"}


@dataclass(frozen=True)
class SiteBuild:
    """One zip: its source, the output folder of the build, and the way that folder is zipped."""

    name: str
    source: str
    output: str
    label: str
    with_top_folder: bool = False


BUILDS = (
    SiteBuild("react-v1", "react", "dist", "v1"),
    SiteBuild("react-v2", "react", "dist", "v2"),
    SiteBuild("next", "next", "out", "v1"),
    SiteBuild("astro", "astro", "dist", "v1", with_top_folder=True),
    SiteBuild("sveltekit", "sveltekit", "build", "v1"),
    SiteBuild("documents", "pages", "dist/documents", "v1"),
    SiteBuild("angular-worker", "pages", "dist/angular", "v1"),
    SiteBuild("workbox", "pages", "dist/workbox", "v1"),
)


def main() -> None:
    """Builds the sites that the command line lists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="zips to make: " + ", ".join(b.name for b in BUILDS))
    parser.add_argument("--lock", action="store_true", help="settle the lock files anew from package.json")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {b.name for b in BUILDS}
    if unknown:
        parser.error(f"no such site: {', '.join(sorted(unknown))}")
    chosen = [b for b in BUILDS if not arguments.names or b.name in arguments.names]
    for source in dict.fromkeys(b.source for b in chosen):
        build_source(source, [b for b in chosen if b.source == source], relock=arguments.lock)


def build_source(source: str, builds: list[SiteBuild], *, relock: bool) -> None:
    """Installs the packages of one source in a scratch copy, and then makes each of its zips. The repository's tree
    stays clean."""
    with tempfile.TemporaryDirectory(prefix="easel-site-") as scratch:
        work = Path(scratch) / source
        shutil.copytree(HERE / source, work, ignore=shutil.ignore_patterns("node_modules"))
        if relock:
            (work / "package-lock.json").unlink(missing_ok=True)
            run(["npm", "install", "--package-lock-only", "--ignore-scripts"], work)
            refuse_mentions(work / "package-lock.json", [registry_host(work)])
        run(["npm", "ci"], work)
        if relock:
            # This comes after the install, because `npm ci` refuses a lock file that lacks a package, such as a package
            # for another platform.
            shutil.copyfile(work / "package-lock.json", HERE / source / "package-lock.json")
        for build in builds:
            output = work / build.output
            shutil.rmtree(output, ignore_errors=True)
            run(["npm", "run", "build"], work, {"SITE_LABEL": build.label})
            for file in sorted(output.rglob("*")):
                if file.is_file():
                    refuse_mentions(file, [registry_host(work), scratch])
            pack(build, output)


def pack(build: SiteBuild, output: Path) -> None:
    """Zips the folder's contents, or the folder itself if this site is delivered in that form."""
    target = HERE / f"{build.name}.zip"
    target.unlink(missing_ok=True)
    cwd, what = (output.parent, output.name) if build.with_top_folder else (output, ".")
    run(["zip", "-q", "-r", str(target), what], cwd)
    count = sum(1 for file in output.rglob("*") if file.is_file())
    print(f"{target.name}: {count} files, {target.stat().st_size:,} bytes", flush=True)


def registry_host(cwd: Path) -> str:
    """Returns the host of the packages, which must not appear in committed files."""
    answer = subprocess.run(["npm", "config", "get", "registry"], cwd=cwd, check=True, capture_output=True, text=True)
    return urlsplit(answer.stdout.strip()).hostname or ""


def refuse_mentions(file: Path, unwanted: list[str]) -> None:
    """Stops if a file contains the registry or the scratch folder, because neither belongs in the repository."""
    content = file.read_bytes()
    for text in unwanted:
        if text and text.encode() in content:
            raise SystemExit(f"{file.name} mentions {text!r}")


def run(command: list[str], cwd: Path, extra: dict[str, str] | None = None) -> None:
    """Runs a command. If the command fails, stops the script with its output."""
    environment = {**os.environ, **QUIET, **(extra or {})}
    done = subprocess.run(
        command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")


if __name__ == "__main__":
    main()
