"""Proves that a file name contains a hash of the file's content, by computing the hash again.

Each build tool has its own hash and spelling. Scripts and styles contain other files' names, so only few tools hash
their final content. Pictures, fonts and data are hashed as they are.
"""

from __future__ import annotations

import hashlib
import re
import string
from base64 import b32encode
from collections.abc import Callable, Iterator

SHORTEST, LONGEST = 8, 128
"""Minimum number of digits of a hash that is long enough for a proof, and the number of digits of the longest hash
(SHA-512)."""
_ENOUGH = 4 * 1024 * 1024
"""Maximum size in bytes of a file whose content is hashed. Larger files are rarely named by a hash."""
MOST_HASHED = 32 * 1024 * 1024
"""Maximum number of bytes of all files together whose content is hashed."""
MOST_FILES = 2_000
"""Maximum number of files whose content is hashed."""
_HEX = frozenset("0123456789abcdef")
_BASE32 = frozenset(string.ascii_uppercase + "234567")
_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_BASE36 = string.digits + string.ascii_lowercase
_OF_DOTNET = re.compile(r"\.([a-z0-9]{10})(?=\.)")
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


class ContentHashes:
    """Compares parts of file names with hashes of the files' contents. `read` returns a file's content up to a number
    of bytes."""

    def __init__(self, read: Callable[[str, int], bytes]) -> None:
        self._read = read
        self._left = MOST_HASHED
        self._files = MOST_FILES
        self.is_complete = True
        """True if no file had to be left out because of the limits."""

    def prove(self, path: str, token: str, sha256: str, size: int) -> bool:
        """Returns true if `token`, a part of the name of the file at `path`, is the beginning of a hash of the file's
        content. `sha256` (hex) and `size` (bytes) of the file are known. Returns false if the file would have to be
        read, but the limits are reached."""
        if not SHORTEST <= len(token) <= LONGEST:
            return False
        if sha256.startswith(token):
            return True
        if not size or size > _ENOUGH:
            return False
        if size > self._left or not self._files:
            self.is_complete = False
            return False
        self._left -= size
        self._files -= 1
        content = self._read(path, size)[:size]
        return any(spelled.startswith(token) for spelled in _spellings(content, token))


def has_hash_of_dotnet(name: str, sha256: str) -> bool:
    """Returns true if a file name contains the hash of the content as the .NET SDK writes it: ten digits in base 36.
    `sha256` (hex) is the hash of the content."""
    tokens = _OF_DOTNET.findall(name)
    return bool(tokens) and _base36(bytes.fromhex(sha256)) in tokens


def _base36(digest: bytes) -> str:
    """Returns the first nine bytes of a digest as the .NET SDK's `FileHasher.ToBase36` does: the magnitude of a signed
    little-endian number, the least significant digit first."""
    number, digits = abs(int.from_bytes(digest[:9], "little", signed=True)), []
    for _ in range(10):
        number, digit = divmod(number, 36)
        digits.append(_BASE36[digit])
    return "".join(digits)


def _spellings(content: bytes, token: str) -> Iterator[str]:
    """Yields the hashes of a content that build tools write in the alphabet of the token (hex, base 32 or base 64)."""
    if _HEX.issuperset(token):
        yield hashlib.md5(content, usedforsecurity=False).hexdigest()  # Expo, Phoenix, Ember, Django, Hugo
        yield hashlib.sha1(content, usedforsecurity=False).hexdigest()  # Propshaft, Middleman
        if len(token) > 64:
            yield hashlib.sha384(content).hexdigest()
            yield hashlib.sha512(content).hexdigest()
    try:
        from xxhash import xxh3_128_digest, xxh64, xxh64_digest
    # The command line works without this module. Without it, only the caching of responses may differ.
    except ModuleNotFoundError:
        return
    if _HEX.issuperset(token):
        yield xxh64_digest(content).hex()  # Rspack
        return
    if _BASE32.issuperset(token):
        yield b32encode(xxh64_digest(content)).decode()  # esbuild, Angular
    if len(token) == 8 and frozenset(_CROCKFORD).issuperset(token):
        digest = xxh64(len(content).to_bytes(8, "little"))
        digest.update(content)
        yield "".join(_CROCKFORD[byte & 31] for byte in digest.digest()[::-1])  # Bun
    yield _base64_number(xxh3_128_digest(content)[::-1])  # Rollup and Rolldown, which Vite, Astro and SvelteKit use


def _base64_number(digest: bytes) -> str:
    """Returns a digest as a number in base 64, the most significant digit first, as Rollup writes it."""
    number, digits = int.from_bytes(digest, "big"), []
    while number:
        number, digit = divmod(number, 64)
        digits.append(_BASE64[digit])
    return "".join(reversed(digits))
