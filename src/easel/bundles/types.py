"""Content types by file name, the same on every machine."""

from __future__ import annotations

from mimetypes import MimeTypes

DEFAULT = "application/octet-stream"

_types = MimeTypes(filenames=())
for _suffix, _type in {
    ".avif": "image/avif",
    ".cjs": "text/javascript",
    ".css": "text/css",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".m4a": "audio/mp4",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".otf": "font/otf",
    ".rss": "application/rss+xml",
    ".svg": "image/svg+xml",
    ".tgz": "application/gzip",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    # Sources that a development build may carry along; the registered types are video and binary ones.
    ".ts": "text/plain",
    ".tsx": "text/plain",
    ".jsx": "text/plain",
}.items():
    _types.add_type(_type, _suffix)

# Files that clients look up under a name without a suffix, and want as JSON.
_NAMES = {"apple-app-site-association": "application/json"}

_TEXT_TYPES = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/rss+xml",
        "application/xhtml+xml",
        "application/xml",
        "application/yaml",
        "image/svg+xml",
        "model/gltf+json",
    }
)


def content_type(path: str) -> str:
    """The Content-Type for a file of this name; text is UTF-8, unknown is `application/octet-stream`."""
    name = path.rsplit("/", 1)[-1].lower()
    if name in _NAMES:
        return _NAMES[name]
    _, dot, suffix = name.rpartition(".")
    suffix = dot + suffix
    # The last suffix counts: `x.js.gz` is a gzip file, and no encoding is claimed for a script.
    guessed = _types.types_map[True].get(suffix) or _types.types_map[False].get(suffix)
    if guessed is None:
        return DEFAULT
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed


def is_text(type_: str) -> bool:
    """Whether content of this type is text, and so worth compressing."""
    plain = type_.split(";", 1)[0]
    return plain.startswith("text/") or plain in _TEXT_TYPES
