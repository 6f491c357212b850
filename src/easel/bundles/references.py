"""Finds references to files in the files of a build: its manifests, pages, scripts and styles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from easel.bundles.hash_forms import CODE, HashForm, typed

MOST_READ = 32 * 1024 * 1024
"""Maximum number of bytes of all pages, scripts, styles and build manifests that are searched for references to
files."""
MOST_OF_ONE = 8 * 1024 * 1024
_SUFFIX_NAMED = re.compile(
    rb"\.(?:js|mjs|cjs|css|wasm|avif|gif|ico|jpe?g|jxl|png|svg|webp|bmp|eot|otf|ttf|woff2?|mp[34]|webm|ogg|m4a|wav|gl(?:b|tf))"
    rb"(?![\w.-])"
)
_LONGEST_NAMED = 200
_IN_NAMES = bytes(c if (chr(c).isalnum() and c < 128) or c in b"_.~@%+-" else ord("/") for c in range(256))
_MOST_NAMED = 200_000
_MOST_MANIFESTS, _MOST_SCRIPTS, _MOST_PAGES = 4, 2_000, 50
_QUOTED_HASH = re.compile(rb"""["']([0-9a-f]{6,64})["']""")
_BY_TOOLS = re.compile(rb"""crossorigin|integrity=|\bdefer=["']?defer""")
"""Attributes of an element that build tools, but not people, write next to an address of the same origin."""
_MODULE = re.compile(rb"""\btype=["']?module|modulepreload""")
_OF_BUILD = (16, 20)
"""Number of digits of the hash that Rspack (16) and webpack (20) give to a whole build."""
_BUNDLERS = re.compile(rb"parcelRequire|webpackChunk|__webpack_|rspackChunk|__TURBOPACK__|__vite")
_BUILD_MANIFESTS = (
    *(".vite/manifest.json", "asset-manifest.json", "q-manifest.json", "routes-manifest.json", "rev-manifest.json"),
    *("mix-manifest.json", "loadable-stats.json", "webpack.stats.json", "chunk-map.json"),
)
"""Names of lists of files that only build tools write: Vite, webpack, Qwik, Modern.js, gulp, Laravel Mix,
loadable-components and Gatsby."""


class References:
    """Knows which files of a build are referred to by other files of the build. Those files are read on first use."""

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
        self._modules: set[bytes] = set()
        self._hashes: set[bytes] = set()
        self._beginnings: set[bytes] = set()
        self._left, self._most_named = MOST_READ, _MOST_NAMED
        self._likely: dict[bytes, str] | None = None

    def names_code(self, path: str, form: HashForm) -> bool:
        """Returns true if a page, a script, a style or a build manifest refers to the script or style at this path, or
        contains its hash."""
        self._look()
        assert self._by_pages is not None
        name = path.rpartition("/")[2].removesuffix(".map").encode()
        return name in self._by_pages or self.by_code(path) or self.by_hash(form)

    def by_hash(self, form: HashForm) -> bool:
        """Returns true if a script contains the hash in a file's name as a string. Many scripts have a table of the
        hashes of other scripts."""
        self._look()
        return form.token.encode() in self._hashes or self.by_hash_of_build(form)

    def by_hash_of_build(self, form: HashForm) -> bool:
        """Returns true if a script contains, as a string, a longer hash that begins with the hash in a file's name.
        webpack and Rspack can be configured to give all files of a build the first digits of one hash."""
        self._look()
        return form.token.encode() in self._beginnings

    def by_code(self, path: str) -> bool:
        """Returns true if a script, a style or a build manifest refers to the file at this path. Pages do not count,
        because people may have typed their references."""
        self._look()
        name = path.rpartition("/")[2].removesuffix(".map")
        if name.encode() in self._by_code:
            return True
        form = self._forms[path]
        ending = f"{form.before}{form.token}"
        # Some build tools name all scripts of a build by a number and the same hash (`12.5f3a.js`). Scripts then
        # contain this ending (`.5f3a.js`), but not the whole names.
        return bool(form.before) and name[name.rfind(ending) :].encode() in self._by_code

    def by_build(self, path: str) -> bool:
        """Returns true if a file that the build tool wrote refers to the file at this path. A hand-written element of a
        page does not count."""
        return self.by_code(path) or path.rpartition("/")[2].encode() in self._by_tools

    def is_by_tool(self, path: str, token: str) -> bool:
        """Returns true if a build tool certainly wrote the script or style at this path. One of four facts is enough. A
        build manifest, a file with a hash in its name, or an element that a tool wrote refers to the file. The file has
        a source map. The file mentions its licence file or its bundler. The file refers to files with a hash other than
        `token`, which is its own. Reads the file."""
        self._look()
        file = path.rpartition("/")[2].removesuffix(".map").encode()
        if file in self._by_tools or f"{path}.map" in self._paths:
            return True
        if file in self._modules and "/assets/" in f"/{path}":  # Vite's folder for modules
            return True
        if self._left <= 0:
            return False
        content = self._content(path)
        name = path.rpartition("/")[2].encode()
        if name + b".map" in content or name + b".LICENSE.txt" in content or _BUNDLERS.search(content):
            return True
        if self._likely is None:
            self._likely = {
                other.rpartition("/")[2].encode(): form.token for other, form in self._forms.items() if not typed(form)
            }
        return any(self._likely.get(other, token) != token for other, _, _ in self._names_in(content))

    def by_pages(self, path: str) -> bool:
        """Returns true if a page refers to the file at this path."""
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
        media, code = set(self._media), set(self._code)
        tokens = {form.token.encode() for form in self._forms.values() if form.kind == "hex"}
        lengths = {len(token) for token in tokens} & set(range(6, max(_OF_BUILD)))
        for kind, most in ((_MANIFEST, _MOST_MANIFESTS), (_PAGE, _MOST_PAGES), (_CODE, _MOST_SCRIPTS)):
            into = self._by_pages if kind == _PAGE else self._by_code
            nearest = sorted(kinds[kind], key=lambda path: (path.count("/"), path))[:most]
            # Small files are read first, because they usually contain the references to the large files.
            for path in sorted(nearest, key=lambda path: self._paths[path][1]):
                if (not media and not code) or self._left <= 0 or self._most_named <= 0:
                    return
                content = self._content(path)
                found = set()
                for name, before, end in self._names_in(content):
                    found.add(name)
                    if kind == _PAGE and name in self._code:
                        after = content[end : end + _LONGEST_NAMED].partition(b">")[0]
                        element = before.rpartition(b"<")[2] + after
                        if _BY_TOOLS.search(element):
                            self._by_tools.add(name)
                        if _MODULE.search(element):
                            self._modules.add(name)
                found.discard(path.rpartition("/")[2].encode())
                into |= found
                if kind == _MANIFEST or self._is_hashed(path):
                    self._by_tools |= found
                code -= found
                if kind != _PAGE:
                    media -= found
                if kind == _CODE and self._by_hash:
                    for match in islice(_QUOTED_HASH.finditer(content), self._most_named):
                        self._most_named -= 1
                        if match[1] in tokens:
                            self._hashes.add(match[1])
                        elif len(match[1]) in _OF_BUILD:
                            beginnings = (match[1][:length] for length in lengths)
                            self._beginnings.update(text for text in beginnings if text in tokens)

    def _is_hashed(self, path: str) -> bool:
        """Returns true if the name of the script or style at this path probably consists of a hash and another part."""
        form = self._forms.get(path)
        return form is not None and bool(form.before) and not typed(form)

    def _content(self, path: str) -> bytes:
        most = min(self._left, MOST_OF_ONE)
        content = self._read(path, most)[:most]
        self._left -= len(content)
        return content

    def _names_in(self, content: bytes) -> Iterator[tuple[bytes, bytes, int]]:
        """Yields each file name in a file's content: the name, the text up to the end of the name (at most
        `_LONGEST_NAMED` bytes before its suffix), and the offset of its end."""
        for match in islice(_SUFFIX_NAMED.finditer(content), self._most_named):
            self._most_named -= 1
            before = content[max(0, match.start() - _LONGEST_NAMED) : match.end()]
            yield before.translate(_IN_NAMES).rpartition(b"/")[2], before, match.end()


_MANIFEST, _CODE, _PAGE = range(3)


def _kind(path: str) -> int | None:
    if path.endswith(_BUILD_MANIFESTS):
        return _MANIFEST
    if path.endswith((".js", ".mjs", ".css")):
        return _CODE
    return _PAGE if path.endswith((".html", ".htm")) else None
