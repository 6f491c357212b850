"""Makes the zips next to this script, each with a tool whose zips people really upload.

Needs Python 3.11, Info-ZIP's `zip` 3.0, `7z`, `bsdtar` and `jar`. Tests use the committed files, and need none of these
tools. Usage: `make.py`. Faults that no tool makes are built from bytes in `tests/bundles/crafted.py`.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOMENT = 1_700_000_000

SITE = {
    "index.html": b"<!doctype html><title>A site</title><script type=module src=/assets/app-4f2a9c1b.js></script>\n"
    * 4,
    "assets/app-4f2a9c1b.js": b"export const words = ['one', 'two', 'three'];\n" * 40,
    "assets/empty.css": b"",
    "data/gr\u00fc\u00dfe.txt": "Gr\u00fc\u00dfe \u2603\n".encode() * 8,
    "images/dot.bin": bytes(range(256)),
}


class Unseekable(io.RawIOBase):
    """A stream like that of a program that zips into a socket. For such a stream, Python writes data descriptors."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.parts.append(bytes(data))
        return len(data)


def write_tree(root: Path, files: dict[str, bytes]) -> None:
    """Writes the files, all with the same time, so that making the zips again changes as little as possible."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    settle(root)


def settle(root: Path) -> None:
    """Gives everything in the folder the same time and mode."""
    for path in sorted(root.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (MOMENT, MOMENT), follow_symlinks=False)


def run(folder: Path, *command: str | Path, piped: Path | None = None) -> None:
    """Runs a tool in a folder. `piped` receives the tool's output through a pipe, in which the tool cannot seek."""
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, check=True, env=environment, stdout=subprocess.PIPE
    )
    if piped is not None:
        piped.write_bytes(done.stdout)


def with_tools(out: Path, site: Path) -> None:
    """Makes the same site with every tool. All of these zips deploy."""
    run(site, "zip", "-q", "-r", "-X", out / "infozip.zip", ".")
    run(site, "zip", "-q", "-r", "-0", out / "infozip-stored.zip", ".")
    run(site, "zip", "-q", "-r", "-", ".", piped=out / "infozip-piped.zip")
    run(site, "zip", "-q", "-r", "-fz", out / "infozip-zip64.zip", ".")
    # The content comes from a pipe, so its length is unknown. The zip gets zip64 fields, which such a small file does
    # not need.
    page = f"zip -q - - < index.html | cat > '{out / 'infozip-zip64-stdin.zip'}'"
    rename = f"printf '@ -\\n@=index.html\\n' | zipnote -w '{out / 'infozip-zip64-stdin.zip'}'"
    run(site, "sh", "-c", f"{page} && {rename}")
    run(site, "zip", "-q", "-r", "-UN=UTF8", out / "infozip-utf8.zip", ".")
    run(site, "7z", "a", "-tzip", "-bso0", "-bsp0", "-mx=9", out / "sevenzip.zip", ".")
    run(site, "7z", "a", "-tzip", "-bso0", "-bsp0", "-mx=0", out / "sevenzip-stored.zip", ".")
    run(site, "7z", "a", "-tzip", "-bso0", "-bsp0", "-mcl=on", out / "sevenzip-local-names.zip", ".")
    run(site, "bsdtar", "--format", "zip", "-cf", out / "bsdtar.zip", *sorted(os.listdir(site)))
    run(site, "bsdtar", "--format", "zip", "--options", "zip:compression=store", "-cf", out / "bsdtar-stored.zip",
        *sorted(os.listdir(site)))  # fmt: skip
    run(site, "bsdtar", "--format", "zip", "--options", "zip:zip64", "-cf", out / "bsdtar-zip64.zip",
        *sorted(os.listdir(site)))  # fmt: skip
    run(site, "bsdtar", "--format", "zip", "-cf", out / "bsdtar-dot.zip", ".")
    run(site, "jar", "cfM", out / "jar.zip", ".")
    python(out / "python.zip", SITE)
    python(out / "python-folders.zip", {"assets/": b"", "data/": b"", "images/": b"", **SITE})
    python(out / "python-zip64.zip", SITE, zip64=True)
    for name, compression, zip64 in (
        ("python-unseekable", zipfile.ZIP_DEFLATED, False),
        ("python-unseekable-stored", zipfile.ZIP_STORED, False),
        ("python-unseekable-zip64", zipfile.ZIP_DEFLATED, True),
    ):
        stream = Unseekable()
        with zipfile.ZipFile(stream, "w") as archive:
            for path, content in SITE.items():
                with archive.open(entry(path, compression), "w", force_zip64=zip64) as member:
                    member.write(content)
        (out / f"{name}.zip").write_bytes(b"".join(stream.parts))
    with zipfile.ZipFile(out / "python-comment.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in SITE.items():
            archive.writestr(entry(path), content)
        archive.comment = b"made by hand, with PK\5\6 in it and more"
    python(out / "python-backslashes.zip", SITE, rename=lambda path: path.replace("/", "\\"))
    python(out / "python-top-folder.zip", {f"dist/{path}": content for path, content in SITE.items()})
    # These are the files that the Finder's "Compress" adds for a folder.
    finder = {"__MACOSX/._dist": b"\0\5\x16\7", "dist/.DS_Store": b"\0\0\0\1Bud1", "dist/Thumbs.db": b"\xd0\xcf"}
    finder |= {f"__MACOSX/dist/._{Path(path).name}": b"\0\5\x16\7" for path in SITE}
    python(out / "python-macos-top-folder.zip", {f"dist/{path}": content for path, content in SITE.items()} | finder)


def entry(path: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    """Returns a member with a fixed time, as a Unix file or folder."""
    info = zipfile.ZipInfo(path, (2023, 11, 14, 22, 13, 20))
    info.compress_type = compression
    info.create_system = 3
    info.external_attr = (stat.S_IFDIR | 0o755) << 16 if path.endswith("/") else (stat.S_IFREG | 0o644) << 16
    return info


def python(
    target: Path,
    files: dict[str, bytes],
    *,
    zip64: bool = False,
    compression: int = zipfile.ZIP_DEFLATED,
    rename: Callable[[str], str] = str,
    modes: dict[str, int] | None = None,
) -> None:
    """Makes a zip by Python's zipfile. `modes` gives members another Unix mode."""
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            info = entry(path, compression)
            info.filename = rename(path)
            if modes and path in modes:
                info.external_attr = modes[path] << 16
            with archive.open(info, "w", force_zip64=zip64) as member:
                member.write(content)


def refused(out: Path, scratch: Path, site: Path) -> None:
    """Makes zips with faults that tools really make."""
    linked = scratch / "linked"
    write_tree(linked, {"index.html": SITE["index.html"]})
    (linked / "current.html").symlink_to("index.html")
    settle(linked)
    run(linked, "zip", "-q", "-r", "-y", out / "infozip-symlink.zip", ".")
    run(linked, "7z", "a", "-tzip", "-bso0", "-bsp0", "-snl", out / "sevenzip-symlink.zip", ".")
    run(linked, "bsdtar", "--format", "zip", "-cf", out / "bsdtar-symlink.zip", "index.html", "current.html")
    files = {"index.html": SITE["index.html"]}
    python(out / "python-fifo.zip", {**files, "pipe": b""}, modes={"pipe": stat.S_IFIFO | 0o644})
    python(out / "python-device.zip", {**files, "null": b""}, modes={"null": stat.S_IFCHR | 0o666})
    python(out / "python-socket.zip", {**files, "run.sock": b""}, modes={"run.sock": stat.S_IFSOCK | 0o644})

    run(site, "zip", "-q", "-P", "open sesame", out / "infozip-encrypted.zip", "index.html")
    run(site, "7z", "a", "-tzip", "-bso0", "-bsp0", "-popen", "-mem=AES256", out / "sevenzip-aes.zip", "index.html")
    for method in ("BZip2", "LZMA", "PPMd", "Deflate64"):
        run(site, "7z", "a", "-tzip", "-bso0", "-bsp0", f"-mm={method}", out / f"sevenzip-{method.lower()}.zip",
            "assets/app-4f2a9c1b.js", "index.html")  # fmt: skip
    run(site, "zip", "-q", "-Z", "bzip2", out / "infozip-bzip2.zip", "index.html")
    python(out / "python-lzma.zip", files, compression=zipfile.ZIP_LZMA)

    page = ("bsdtar", "-P", "--format", "zip")
    run(site, *page, "-s", "|^|/srv/site/|", "-cf", out / "bsdtar-absolute.zip", "index.html")
    run(site, *page, "-s", "|^|../|", "-cf", out / "bsdtar-traversal.zip", "index.html")
    python(out / "python-traversal-inside.zip", {**files, "assets/../../../etc/passwd": b"x"})
    python(out / "python-backslash-traversal.zip", {**files, "..\\..\\start.js": b"x"})
    python(out / "python-unc.zip", {**files, "\\\\server\\share\\app.js": b"x"})
    python(out / "python-drive-letter.zip", {**files, "C:\\site\\app.js": b"x"})
    python(out / "python-control-character.zip", {**files, "line\nbreak.js": b"x"})
    python(out / "python-long-name.zip", {**files, "\u00e9" * 600 + ".js": b"x"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        twice(out / "python-duplicate.zip", ["index.html", "app.js", "app.js"])
    twice(out / "python-duplicate-nfc.zip", ["index.html", "caf\u00e9.js", "cafe\u0301.js"])
    twice(out / "python-duplicate-slashes.zip", ["index.html", "js/app.js", "js\\app.js"])
    twice(out / "python-file-and-folder.zip", ["index.html", "app", "app/main.js"])
    twice(out / "python-file-and-empty-folder.zip", ["index.html", "app", "app/"])

    run(site, "bsdtar", "-czf", out / "bsdtar-tar-gz.zip", "index.html")
    run(site, "bsdtar", "-cf", out / "bsdtar-tar.zip", "index.html")
    run(site, "7z", "a", "-t7z", "-bso0", "-bsp0", out / "sevenzip-7z.zip", "index.html")
    (out / "html.zip").write_bytes(SITE["index.html"])
    python(out / "python-empty.zip", {})
    python(out / "python-only-folders.zip", {"assets/": b"", "images/": b""})
    python(out / "python-only-junk.zip", {"__MACOSX/._dist": b"\0\5\x16\7", ".DS_Store": b"\0"})

    # Seventy kilobytes that do not compress, so that Info-ZIP splits the zip at its smallest size. The last part is
    # small.
    noise = scratch / "noise"
    write_tree(noise, {"index.html": SITE["index.html"], "noise.bin": pseudo_random(70_000)})
    run(noise, "zip", "-q", "-r", "-s", "64k", scratch / "split.zip", ".")
    (out / "infozip-split-last-part.zip").write_bytes((scratch / "split.zip").read_bytes())
    (out / "infozip-split-first-part.zip").write_bytes((scratch / "split.z01").read_bytes()[:2048])
    run(site, "7z", "a", "-tzip", "-bso0", "-bsp0", "-v600b", scratch / "volumes.zip", ".")
    (out / "sevenzip-first-volume.zip").write_bytes((scratch / "volumes.zip.001").read_bytes())
    stub = b'#!/bin/sh\nexec unzip -q "$0" -d "${1:-.}"\n'
    plain = (out / "infozip.zip").read_bytes()
    (out / "infozip-after-a-script.zip").write_bytes(stub + plain)
    (out / "bsdtar-zip64-after-a-script.zip").write_bytes(stub + (out / "bsdtar-zip64.zip").read_bytes())
    # This is a fault of Info-ZIP. With zip64 on a pipe, it leaves the zip64 end record out.
    run(site, "zip", "-q", "-r", "-fz", "-", ".", piped=out / "infozip-zip64-record-missing.zip")
    (out / "infozip-self-extracting.zip").write_bytes(stub + plain)
    run(out, "zip", "-q", "-A", "infozip-self-extracting.zip")


def twice(target: Path, names: Sequence[str]) -> None:
    """Makes a zip with a member for each name, even for a repeated name."""
    with zipfile.ZipFile(target, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(entry(name), b"" if name.endswith("/") else f"content {number}\n".encode())


def pseudo_random(length: int) -> bytes:
    """Returns incompressible bytes that are the same each time."""
    state, out = 1, bytearray()
    while len(out) < length:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out += (state >> 24).to_bytes(5, "little")
    return bytes(out[:length])


def accidents(out: Path, scratch: Path) -> None:
    """Makes zips with files that were not meant to be there, or without required files."""
    index = {"index.html": SITE["index.html"]}
    trees: dict[str, dict[str, bytes]] = {
        "env-file": {**index, ".env": b"TOKEN=not-a-token\n"},
        "env-file-in-top-folder": {"dist/index.html": index["index.html"], "dist/config/.env.production": b"A=1\n"},
        "key-by-name": {**index, "keys/id_ed25519": b"not a key\n"},
        "key-by-content": {**index, "keys/server.pem": b"-----BEGIN PRIVATE " + b"KEY-----\nnot a key\n"},
        "node-modules": {**index, "node_modules/left-pad/index.js": b"module.exports = 1\n"},
        "no-entry-point": {"README.md": b"# Hi\n", "app/build/index.html": index["index.html"], "app/src/a.js": b"1\n"},
        "capital-entry-point": {"Index.HTML": index["index.html"]},
        "source-project": {"package.json": b"{}\n", "src/main.jsx": b"1\n", "public/logo.svg": b"<svg/>\n"},
        "source-project-in-folder": {"shop/package.json": b"{}\n", "shop/src/main.jsx": b"1\n"},
    }
    for name, files in trees.items():
        root = scratch / name
        write_tree(root, files)
        run(root, "zip", "-q", "-r", "-X", out / f"infozip-{name}.zip", ".")
    cloned = scratch / "cloned"
    write_tree(cloned, index)
    run(cloned, "git", "init", "-q", "--template=", ".")
    settle(cloned)
    run(cloned, "zip", "-q", "-r", "-X", out / "infozip-git-folder.zip", ".")


def main() -> None:
    """Makes all zips."""
    os.umask(0o022)
    for old in HERE.glob("*.zip"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        site = scratch / "site"
        write_tree(site, SITE)
        with_tools(HERE, site)
        refused(HERE, scratch, site)
        accidents(HERE, scratch)
    print(f"{len(list(HERE.glob('*.zip')))} zips")


if __name__ == "__main__":
    main()
