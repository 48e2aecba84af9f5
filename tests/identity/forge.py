"""Tokens made by hand with `cryptography`, so that what a library would refuse to make can be sent too."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .identity_world import b64, signing_input, unsigned

TYP = "client-authentication+jwt"


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def ed25519(jwk: dict[str, Any], claims: dict[str, Any], /, **header: Any) -> str:
    full = {"alg": "EdDSA", "kid": jwk["kid"], "typ": TYP, **header}
    text = unsigned({k: v for k, v in full.items() if v is not None}, claims)
    return _ed25519(jwk, text)


def ed25519_text(jwk: dict[str, Any], claims: str) -> str:
    """Claims as a text, for JSON that no writer would make."""
    return _ed25519(jwk, signing_input(f'{{"alg":"EdDSA","kid":"{jwk["kid"]}"}}', claims))


def _ed25519(jwk: dict[str, Any], text: str) -> str:
    return f"{text}.{b64(Ed25519PrivateKey.from_private_bytes(raw(jwk['d'])).sign(text.encode()))}"


def es256(jwk: dict[str, Any], claims: dict[str, Any], /, **header: Any) -> str:
    text = unsigned({"alg": "ES256", "kid": jwk["kid"], "typ": TYP, **header}, claims)
    key = ec.derive_private_key(int.from_bytes(raw(jwk["d"]), "big"), ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def rsa_signed(key: rsa.RSAPrivateKey, kid: str, claims: dict[str, Any], *, alg: str) -> str:
    text = unsigned({"alg": alg, "kid": kid, "typ": TYP}, claims)
    pad = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if alg == "PS256" else padding.PKCS1v15()
    return f"{text}.{b64(key.sign(text.encode(), pad, hashes.SHA256()))}"


def hs256(secret: bytes, kid: str, claims: dict[str, Any], /, **header: Any) -> str:
    text = unsigned({"alg": "HS256", "kid": kid, "typ": TYP, **header}, claims)
    return f"{text}.{b64(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def none(kid: str, claims: dict[str, Any], /, **header: Any) -> str:
    return unsigned({"alg": "none", "kid": kid, "typ": TYP, **header}, claims) + "."


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    e, n = (b64(v.to_bytes((v.bit_length() + 7) // 8, "big")) for v in (numbers.e, numbers.n))
    return {"kty": "RSA", "kid": kid, "n": n, "e": e}
