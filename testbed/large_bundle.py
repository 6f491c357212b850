"""The large bundle: two npm packages with many files, zipped with a page that loads a script of one of the packages.

The bundle has about 2,500 files, 130 MB inflated. It is fetched once and cached. The repository does not contain it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("monaco-editor@0.52.2", "three@0.170.0")
ENTRY = "index.html"

_FETCH_SECONDS = 300
_OLDEST_TIME = (1980, 1, 1, 0, 0, 0)
_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Large bundle</title>
  </head>
  <body>
    <p>Edition <span id="edition">{edition}</span>, three.js <span id="revision">not loaded</span></p>
    <script type="module">
      import {{ REVISION }} from "./three/build/three.module.min.js";
      document.getElementById("revision").textContent = REVISION;
    </script>
  </body>
</html>
"""


class LargeBundleUnavailable(Exception):
    """The large bundle could not be made: npm is missing, or the packages could not be fetched."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the large bundle is not available: {reason}")
        self.reason = reason


def large_bundle(cache_dir: Path) -> Path:
    """Returns the zip of both packages, from the cache or newly made. `npm pack` fetches the packages from the registry
    in npm's configuration.

    The members are in the order of their names with one fixed time, so the zip is always the same. Raises
    LargeBundleUnavailable.
    """
    # npm runs in a separate folder, where a relative path would lead elsewhere.
    cache_dir = cache_dir.absolute()
    target = cache_dir / "large-bundle.zip"
    if not target.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir, prefix="packages-") as scratch:
            files = {ENTRY: _page(1)}
            for package in PACKAGES:
                files.update(files_of(fetched(package, Path(scratch)), package.partition("@")[0]))
        _write_zip(target, sorted(files.items()))
    return target


def changed_bundle(large: Path, cache_dir: Path) -> Path:
    """Returns the same zip with one file changed: the page at the root, in which `#edition` is 2 instead of 1."""
    target = cache_dir / f"{large.stem}-changed.zip"
    if not target.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(large) as source:
            names = source.namelist()
            _write_zip(target, ((name, _page(2) if name == ENTRY else source.read(name)) for name in names))
    return target


def _page(edition: int) -> bytes:
    return _PAGE.format(edition=edition).encode()


def fetched(package: str, folder: Path) -> Path:
    """Returns the package's tarball. npm writes it into a separate folder, and checks its digest."""
    npm = shutil.which("npm")
    if npm is None:
        raise LargeBundleUnavailable("npm is not installed")
    destination = folder / package
    destination.mkdir()
    retries = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    command = [npm, "pack", package, "--loglevel=error", *retries, "--pack-destination", str(destination)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise LargeBundleUnavailable(f"{package} did not arrive within {_FETCH_SECONDS} s") from None
    tarballs = list(destination.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        raise LargeBundleUnavailable(f"{package} could not be fetched: {_told(done)}")
    return tarballs[0]


def _told(done: subprocess.CompletedProcess[str]) -> str:
    """Returns npm's explanation in one line: its first few errors, which contain the cause."""
    told = [line.removeprefix("npm error").strip() for line in done.stderr.splitlines() if line.startswith("npm error")]
    return "; ".join([line for line in told if line][:3]) or f"npm pack ended with {done.returncode}"


def files_of(tarball: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    """Yields the files of an npm tarball, moved from its top folder to the given folder."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                yield f"{folder}/{member.name.partition('/')[2]}", content.read()


def _write_zip(target: Path, files: Iterable[tuple[str, bytes]]) -> None:
    with _written_whole(target) as path, zipfile.ZipFile(path, "w") as archive:
        for name, content in files:
            member = zipfile.ZipInfo(name, _OLDEST_TIME)
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED, compresslevel=6)


@contextmanager
def _written_whole(target: Path) -> Iterator[Path]:
    """Yields a path to write to. At the end, the file is renamed to the target, so that an interruption leaves no
    partial zip."""
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
