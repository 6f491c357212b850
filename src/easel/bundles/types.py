"""Content types by file name: one table for every Python version and every machine."""

from __future__ import annotations

import re

from easel.bundles.mime_db import SUFFIXES

DEFAULT = "application/octet-stream"

_SOURCES = (
    "adoc asciidoc astro bash bib cfg clj cmake cs csproj diff el elm erl ex exs fish frag fs fsx gd glsl go gql "
    "gradle graphql hcl hlsl hpp hs http jl kt kts lisp lock lrc ml nim nix patch po properties proto ps1 r rb rkt "
    "sbv scala sol svelte swift tf vert vue zig zsh"
)
"""Suffixes of texts that browsers should show, and not download."""
_OUR_OWN = {
    "ass": "text/plain",
    "bat": "text/plain",
    "bmp": "image/bmp",
    "3gpp": "video/3gpp",
    "c": "text/plain",
    "cjs": "text/javascript",
    "gz": "application/gzip",
    "h": "text/plain",
    "h5": "application/x-hdf5",
    "ico": "image/x-icon",
    "ipynb": "application/x-ipynb+json",
    "ksh": "text/plain",
    "jsonl": "application/jsonl",
    "map": "application/json",
    "ndjson": "application/x-ndjson",
    "py": "text/x-python",
    "pyc": "application/x-python-code",
    "rst": "text/x-rst",
    "rtf": "application/rtf",
    "sh": "application/x-sh",
    "srt": "text/plain",
    "tgz": "application/gzip",
    "wav": "audio/wav",
    "xml": "application/xml",
    "xsl": "application/xslt+xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    # Suffixes of sources that a development build may contain. The registered types of these suffixes are video and
    # binary types.
    "ts": "text/plain",
    "mts": "text/plain",
    "cts": "text/plain",
    "tsx": "text/plain",
    "jsx": "text/plain",
    "har": "application/json",
    "jsonc": "application/json",
    "mobileconfig": "application/x-apple-aspen-config",
    "topojson": "application/json",
    **dict.fromkeys(_SOURCES.split(), "text/plain"),
}
"""Content types of suffixes that the registry lacks, or that browsers and other servers treat differently."""

_TYPES: dict[str, str] = {
    suffix: type_ for type_, *suffixes in map(str.split, SUFFIXES.strip().splitlines()) for suffix in suffixes
} | _OUR_OWN

# Files that clients request under a name without a suffix, and expect as JSON (RFC 8615 and its registry).
_NAMES = {"apple-app-site-association": "application/json"}
_WELL_KNOWN = re.compile(
    r"(?:\A|/)\.well-known/(?:matrix/(?:client|server|support)|openid-configuration|openid-federation|nodeinfo"
    r"|oauth-(?:authorization-server|protected-resource)|web-app-origin-association|passkey-endpoints|webauthn"
    r"|uma2-configuration|related-website-set|gpc|mta-sts|did-configuration)\Z"
)

_TEXT_TYPES = frozenset(
    {
        "application/ecmascript",
        "application/javascript",
        "application/json",
        "application/json5",
        "application/jsonl",
        "application/node",
        "application/rtf",
        "application/sql",
        "application/toml",
        "application/x-httpd-php",
        "application/x-ndjson",
        "application/x-perl",
        "application/x-sh",
        "application/x-subrip",
        "application/x-tex",
        "application/xml",
        "application/xml-dtd",
        "application/yaml",
        "model/mtl",
        "model/obj",
    }
)
_TEXT_ENDS = ("+json", "+xml")

# Types that shrink by a third or more although they are not text: machine code, outlines of letters and models, plain
# pixels. woff and woff2 are already compressed, and so are the pictures in most icons of newer formats.
_COMPRESSIBLE_TYPES = frozenset(
    {
        "application/vnd.apple.mpegurl",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "font/collection",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/x-icon",
        "model/gltf-binary",
        "model/stl",
    }
)

_LOADED_SUFFIXES = (
    "css js mjs cjs jsx ts tsx map wasm json geojson topojson jsonld webmanifest xml rss atom yaml yml csv tsv txt pdf "
    "avif bmp gif ico jpeg jpg jxl png apng svg webp tif tiff cur eot otf ttf woff woff2 aac flac m4a mp3 oga ogg opus "
    "wav weba m3u8 m4s m4v mkv mov mp4 mpd mpeg mpg ogv webm vtt srt glb gltf obj mtl stl fbx usdz zip gz tgz md "
    "markdown arrow basis bin br dat data db exr hdr ktx2 mem onnx pak parquet pck pmtiles sqlite unityweb zst"
)
_LOADED = frozenset(_LOADED_SUFFIXES.split())


def content_type(path: str) -> str:
    """Returns the Content-Type for a file at this path, from the suffix of its name. Text is UTF-8. The type of an
    unknown suffix is `application/octet-stream`."""
    name = path.rsplit("/", 1)[-1].lower()
    if name in _NAMES:
        return _NAMES[name]
    # Only the last suffix counts: `x.js.gz` is a gzip file, and not a script with an encoding.
    _, dot, suffix = name.rpartition(".")
    if not dot and _WELL_KNOWN.search(path) is not None:
        return "application/json"
    type_ = _TYPES.get(suffix, DEFAULT) if dot else DEFAULT
    return f"{type_}; charset=utf-8" if type_.startswith("text/") else type_


def is_text(type_: str) -> bool:
    """Returns true if content of this media type is text."""
    plain = type_.split(";", 1)[0]
    return plain.startswith("text/") or plain in _TEXT_TYPES or plain.endswith(_TEXT_ENDS)


def is_compressible(type_: str) -> bool:
    """Returns true if content of this type is worth compressing. Other types are sent uncompressed: archives, media,
    databases and other data that programs read in ranges, and whose length they query with HEAD."""
    return is_text(type_) or type_ in _COMPRESSIBLE_TYPES


def is_loaded_by_pages(name: str) -> bool:
    """Returns true if pages load files of this name: a script, style, image, font, medium or data. This is a separate
    list, because the suffixes of many types are also the endings of hosts' and people's names (`.me`, `.au`, `.in`,
    `.com`)."""
    return name.rpartition(".")[2].lower() in _LOADED
