"""Access tokens: what they say, and when they are no good (RFC 9068, security properties 31 and 32)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from world import unentered

from hub.errors import AuthenticationError
from hub.identity.details import pseudonym

from . import forge
from .identity_world import (
    ISSUER,
    LOAN,
    NOW,
    OTHER_USCC,
    RESIDENT_ID,
    USCC,
    Signer,
    World,
    resolve,
    run,
)

AT = int(NOW.timestamp())


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, signed bytes and signature, read without the library under test."""
    head, body, signature = token.split(".")
    return (
        json.loads(forge.raw(head)),
        json.loads(forge.raw(body)),
        f"{head}.{body}".encode(),
        forge.raw(signature),
    )


def test_a_token_verifies_by_another_route_and_holds_no_identifier(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token = await world.token(details=[{**LOAN, "subjects": [USCC, RESIDENT_ID]}])
        header, claims, signed, signature = parts(token)
        jwk = (await world.http.get("/oauth/jwks")).json()["keys"][0]
        assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": jwk["kid"]}
        key = Ed25519PublicKey.from_public_bytes(forge.raw(jwk["x"]))
        key.verify(signature, signed)
        with pytest.raises(InvalidSignature):
            key.verify(signature, signed + b"x")
        assert {name: claims[name] for name in ("iss", "sub", "client_id", "aud", "iat", "exp")} == {
            "iss": ISSUER,
            "sub": "bank-hkb",
            "client_id": "bank-hkb",
            "aud": ISSUER,
            "iat": AT,
            "exp": AT + 300,
        }
        assert USCC not in json.dumps(claims)
        assert RESIDENT_ID not in json.dumps(claims)

    run(database_url, scenario)


def test_a_token_tells_who_calls_and_what_for_until_it_expires(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier, token = world.verifier(), await world.token()
        for seconds in (0, 1, 299):
            caller = verifier.verify(token, NOW + timedelta(seconds=seconds))
            assert caller.client.client_id == "bank-hkb"
            assert caller.roles == ("bank",)
            assert caller.institution == "91460000DEM00101XA"
            assert caller.grants[0].subject_ids == {resolve(USCC)}
            assert caller.grants[0].consent_id == "c_7Q"
            assert caller.expires_at == NOW + timedelta(seconds=300)
        with pytest.raises(AuthenticationError):
            verifier.verify(token, NOW + timedelta(seconds=300))

    run(database_url, scenario)


def claims(**changes: Any) -> dict[str, Any]:
    detail = {**LOAN, "subjects": [pseudonym(resolve(USCC))]}
    good = {
        "iss": ISSUER,
        "sub": "bank-hkb",
        "client_id": "bank-hkb",
        "aud": ISSUER,
        "iat": AT,
        "exp": AT + 300,
        "jti": "t1",
        "authorization_details": [detail],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def made(**changes: Any) -> Callable[[World], str]:
    return lambda w: forge.ed25519(w.signer.jwk, claims(**changes), typ="at+jwt")


def headed(**header: Any) -> Callable[[World], str]:
    return lambda w: forge.ed25519(w.signer.jwk, claims(), **{"typ": "at+jwt", **header})


def swapped(**changes: Any) -> Callable[[World], str]:
    """The signature of a good token under other claims."""

    def make(w: World) -> str:
        head, _, signature = made()(w).split(".")
        return f"{head}.{made(**changes)(w).split('.')[1]}.{signature}"

    return make


def detail(**changes: Any) -> list[dict[str, Any]]:
    return [{**LOAN, "subjects": [pseudonym(resolve(USCC))], **changes}]


REFUSED: dict[str, Callable[[World], str]] = {
    "expired this very second": made(exp=AT),
    "no expiry": made(exp=None),
    "not valid yet": made(nbf=AT + 61),
    "issued in the future": made(iat=AT + 61),
    "no time of issue": made(iat=None),
    "another audience": made(aud="https://other.example"),
    "an array for audience": made(aud=[ISSUER]),
    "no audience": made(aud=None),
    "another issuer": made(iss="https://other.example"),
    "no issuer": made(iss=None),
    "no id": made(jti=None),
    "no client": made(client_id=None),
    "an unknown client": made(client_id="bank-zzz"),
    "a client that is a list": made(client_id=["bank-hkb"]),
    "a foreign key": lambda _: forge.ed25519(Signer().jwk, claims(), typ="at+jwt"),
    "a foreign key under our key id": lambda w: forge.ed25519(
        {**Signer().jwk, "kid": w.signer.kid}, claims(), typ="at+jwt"
    ),
    "a client's key": lambda w: forge.ed25519(w.private["bank-hkb"], claims(), typ="at+jwt"),
    "no key id": headed(kid=None),
    "algorithm none": lambda w: forge.none(w.signer.kid, claims(), typ="at+jwt"),
    "HS256 with the public key as secret": lambda w: forge.hs256(
        forge.raw(w.signer.jwk["x"]), w.signer.kid, claims(), typ="at+jwt"
    ),
    "type JWT": headed(typ="JWT"),
    "no type": headed(typ=None),
    "the type of an assertion": headed(typ="client-authentication+jwt"),
    "a key in the header": lambda w: forge.ed25519(w.signer.jwk, claims(), typ="at+jwt", jwk={"kty": "OKP"}),
    "tampered purpose": swapped(authorization_details=detail(purpose="LOAN_REVIEW_POST")),
    "tampered subjects": swapped(authorization_details=detail(subjects=[pseudonym(resolve(OTHER_USCC))])),
    "tampered expiry": swapped(exp=AT + 9999),
    "no details": made(authorization_details=None),
    "an empty list of details": made(authorization_details=[]),
    "details with an unknown member": made(authorization_details=detail(datasets=["*"])),
    "details with an identifier": made(authorization_details=[LOAN]),
    "a purpose that the client does not hold": made(authorization_details=detail(purpose="GOV_SUPERVISION")),
    "a subject that the client does not act for": made(
        client_id="subject-org",
        sub="subject-org",
        authorization_details=detail(purpose="SELF_QUERY", subjects=[pseudonym(resolve(OTHER_USCC))]),
    ),
    "nothing": lambda _: "",
    "not a token": lambda _: "a.b.c",
    "a megabyte": lambda _: "a" * 1_000_000 + ".b.c",
    "characters beyond ASCII": lambda _: "é.é.é",
}


def test_every_token_that_breaks_a_rule_is_refused_in_the_same_words(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier = world.verifier()
        assert verifier.verify(made()(world), NOW).token_id == "t1"
        assert verifier.verify(made(nbf=AT + 60, jti="t2")(world), NOW)
        messages = set()
        for case, make in REFUSED.items():
            token = make(world)
            for _ in range(2):  # a refusal is not remembered as anything else
                with pytest.raises(AuthenticationError) as refusal:
                    pytest.fail(f"{case}: {verifier.verify(token, NOW)}")
                messages.add(str(refusal.value))
        assert len(messages) == 1

    run(database_url, scenario)


def test_a_disabled_client_is_out_at_once_even_with_a_remembered_token(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier = world.verifier()
        token, other = await world.token(), await world.token("bank-qzb")
        verifier.verify(token, NOW)
        verifier.verify(other, NOW)
        await world.registry.disable("bank-hkb", unentered)
        with pytest.raises(AuthenticationError):
            verifier.verify(token, NOW)
        assert verifier.verify(other, NOW).client.client_id == "bank-qzb"
        assert (await world.post(world.form())).status_code == 401

    run(database_url, scenario)


def test_a_purpose_taken_from_the_client_is_taken_from_its_remembered_tokens(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier, token = world.verifier(), await world.token()
        bank = verifier.verify(token, NOW).client
        narrowed = dataclasses.replace(bank, purposes=("LOAN_REVIEW_POST",))
        await world.registry.register(narrowed, NOW, unentered)
        with pytest.raises(AuthenticationError):
            verifier.verify(token, NOW)

    run(database_url, scenario)


def test_a_role_taken_from_the_client_is_gone_from_its_remembered_tokens(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier, token = world.verifier(), await world.token()
        bank = verifier.verify(token, NOW).client
        await world.registry.register(dataclasses.replace(bank, roles=("public",)), NOW, unentered)
        assert verifier.verify(token, NOW).roles == ("public",)

    run(database_url, scenario)


def test_a_forgotten_token_is_refused_and_others_are_not(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier = world.verifier()
        token, other, never_seen = await world.token(), await world.token(), await world.token()
        caller = verifier.verify(token, NOW)
        verifier.forget(caller.token_id, caller.expires_at)
        verifier.forget(parts(never_seen)[1]["jti"], caller.expires_at)
        for refused in (token, never_seen):
            with pytest.raises(AuthenticationError):
                verifier.verify(refused, NOW)
        assert verifier.verify(other, NOW)

    run(database_url, scenario)


def test_only_so_many_tokens_are_remembered_and_all_keep_working(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier = dataclasses.replace(world.verifier(), capacity=3)
        tokens = [await world.token() for _ in range(6)]
        for _ in range(2):
            for token in tokens:
                assert verifier.verify(token, NOW)
                assert len(verifier._remembered) <= 3
        small = dataclasses.replace(world.verifier(), capacity_bytes=3000)
        for token in tokens:
            assert small.verify(token, NOW)
        assert sum(known.size for known in small._remembered.values()) == small._bytes <= 3000

    run(database_url, scenario)


def test_a_remembered_token_is_the_same_caller_without_another_check(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier, token = world.verifier(), await world.token()
        assert verifier.verify(token, NOW) is verifier.verify(str(token), NOW)
        assert await verifier.authenticate(token, NOW) is verifier.verify(token, NOW)

    run(database_url, scenario)


def test_a_signature_is_not_good_for_another_spelling_of_the_token(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token = await world.token()
        for spelling in (token + "=", token + "\n", " " + token, token.replace(".", ".\n", 1), token + "A"):
            with pytest.raises(AuthenticationError):
                world.verifier().verify(spelling, NOW)

    run(database_url, scenario)


def test_a_key_that_could_have_signed_by_hand_agrees_with_the_server(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token = await world.token()
        _, _, signed, signature = parts(token)
        assert (
            Ed25519PrivateKey.from_private_bytes(forge.raw(world.signer.jwk["d"])).sign(signed) == signature
        )

    run(database_url, scenario)
