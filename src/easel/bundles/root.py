"""Determines the app's files in a zip: leaves out junk, finds the root folder, and refuses likely mistakes. All
functions are pure functions of paths."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from easel.bundles.errors import (
    DependenciesInBundleError,
    EntryPointMissingError,
    PathConflictError,
    SecretInBundleError,
    SourceBundleError,
)
from easel.bundles.models import Allowances
from easel.bundles.names import in_slices, printable, together
from easel.bundles.unbuilt import PROJECT_FILE
from easel.rules.read import FILES

ENTRY_POINT = "index.html"
APPS_PAGES = ("200.html", "__spa-fallback.html", "_shell.html")
"""Names of pages that build tools write for every address without a file: SvelteKit and Nuxt; React Router; TanStack
Start."""
FALLBACK_PAGES = (*APPS_PAGES, "index.csr.html")
"""Names of all pages that are served at every address without a file. Angular's page cannot be an entry page, so an app
that has only this page needs a server."""
ENTRY_PAGES = (ENTRY_POINT, *APPS_PAGES, "html/index/index.html", "html/main/index.html")
"""Paths of all pages that may be the entry page whatever other pages there are. The last two paths are the pages of
Modern.js for its entries `index` and `main`."""
NOT_FOUND_PAGES = ("404.html", "+not-found.html", "404/index.html")
"""Paths of pages for missing addresses, in a folder and below it. Expo writes the second name. Generators with a folder
for each page write the third."""
RESERVED_FOLDERS = ("_easel",)
"""Folders whose addresses belong to the platform in every app."""
SHARED_FOLDERS = ("api", "_api", "_auth", "functions")
"""Folders whose addresses belong to the platform only in an app with a proxy, functions or a login. In other apps, the
app's own files are served at these addresses."""
RULES_FILES = FILES
"""Names of the files with rules for the edge. These files themselves are never served."""

PROJECT_SETTINGS = "easel.toml"
"""The file with the settings of `easel deploy`. It is in the app's folder, but does not belong to the app."""
DEPENDENCIES = "node_modules/"
"""A folder that is refused at the root of a zip. In another folder, a build tool wrote it, and pages may need it."""

_PROJECT_FILE = PROJECT_FILE
_PROJECT_FILES = ("mkdocs.yml", "mkdocs.yaml", "zensical.toml", "hugo.toml", "hugo.yaml", "hugo.json", "pelicanconf.py")
"""Files that only the sources of a site contain. A zip with such a file and a page is still an app."""
_SPHINX_FILE = "conf.py"
_SPHINX_FOLDERS = ("", "docs/", "source/", "doc/", "docs/source/", "doc/source/")
_FOLDER_ICON = "Icon\r"
_FOLDER_ICONS = (f"/{_FOLDER_ICON}", f"\\{_FOLDER_ICON}")
_JUNK = frozenset(
    {
        "__macosx", ".ds_store", ".localized", ".apdisk", ".appledb", ".appledesktop", ".appledouble",
        ".spotlight-v100", ".fseventsd", ".trashes", ".temporaryitems", ".documentrevisions-v100",
        ".metadata_never_index", ".pkinstallsandboxmanager", ".volumeicon.icns", "network trash folder",
        ".com.apple.timemachine.donotpresent", "temporary items", "thumbs.db", "thumbs.db:encryptable",
        "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin", "system volume information",
        ".directory", ".trash", "lost+found", "@eadir", "#recycle", "@recycle", ".@__thumb",
        ".thevolumesettingsfolder", ".dropbox", ".dropbox.attr", ".dropbox.cache", ".easelignore",
        ".metadata_never_index_unless_rootfs", ".bzvol", "iconcache.db", "wpsettings.dat", "#snapshot",
        "@recently-snapshot", ".@upload_cache", ".stfolder", ".stversions", ".stignore", ".tmp.drivedownload",
        ".tmp.driveupload", ".849c9593-d756-4e56-8d6e-42412f2a707b", ".owncloudsync.log", ".nextcloudsync.log",
        ".picasa.ini", "picasa.ini", ".picasaoriginals", "zbthumbnail.info", ".bridgesort", ".bridgecache",
        ".doctrees",
    }
)  # fmt: skip
"""Names of files and folders that operating systems and tools leave, in lower case. `.doctrees` has Sphinx' cache, with
paths of the machine that built the pages."""
_JUNK_FILES = ("._", ".fuse_hidden", ".nfs0000", "~$", ".~lock.", ".#", ".goutputstream-", ".smbdelete", ".sync_")
_JUNK_STARTS = tuple(".~#")
"""The first characters of most junk files' names. The names of all other junk are in `_JUNK`, or contain a colon or an
@."""
_RECYCLER = "recycler"
_MARKS_OF_JUNK = ("/.", "~", "#", "@", ":", " ", "+", ".db", ".ini", ".dat", ".info", "recycle", "__macosx")
"""Strings that are fast to find. The path of every junk file, with a slash in front and in lower case, contains one of
them."""
_IS_JUNK = re.compile(
    rf"(?:\A|/)(?:(?:{'|'.join(map(re.escape, sorted(_JUNK)))})(?:/|\Z)|\.trash-|{_RECYCLER}/s-1-"
    rf"|(?:{'|'.join(map(re.escape, _JUNK_FILES))})[^/]*\Z|\.[^/]+\.(?:sw[a-p]|icloud|kate-swp)\Z"
    r"|#[^/]+#\Z|[^/]+(?::zone\.identifier|@syno(?:eastream|resource))\Z)"
)
_REPOSITORIES = ((".git", "a Git repository"), (".hg", "a Mercurial repository"), (".svn", "a Subversion repository"))
_HARMLESS_ENV = re.compile(r"\.env\.(?:example|sample|template|dist|defaults?)\Z")
_KEY_NAMES = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
_CREDENTIAL_NAMES = frozenset({".npmrc", ".netrc", ".pypirc", ".htpasswd", ".git-credentials"})
_KEY_STORES = (".p12", ".pfx", ".jks", ".keystore", ".ppk")
_MARKS_OF_SECRETS = ("/.", "/id_", *_KEY_STORES)
"""Strings that are fast to find. The path of every secret, with a slash in front and in lower case, contains one of
them."""
KEY_FILES = (".pem", ".key")
"""Suffixes of files that contain a private key or harmless data. The file's content decides."""
PRIVATE_KEY = b"PRIVATE KEY-----"
"""Text that every private key contains (RFC 7468 §10, §11)."""
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar")
_PAGES_ENDS = (".html", ".htm")
_XML_PAGES_END = ".xhtml"
_PAGES = frozenset({ENTRY_POINT, "index.htm", "default.htm", "default.html"})
_NAMED_AT_MOST = 8
_RULES_ELSEWHERE = (
    ".htaccess",
    "_routes.json",
    "_worker.js",
    "web.config",
)
_FUNCTION = re.compile(r"(?:api|functions)/.+(?<!\.d)\.[cm]?tsx?\Z")


def is_junk(path: str) -> bool:
    """Returns true if an operating system created the file at this path. It does not belong to an app."""
    lower = path.lower()
    folder, _, name = lower.rpartition("/")
    # Most names show at once that they are not junk, and a zip has many files.
    if name[:1] in _JUNK_STARTS or ":" in name or "@" in name or name in _JUNK or _may_be_junk(folder):
        return _IS_JUNK.search(lower) is not None
    return False


def may_have_junk(paths: str) -> bool:
    """Returns true if a text of many paths (from `together`) may contain the path of a junk file."""
    return any(mark in paths for mark in _MARKS_OF_JUNK)


@lru_cache(maxsize=1024)
def _may_be_junk(folder: str) -> bool:
    return _IS_JUNK.search(f"{folder}/") is not None or folder.endswith(_RECYCLER)


def is_folder_icon(name: str) -> bool:
    """Returns true if a member of this name is the icon that macOS gives to a folder. The name is not a valid path."""
    return name.endswith("\r") and (name == _FOLDER_ICON or name.endswith(_FOLDER_ICONS))


def home_page(paths: Collection[str]) -> str | None:
    """Returns the path of the page at the app's root address. This is `index.html`, else a build tool's page for all
    addresses, else Modern.js' page, else the only page, if that page is at the root. Returns None if there is no such
    page. `paths` are relative to the root."""
    for name in ENTRY_PAGES:
        if name in paths:
            return name
    pages = [path for path in paths if path.lower().endswith(_PAGES_ENDS) and path not in NOT_FOUND_PAGES]
    pages = pages or [path for path in paths if path.lower().endswith(_XML_PAGES_END)]
    # A file `Index.html` must be renamed, because links say `index.html`, and addresses are case-sensitive.
    return pages[0] if len(pages) == 1 and "/" not in pages[0] and pages[0].lower() != ENTRY_POINT else None


def find_root(paths: Collection[str]) -> str:
    """Returns the root folder of the app in a zip: '' if it is the zip's own root, else the name of the only top-level
    folder with a trailing '/'.

    `paths` are the files without the junk. Raises SourceBundleError, EntryPointMissingError.
    """
    if ENTRY_POINT in paths:
        return ""
    tops = {path.split("/", 1)[0] for path in paths}
    root = f"{next(iter(tops))}/" if len(tops) == 1 and all("/" in path for path in paths) else ""
    if root + ENTRY_POINT in paths:
        return root
    if root + _PROJECT_FILE in paths:
        raise _source(root + _PROJECT_FILE)
    if home_page([path[len(root) :] for path in paths]) is not None:
        return root
    if (project := _project_file(paths, root)) is not None:
        raise _source(project)
    raise EntryPointMissingError(hint=_hint(paths), found=[printable(top) for top in sorted(tops)[:20]])


def _source(path: str) -> SourceBundleError:
    member = printable(path)
    return SourceBundleError(member=member, found=f"`{member}`, and no {ENTRY_POINT} at its root")


def _project_file(paths: Collection[str], root: str) -> str | None:
    for name in _PROJECT_FILES:
        if root + name in paths:
            return root + name
    for folder in _SPHINX_FOLDERS:
        beside = (f"{root}{folder}index.{suffix}" for suffix in ("rst", "md"))
        if (config := root + folder + _SPHINX_FILE) in paths and any(page in paths for page in beside):
            return config
    return None


def _hint(paths: Collection[str]) -> str:
    tops = sorted({path.split("/", 1)[0] + ("/" if "/" in path else "") for path in paths})
    shown = ", ".join(f"`{printable(top)}`" for top in tops[:_NAMED_AT_MOST])
    found = f"The root of the zip contains {shown}{' and more' if len(tops) > _NAMED_AT_MOST else ''}."
    pages = [path for path in paths if path.rsplit("/", 1)[-1].lower() in _PAGES]
    if not pages:
        archive = min((path for path in paths if path.lower().endswith(_ARCHIVES)), key=len, default=None)
        if archive is not None and archive.lower().endswith(".zip"):
            return f"{found} There is another zip inside the zip. Upload only that inner zip, `{printable(archive)}`."
        if archive is not None:
            return f"{found} There is an archive inside the zip. Unpack `{printable(archive)}`, and zip its contents."
        return f"{found} Zip the contents of your build output folder (often dist/, build/ or out/)."
    nearest = min(pages, key=lambda path: (path.count("/"), path))
    folder, _, name = nearest.rpartition("/")
    hint = f"{found} The closest match is `{printable(nearest)}`"
    if name != ENTRY_POINT:
        why = ", because addresses are case-sensitive" if name.lower() == ENTRY_POINT else ""
        return f"{hint}. Rename it to `{ENTRY_POINT}`{why}."
    return f"{hint}. Zip the contents of `{printable(folder)}/`, not its parent folder."


def refuse_accidents(paths: Iterable[str], root: str, allow: Allowances) -> None:
    """Refuses a zip with files that its owner almost certainly does not want to publish, such as secrets. `root` is the
    result of `find_root`. Raises SecretInBundleError, DependenciesInBundleError."""
    dependencies = f"{root}{DEPENDENCIES}"
    for some in in_slices(paths):
        text = together(some)
        may_be_secret = not allow.secrets and any(mark in text for mark in _MARKS_OF_SECRETS)
        if not may_be_secret and (allow.dependencies or DEPENDENCIES not in text):
            continue  # Most bundles contain none of these strings.
        for path in some:
            if not allow.dependencies and path.startswith(dependencies):
                raise DependenciesInBundleError(member=printable(path))
            kind = secret_kind(path) if may_be_secret else None
            if kind is not None:
                raise SecretInBundleError(member=printable(path), kind=kind)


def secret_kind(path: str) -> str | None:
    """Returns the kind of secret that a file at this path probably contains (`credentials`, for example). Returns None
    if it is probably no secret."""
    lower = path.lower()
    *folders, name = lower.split("/")
    if name in _KEY_NAMES or name.endswith(_KEY_STORES):
        kind = "a private key"
    elif not lower.startswith(".") and "/." not in lower:
        return None  # This is the result for most paths, because all other kinds are in hidden files and folders.
    else:
        kind = None
    for folder, repository in _REPOSITORIES:
        if name == folder or folder in folders:
            return repository
    if (name == ".env" or name.startswith(".env.")) and not _HARMLESS_ENV.match(name):
        return "environment variables"
    if name in _CREDENTIAL_NAMES or folders[-1:] == [".aws"] or ".ssh" in folders:
        return "credentials"
    return kind


def refuse_conflicts(files: Collection[str], folders: Collection[str]) -> None:
    """Refuses a file at a path where another member of the zip needs a folder. Raises PathConflictError.

    With '/' sorted before every other character, the contents of a folder sort right behind it, so that comparing
    neighbours is enough. A list of each path's folders could take gigabytes.
    """
    for folder in folders:
        if folder in files:
            raise PathConflictError(member=printable(folder), other=printable(f"{folder}/"))
    members = sorted(path.replace("/", "\0") for path in (*files, *folders))
    for path, following in pairwise(members):
        if following.startswith(path + "\0") and (file := path.replace("\0", "/")) in files:
            raise PathConflictError(member=printable(file), other=printable(following.replace("\0", "/")))


def notes(paths: Collection[str], stripped: str, left_out: Sequence[str]) -> list[str]:
    """Returns notes about a zip for its uploader, as sentences. `stripped` is the folder that was used as the root (''
    if none), and `left_out` are the files that no app needs."""
    said = []
    if stripped:
        said.append(
            f"all files are in the folder `{printable(stripped)}`, so this folder was used as the root of the app."
        )
    if left_out:
        count = len(left_out)
        more = f" and {count - 1} more" if count > 1 else ""
        files = "1 file" if count == 1 else f"{count} files"
        said.append(f"Easel left out {files} that no app needs: `{printable(left_out[0])}`{more}.")
    if _PROJECT_FILE in paths and any(path.startswith("src/") for path in paths):
        said.append(
            f"`{_PROJECT_FILE}` and `src/` are next to `{ENTRY_POINT}`. If this zip contains the sources of a "
            f"project, build the project and upload the output folder (often dist/, build/ or out/) instead."
        )
    for folder in RESERVED_FOLDERS:
        example = next((path for path in paths if path.startswith(f"{folder}/")), None)
        if example is not None:
            said.append(
                f"addresses under `/{folder}/` are reserved for the platform, so `{printable(example)}` and all "
                f"other files in that folder are never served."
            )
    said.extend(
        f"`{name}` is a rules file for another web server. It has no effect in Easel, and is served like any other "
        f"file."
        for name in _RULES_ELSEWHERE
        if name in paths
    )
    folders = ("api/", "functions/")
    function = next((path for path in paths if path.startswith(folders) and _FUNCTION.match(path)), None)
    if function is not None:
        said.append(
            f"Easel does not run server functions yet, so `{printable(function)}` is served as a file, and everybody "
            f"can read it."
        )
    return said
