"""JSON Web Keys (RFC 7517, RFC 8037): the form in which keys leave the ring, and client key pairs."""

from __future__ import annotations

import base64
import hashlib
from binascii import a2b_base64
from collections.abc import Mapping
from typing import Literal

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_THUMBPRINT_MEMBERS = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}

Curve = Literal["Ed25519", "P-256"]
"""Curves of client keys: Ed25519 (RFC 8032) and P-256 for ES256 (RFC 7518)."""


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of canonical base64url without padding.

    Raises:
        ValueError: when the text is anything else.
    """
    data = a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), strict_mode=True)
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data


def thumbprint(jwk: Mapping[str, str]) -> bytes:
    """32 bytes of SHA-256 over the key's required members (RFC 7638)."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    return hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()


def ed25519_jwk(raw: bytes, kid: str = "") -> dict[str, str]:
    """The JWK of an Ed25519 public key (RFC 8037), with `kid` and `use` when an id is given."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}
    return {**jwk, "kid": kid, "use": "sig"} if kid else jwk


def generate_client_key(curve: Curve = "Ed25519") -> tuple[dict[str, str], dict[str, str]]:
    """A fresh key pair for a client: private JWK, public JWK; `kid` is the RFC 7638 thumbprint."""
    public, secret = _generate_p256() if curve == "P-256" else _generate_ed25519()
    public |= {"kid": encode(thumbprint(public)), "use": "sig"}
    return {**public, "d": encode(secret)}, public


def _generate_ed25519() -> tuple[dict[str, str], bytes]:
    key = Ed25519PrivateKey.generate()
    return ed25519_jwk(key.public_key().public_bytes_raw()), key.private_bytes_raw()


def _generate_p256() -> tuple[dict[str, str], bytes]:
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = numbers.public_numbers
    jwk = {"kty": "EC", "crv": "P-256", "x": encode(point.x.to_bytes(32, "big"))}
    return jwk | {"y": encode(point.y.to_bytes(32, "big"))}, numbers.private_value.to_bytes(32, "big")
