"""Deploy keys: creates a key pair, or reads a private key that a user supplies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from easel.repositories.errors import DeployKeyError

LONGEST: Final = 16 * 1024
"""Maximum number of bytes of a private key's text. An RSA key of 8,192 bits has 6 KiB."""
_SMALLEST_RSA: Final = 2048
"""Minimum number of bits of an RSA key. OpenSSH and the Git hosts refuse shorter keys."""

_Private = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class DeployKey:
    """A deploy key in OpenSSH's formats. The private key is secret. The public key is a single line."""

    private: str
    public: str


def make_key(comment: str) -> DeployKey:
    """Returns a new Ed25519 key pair (RFC 8032). The public key ends with the comment."""
    return _pair(Ed25519PrivateKey.generate(), comment)


def read_key(text: str, comment: str) -> DeployKey:
    """Reads a private key in OpenSSH's or PEM format, and returns the key pair. Raises DeployKeyError."""
    if len(text) > LONGEST:
        raise DeployKeyError(reason=f"it is longer than {LONGEST} bytes")
    data = text.strip().replace("\r\n", "\n").encode("utf-8", "replace") + b"\n"
    if b"PRIVATE KEY-----" not in data[:100]:
        raise DeployKeyError(
            reason="it is not a private key; a private key begins like `-----BEGIN OPENSSH PRIVATE KEY`"
        )
    load = load_ssh_private_key if b"OPENSSH" in data[:100] else load_pem_private_key
    try:
        key = load(data, None)
    except TypeError:
        raise DeployKeyError(reason="it is protected by a passphrase; use a key without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise DeployKeyError(reason="it is damaged, or OpenSSH does not support this type of key") from None
    if not isinstance(key, _Private):
        raise DeployKeyError(reason="only Ed25519, ECDSA and RSA keys are supported")
    if isinstance(key, RSAPrivateKey) and key.key_size < _SMALLEST_RSA:
        raise DeployKeyError(reason=f"an RSA key needs at least {_SMALLEST_RSA} bits")
    return _pair(key, comment)


def _pair(key: _Private, comment: str) -> DeployKey:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return DeployKey(private.decode(), f"{public.decode()} {comment}")
