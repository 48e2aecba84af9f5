"""Signatures hold for the bytes, the key and the purpose they were made for, and speak the public formats."""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from hub.errors import KeyRingError, ValueFormatError, VerificationError
from hub.keys.canonical import canonical_json
from hub.keys.facts import KeyFacts, KeyPurpose, KeyStatus
from hub.keys.jwk import decode, ed25519_jwk, encode, generate_client_key, thumbprint
from hub.keys.note import NoteVerifier, parse_note_verifier
from hub.keys.ring import KeyRing
from hub.keys.signing import (
    ConsentSigningKey,
    ConsentVerifyKey,
    LogSigningKey,
    TokenVerifyKey,
    sign_document,
    signing_id,
    verify_document,
)

DOCUMENT = {
    "consent_id": "c_1",
    "grantee": "91469999DEM0000013",
    "uses": 3,
    "range": ["贷款", None, True],
    "n": {"b": 1},
}


def log_key(seed: str, public: str, status: KeyStatus = KeyStatus.ACTIVE) -> LogSigningKey:
    kid = signing_id(KeyPurpose.LOG, bytes.fromhex(public))
    return LogSigningKey(KeyFacts(kid, KeyPurpose.LOG, status, datetime.now(UTC)), bytes.fromhex(seed))


SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_a_signature_is_the_one_rfc_8032_publishes() -> None:
    key = log_key(SEED, PUBLIC)
    signature = key.sign(b"")
    assert signature.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    key.public.verify(b"", signature)


def test_any_flipped_bit_of_message_or_signature_is_refused(ring: KeyRing) -> None:
    message, key = b"checkpoint", ring.log.active
    signature = key.sign(message)
    for bit in range(len(signature) * 8):
        bad = bytes(b ^ (1 << bit % 8 if i == bit // 8 else 0) for i, b in enumerate(signature))
        with pytest.raises(VerificationError):
            key.public.verify(message, bad)
    for bad in (b"", signature[:-1], signature + b"\0"):
        with pytest.raises(VerificationError):
            key.public.verify(message, bad)
    with pytest.raises(VerificationError):
        key.public.verify(b"Checkpoint", signature)


def test_a_verify_only_key_verifies_and_does_not_sign() -> None:
    signature = log_key(SEED, PUBLIC).sign(b"x")
    retired = log_key(SEED, PUBLIC, KeyStatus.VERIFY_ONLY)
    retired.public.verify(b"x", signature)
    with pytest.raises(KeyRingError, match="verify-only"):
        retired.sign(b"x")


def test_a_key_whose_id_belongs_to_other_material_or_purpose_cannot_be_made(ring: KeyRing) -> None:
    token, consent = ring.token.active, ring.consent.active
    for facts, secret in (
        (consent.facts, token.secret),
        (token.facts, token.secret),
        (consent.facts, b"x" * 31),
    ):
        with pytest.raises(KeyRingError):
            ConsentSigningKey(facts, secret)


def test_a_signed_document_verifies_and_comes_back_without_its_signature(ring: KeyRing) -> None:
    signed = sign_document(ring.consent.active, DOCUMENT)
    assert verify_document(ring.public().consent, signed) == DOCUMENT
    assert signed["signature"]["kid"] == ring.consent.active.kid
    assert verify_document(ring.public().consent, sign_document(ring.consent.active, signed)) == DOCUMENT
    assert verify_document(ring.public().consent, dict(reversed(signed.items()))) == DOCUMENT


CHANGES: dict[str, Any] = {
    "a value was changed": lambda d, _: d.update(uses=4),
    "a member was added": lambda d, _: d.update(extra=None),
    "a member was removed": lambda d, _: d.pop("grantee"),
    "a number became text": lambda d, _: d.update(uses="3"),
    "a list was reordered": lambda d, _: d["range"].reverse(),
    "the signature is missing": lambda d, _: d.pop("signature"),
    "the signature is null": lambda d, _: d.update(signature=None),
    "the signature is text": lambda d, _: d.update(signature=d["signature"]["value"]),
    "the signature has a member too many": lambda d, _: d["signature"].update(alg="none"),
    "the signature is cut": lambda d, _: d["signature"].update(value=d["signature"]["value"][:-4]),
    "the signature is padded": lambda d, _: d["signature"].update(value=d["signature"]["value"] + "=="),
    "the signature is no base64url": lambda d, _: d["signature"].update(value="签名"),
    "the key is unknown": lambda d, _: d["signature"].update(kid="consent_0000000000000000"),
    "the key id is a list": lambda d, _: d["signature"].update(kid=[]),
    "a float crept in": lambda d, _: d.update(uses=3.0),
    "another purpose's key signed it": lambda d, ring: d.update(sign_document(ring.token.active, d)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_document_is_refused_when(ring: KeyRing, change: str) -> None:
    signed = copy.deepcopy(sign_document(ring.consent.active, DOCUMENT))
    CHANGES[change](signed, ring)
    with pytest.raises(VerificationError):
        verify_document(ring.public().consent, signed)


def test_a_signature_for_one_purpose_does_not_hold_for_another_even_with_the_same_key(ring: KeyRing) -> None:
    raw = ring.consent.active.public.raw
    signed = sign_document(ring.consent.active, DOCUMENT)
    as_token = TokenVerifyKey(signed["signature"]["kid"], raw)
    with pytest.raises(VerificationError):
        verify_document({as_token.kid: as_token}, signed)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        {"a": float("nan")},
        {1: "x"},
        {"键": 1},
        {"a": {1, 2}},
        {"a": b"x"},
        2**53,
        datetime.now(UTC),
        "\ud800",
    ],
)
def test_what_has_no_canonical_form_is_not_signed(value: object) -> None:
    with pytest.raises(ValueFormatError):
        canonical_json(value)


def test_canonical_json_is_that_of_rfc_8785() -> None:
    value = {"b": [True, False, None, -1], "a": '\x0f\n"\\/€\u2028', "": {}, "A": 2**53 - 1}
    assert canonical_json(value) == (
        '{"":{},"A":9007199254740991,"a":"\\u000f\\n\\"\\\\/€\u2028","b":[true,false,null,-1]}'.encode()
    )


def test_nesting_without_end_is_refused_and_not_a_crash() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueFormatError):
        canonical_json(deep)


def test_a_thumbprint_is_the_one_rfc_8037_publishes() -> None:
    jwk = ed25519_jwk(bytes.fromhex(PUBLIC))
    assert jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert encode(thumbprint(jwk)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_public_key_reads_back_from_its_jwk_for_its_own_purpose_only(ring: KeyRing) -> None:
    jwk = ring.consent.active.public.public_jwk()
    assert ConsentVerifyKey.from_jwk(jwk) == ring.consent.active.public
    for bad in (
        jwk | {"x": jwk["x"][:-1]},
        jwk | {"crv": "X25519"},
        jwk | {"kid": "consent_" + "0" * 16},
        {},
    ):
        with pytest.raises(VerificationError):
            ConsentVerifyKey.from_jwk(bad)
    with pytest.raises(VerificationError):
        TokenVerifyKey.from_jwk(jwk)


def test_a_ring_key_signs_tokens_through_the_token_library(ring: KeyRing) -> None:
    private = OKPKey.import_key(ring.token.active.unsafe_private_jwk())
    header = {"alg": "Ed25519", "kid": ring.token.active.kid}
    compact = jws.serialize_compact(header, b"{}", private, algorithms=["Ed25519"])
    signed, _, signature = compact.rpartition(".")
    ring.token.active.public.verify(signed.encode(), decode(signature))


@pytest.mark.parametrize(
    ("curve", "kind", "alg"), [("Ed25519", OKPKey, "Ed25519"), ("P-256", ECKey, "ES256")]
)
def test_client_keys_work_in_the_token_library_and_the_public_half_has_no_secret(
    curve: Any, kind: Any, alg: str
) -> None:
    private, public = generate_client_key(curve)
    assert "d" in private
    assert private.keys() - public.keys() == {"d"}
    assert public["kid"] == kind.import_key(public).thumbprint()
    compact = jws.serialize_compact({"alg": alg}, b"x", kind.import_key(private), algorithms=[alg])
    assert jws.deserialize_compact(compact, kind.import_key(public), algorithms=[alg]).payload == b"x"


GO_NOTE = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_published_note_verifier_key_reads_and_writes_back() -> None:
    verifier = parse_note_verifier(GO_NOTE)
    assert verifier.name == "PeterNeumann"
    assert verifier.key_hash.hex() == "c74f20a3"
    assert str(verifier) == GO_NOTE


def test_the_ring_s_log_key_reads_back_from_its_note_form(ring: KeyRing) -> None:
    verifier = ring.note_verifier()
    assert (
        parse_note_verifier(str(verifier))
        == verifier
        == NoteVerifier("credit-hub.example/audit", ring.log.active.public)
    )


@pytest.mark.parametrize(
    "text",
    {
        "nothing": "",
        "no parts": "PeterNeumann",
        "another name": GO_NOTE.replace("Peter", "Paul"),
        "another hash": GO_NOTE.replace("c74f20a3", "c74f20a4"),
        "hash in upper case": GO_NOTE.replace("c74f20a3", "C74F20A3"),
        "another algorithm": "PeterNeumann+c74f20a3+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
        "short key": "PeterNeumann+c74f20a3+" + base64.b64encode(b"\x01" + bytes(31)).decode(),
        "line feed": GO_NOTE + "\n",
        "no name": GO_NOTE.removeprefix("PeterNeumann"),
    }.values(),
)
def test_a_malformed_note_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(VerificationError):
        parse_note_verifier(text)


@given(st.binary(max_size=64))
def test_base64url_reads_back(data: bytes) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize(
    "text", ["QQ==", "QQ=", "QR", "Q", "QUI=", "QUJ", "+w", "QUJD\n", " QUJD", "QUJD====", "签"]
)
def test_base64url_in_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the decoder words it in several ways
        decode(text)
