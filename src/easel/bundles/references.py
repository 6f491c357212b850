"""The references to files in a build's own files: its manifests, pages, scripts and styles."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import islice

from easel.bundles.hash_forms import CODE, HashForm

MOST_READ = 32 * 1024 * 1024
"""Maximum number of bytes of the pages, scripts, styles and build manifests that are searched for references to
files."""
MOST_OF_ONE = 8 * 1024 * 1024
_SUFFIX_NAMED = re.compile(
    rb"\.(?:js|mjs|cjs|css|wasm|avif|gif|ico|jpe?g|jxl|png|svg|webp|bmp|eot|otf|ttf|woff2?|mp[34]|webm|ogg|m4a|wav|gl(?:b|tf))"
    rb"(?![\w.-])"
)
_LONGEST_NAMED = 200
_IN_NAMES = bytes(c if (chr(c).isalnum() and c < 128) or c in b"_.~@%+-" else ord("/") for c in range(256))
_MOST_NAMED = 200_000
_MOST_SCRIPTS, _MOST_PAGES = 2_000, 50
_QUOTED_HASH = re.compile(rb"""["']([0-9a-f]{8}|[0-9a-f]{10}|[0-9a-f]{16}|[0-9a-f]{20})["']""")
_BUILD_MANIFESTS = (".vite/manifest.json", "asset-manifest.json")


class References:
    """The files that the build's own files refer to. The build's files are read on first use."""

    def __init__(
        self, paths: Mapping[str, tuple[str, int]], read: Callable[[str, int], bytes], forms: Mapping[str, HashForm]
    ) -> None:
        self._paths = paths
        self._read = read
        self._forms = forms
        names = {path: path.rpartition("/")[2].removesuffix(".map").encode() for path in forms}
        self._code = {names[path] for path, form in forms.items() if form.suffix in CODE}
        self._media = set(names.values()) - self._code
        self._by_hash = any(form.kind == "hex" and form.suffix in CODE for form in forms.values())
        self._by_pages: set[bytes] | None = None
        self._by_code: set[bytes] = set()
        self._by_tools: set[bytes] = set()
        self._hashes: set[bytes] = set()

    def names_code(self, path: str, form: HashForm) -> bool:
        """Returns true if a page, a script, a style or a build manifest refers to this script or style, or contains its
        hash."""
        self._look()
        assert self._by_pages is not None
        name = path.rpartition("/")[2].removesuffix(".map").encode()
        return name in self._by_pages or name in self._by_code or form.token.encode() in self._hashes

    def by_code(self, path: str) -> bool:
        """Returns true if a script, a style or a build manifest refers to the file. Pages do not count, because people
        may have typed their references."""
        self._look()
        return path.rpartition("/")[2].removesuffix(".map").encode() in self._by_code

    def by_build(self, path: str) -> bool:
        """Returns true if an output of the build tool refers to the file. A hand-written element of a page does not
        count. Build tools write `crossorigin` next to addresses of the same origin."""
        self._look()
        return self.by_code(path) or path.rpartition("/")[2].encode() in self._by_tools

    def by_pages(self, path: str) -> bool:
        """Returns true if a page refers to the file."""
        self._look()
        assert self._by_pages is not None
        return path.rpartition("/")[2].encode() in self._by_pages

    def _look(self) -> None:
        if self._by_pages is not None:
            return
        self._by_pages = set()
        kinds: tuple[list[str], ...] = ([], [], [])
        for path in self._paths:
            kind = _kind(path)
            if kind is not None:
                kinds[kind].append(path)
        left, named = MOST_READ, _MOST_NAMED
        media, code = set(self._media), set(self._code)
        tokens = {form.token.encode() for form in self._forms.values() if form.kind == "hex"}
        for kind, most in ((_MANIFEST, 2), (_PAGE, _MOST_PAGES), (_CODE, _MOST_SCRIPTS)):
            into = self._by_pages if kind == _PAGE else self._by_code
            nearest = sorted(kinds[kind], key=lambda path: (path.count("/"), path))[:most]
            # Small files are read first, because they usually refer to the large files.
            for path in sorted(nearest, key=lambda path: self._paths[path][1]):
                if (not media and not code) or left <= 0 or named <= 0:
                    return
                most_of_it = min(left, MOST_OF_ONE)
                content = self._read(path, most_of_it)[:most_of_it]
                left -= len(content)
                found = set()
                for match in islice(_SUFFIX_NAMED.finditer(content), named):
                    before = content[max(0, match.start() - _LONGEST_NAMED) : match.end()]
                    name = before.translate(_IN_NAMES).rpartition(b"/")[2]
                    found.add(name)
                    named -= 1
                    if kind == _PAGE and name in self._code:
                        after = content[match.end() : match.end() + _LONGEST_NAMED].partition(b">")[0]
                        if b"crossorigin" in before.rpartition(b"<")[2] + after:
                            self._by_tools.add(name)
                found.discard(path.rpartition("/")[2].encode())
                into |= found
                code -= found
                if kind != _PAGE:
                    media -= found
                if kind == _CODE and self._by_hash:
                    for match in islice(_QUOTED_HASH.finditer(content), named):
                        named -= 1
                        if match[1] in tokens:
                            self._hashes.add(match[1])


_MANIFEST, _CODE, _PAGE = range(3)


def _kind(path: str) -> int | None:
    if path.endswith(_BUILD_MANIFESTS):
        return _MANIFEST
    if path.endswith((".js", ".mjs", ".css")):
        return _CODE
    return _PAGE if path.endswith((".html", ".htm")) else None
