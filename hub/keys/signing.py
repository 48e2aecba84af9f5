"""Ed25519 signatures (RFC 8032) on tokens, audit checkpoints, consents and notices, each with a key type of its own.

- Private and public keys carry their purpose in their type; a document signed for one purpose does not verify
  for another, because the purpose stands before the signed bytes.
- A signed document is a JSON object with one member `signature` of `kid` and `value` (base64url). What is
  signed is `credit-hub/<purpose>/v1`, a line feed, and the canonical JSON of all other members.
- Verifying raises; it never answers with a bare True.
- A key that is verify-only does not sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.errors import KeyRingError, ValueFormatError, VerificationError
from hub.keys.canonical import canonical_json
from hub.keys.facts import KeyFacts, KeyPurpose, KeyStatus
from hub.keys.jwk import decode, ed25519_jwk, encode, thumbprint
from hub.keys.secrets import SECRET_BYTES

SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """The public half of a signing key of one purpose."""

    purpose: ClassVar[KeyPurpose]
    kid: str
    raw: bytes
    """32 bytes of the public key (RFC 8032)."""
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.raw))

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """The key in a JWK of kty OKP and crv Ed25519 (RFC 8037).

        Raises:
            VerificationError: when it is not one, or its `kid` was not made from it for this purpose.
        """
        try:
            raw = decode(jwk["x"])
            if (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519") and jwk["kid"] == signing_id(cls.purpose, raw):
                return cls(jwk["kid"], raw)
        except (KeyError, TypeError, ValueError):
            pass
        raise VerificationError(
            f"A public {cls.purpose} key is not a well-formed Ed25519 key with a key id of its own.",
            hint="Fetch the public key ring again from its publisher.",
        )

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a raw signature.

        Raises:
            VerificationError: when it does not hold.
        """
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise VerificationError(
                "A signature does not hold: the signed bytes were altered or another key signed them.",
                hint="Compare with the original, and the key id with the publisher's key ring.",
                message_zh="签名验证失败：内容被改动，或由其他密钥签名。",
            ) from None

    def public_jwk(self) -> dict[str, str]:
        """The key as a JWK (RFC 8037), safe to publish."""
        return ed25519_jwk(self.raw, self.kid)


class TokenVerifyKey(VerifyKey):
    """Verifies access tokens."""

    __slots__ = ()
    purpose = KeyPurpose.TOKEN


class LogVerifyKey(VerifyKey):
    """Verifies audit checkpoints."""

    __slots__ = ()
    purpose = KeyPurpose.LOG


class ConsentVerifyKey(VerifyKey):
    """Verifies consent artefacts."""

    __slots__ = ()
    purpose = KeyPurpose.CONSENT


class NoticeVerifyKey(VerifyKey):
    """Verifies notices to institutions."""

    __slots__ = ()
    purpose = KeyPurpose.NOTICE


V = TypeVar("V", bound=VerifyKey)


@dataclass(frozen=True, slots=True)
class SigningKey(Generic[V]):
    """A private signing key of one purpose; its secret is the 32-byte seed.

    Raises:
        KeyRingError: at construction, when id, purpose and material do not belong together.
    """

    verify_type: ClassVar[type[VerifyKey]]
    facts: KeyFacts
    secret: bytes = field(repr=False)
    public: V = field(init=False, repr=False)
    _key: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.secret) == SECRET_BYTES and self.facts.purpose is self.verify_type.purpose:
            key = Ed25519PrivateKey.from_private_bytes(self.secret)
            raw = key.public_key().public_bytes_raw()
            if self.facts.id == signing_id(self.facts.purpose, raw):
                object.__setattr__(self, "_key", key)
                object.__setattr__(self, "public", self.verify_type(self.facts.id, raw))
                return
        raise KeyRingError(
            f"The key {self.facts.id} does not hold the material its id was made from.",
            hint="Restore the file of that key from a backup of the ring.",
        )

    @property
    def kid(self) -> str:
        """The key's id, as it stands in tokens and signatures."""
        return self.facts.id

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature.

        Raises:
            KeyRingError: when the key is verify-only.
        """
        if self.facts.status is not KeyStatus.ACTIVE:
            raise KeyRingError(
                f"The key {self.facts.id} is verify-only and signs no more.", hint="Sign with the active key."
            )
        return self._key.sign(message)

    def unsafe_private_jwk(self) -> dict[str, str]:
        """The key with its private part as a JWK, for a token library in memory; never store or log it."""
        return {**self.public.public_jwk(), "d": encode(self.secret)}


class TokenSigningKey(SigningKey[TokenVerifyKey]):
    """Signs access tokens."""

    __slots__ = ()
    verify_type = TokenVerifyKey


class LogSigningKey(SigningKey[LogVerifyKey]):
    """Signs audit checkpoints."""

    __slots__ = ()
    verify_type = LogVerifyKey


class ConsentSigningKey(SigningKey[ConsentVerifyKey]):
    """Signs consent artefacts."""

    __slots__ = ()
    verify_type = ConsentVerifyKey


class NoticeSigningKey(SigningKey[NoticeVerifyKey]):
    """Signs notices to institutions, such as recalls."""

    __slots__ = ()
    verify_type = NoticeVerifyKey


def signing_id(purpose: KeyPurpose, raw: bytes) -> str:
    """The id that belongs to an Ed25519 public key: its purpose and 8 bytes of its RFC 7638 thumbprint."""
    return f"{purpose}_{thumbprint(ed25519_jwk(raw))[:8].hex()}"


def sign_document(key: SigningKey[Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a `signature` member; an earlier one is replaced.

    Raises:
        ValueFormatError: when the document has no canonical form (floats, keys beyond ASCII, other types).
        KeyRingError: when the key is verify-only.
    """
    body = {name: value for name, value in document.items() if name != "signature"}
    value = encode(key.sign(_signed_bytes(key.facts.purpose, body)))
    return {**body, "signature": {"kid": key.kid, "value": value}}


def verify_document(keys: Mapping[str, V], document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without its signature, once that holds under the key of `keys` that its `kid` names.

    Raises:
        VerificationError: when there is no signature, its key is not among `keys`, or it does not hold.
    """
    body = dict(document)
    signature = body.pop("signature", None)
    try:
        if not isinstance(signature, Mapping) or set(signature) != {"kid", "value"}:
            raise KeyError
        key, value = keys[signature["kid"]], decode(signature["value"])
        message = _signed_bytes(key.purpose, body)
    except (KeyError, TypeError, ValueError, ValueFormatError):
        raise VerificationError(
            "A document carries no signature of a key that is known here.",
            hint="Fetch the public key ring again from its publisher and verify once more.",
        ) from None
    key.verify(message, value)
    return body


def _signed_bytes(purpose: KeyPurpose, body: Mapping[str, Any]) -> bytes:
    return f"credit-hub/{purpose}/v1\n".encode() + canonical_json(body)
