"""Secrets at rest: encrypted values, signatures and passwords, all under one instance key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import bcrypt

from easel.errors import EaselError
from easel.places import write_private

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

MASK = "***"


class SecretUnreadableError(EaselError):
    """A stored secret cannot be decrypted, because it was encrypted with a different EASEL_SECRET_KEY. Set the secret
    again, or ask Easel's operator to restore the earlier key."""

    code = "secret_unreadable"


class Vault:
    """Encrypts, signs and digests with keys derived from the instance's secret key. The encryption library is large, so
    it is imported only for the first secret."""

    def __init__(self, secret: str) -> None:
        root = hashlib.sha256(secret.encode()).digest()
        self._sealing = _derive(root, b"seal")
        self._signing = _derive(root, b"sign")
        self._digesting = _derive(root, b"digest")
        self.fingerprint = _derive(root, b"fingerprint").hex()
        """A text that identifies the instance's secret key. It cannot be used to decrypt or sign anything."""

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        return Fernet(base64.urlsafe_b64encode(self._sealing))

    def seal(self, plain: str) -> str:
        """Returns the encrypted value (Fernet: AES-128-CBC and HMAC-SHA-256). Two encryptions of the same value
        differ."""
        return self._fernet.encrypt(plain.encode()).decode()

    def open(self, sealed: str) -> str:
        """Returns the text that was encrypted as `sealed`. Raises SecretUnreadableError."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadableError() from error

    def digest(self, plain: str) -> str:
        """Returns a keyed digest (hex). Two secrets can be compared by their digests, without decrypting them."""
        return hmac.digest(self._digesting, plain.encode(), "sha256").hex()

    def sign(self, text: str) -> str:
        """Returns a signature (hex) of the text, for URLs that Easel issues."""
        return hmac.digest(self._signing, text.encode(), "sha256").hex()

    def signed(self, text: str, signature: str) -> bool:
        """Returns true if the text has this signature, compared in constant time."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode("utf-8", "replace"))


def hash_key(secret: str) -> str:
    """Returns the SHA-256 (hex) under which an API key is stored. Keys have 256 random bits, so no slow hash is
    needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Returns the bcrypt hash of a password. A password longer than bcrypt's 72 bytes is digested first."""
    return bcrypt.hashpw(_password_bytes(password), bcrypt.gensalt(10)).decode()


def password_matches(password: str, hashed: str) -> bool:
    """Returns true if the password has this bcrypt hash. A malformed hash matches no password."""
    try:
        return bcrypt.checkpw(_password_bytes(password), hashed.encode())
    except ValueError:
        return False


def load_secret(path: Path) -> str:
    """Returns the instance key from a file (mode 0600), created on first use. Several processes may start at once."""
    if not path.exists():
        # The key is written to another file and linked when complete, so that a second process reads the whole key.
        mine = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
        write_private(mine, base64.urlsafe_b64encode(os.urandom(48)).decode() + "\n")
        with suppress(FileExistsError):
            os.link(mine, path)
        mine.unlink()
    return path.read_text().strip()


def _password_bytes(password: str) -> bytes:
    return base64.b64encode(hashlib.sha256(password.encode()).digest())


def _derive(root: bytes, purpose: bytes) -> bytes:
    return hmac.digest(root, b"easel/" + purpose, "sha256")
