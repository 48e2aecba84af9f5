"""Client assertions: what is taken, and every way to be refused (security properties 31 and 33)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from world import unentered

from hub.identity import assertion
from hub.identity.clients import ClientRegistry

from . import forge
from .identity_world import ISSUER, LOAN, NOW, SEAL, World, app_of, client, run, token_server

AT = int(NOW.timestamp())


def signed(**changes: Any) -> Callable[[World], str]:
    return lambda w: forge.ed25519(w.private["bank-hkb"], w.claims(**changes))


def headed(**header: Any) -> Callable[[World], str]:
    return lambda w: forge.ed25519(w.private["bank-hkb"], w.claims(), **header)


def public(w: World) -> dict[str, Any]:
    return {k: v for k, v in w.private["bank-hkb"].items() if k != "d"}


def tampered(w: World) -> str:
    head, _, rest = signed()(w).partition(".")
    other = forge.ed25519(w.private["bank-hkb"], w.claims(jti="two")).split(".")[1]
    return f"{head}.{other}.{rest.partition('.')[2]}"


def repeated_claim(w: World) -> str:
    return forge.ed25519_text(w.private["bank-hkb"], '{"jti":"a",' + json.dumps(w.claims())[1:])


VAGUE = "The client assertion is not valid."
REFUSED: dict[str, tuple[Callable[[World], str], str]] = {
    "an audience of another server": (signed(aud="https://other.example"), "aud of the assertion"),
    "the token endpoint as audience": (signed(aud=f"{ISSUER}/oauth/token"), "aud of the assertion"),
    "the issuer with a final slash as audience": (signed(aud=f"{ISSUER}/"), "aud of the assertion"),
    "an array with only the right audience": (signed(aud=[ISSUER]), "aud of the assertion"),
    "an array of two audiences": (signed(aud=[ISSUER, "https://other.example"]), "aud of the assertion"),
    "no audience": (signed(aud=None), "aud of the assertion"),
    "expired this very second": (signed(exp=AT), "expired"),
    "expired long ago": (signed(iat=AT - 7200, exp=AT - 3600), "expired"),
    "a life of more than five minutes": (signed(exp=AT + 301), "longer than five minutes"),
    "no expiry": (signed(exp=None), "no valid exp"),
    "an expiry that is a text": (signed(exp=str(AT + 60)), "no valid exp"),
    "an expiry that is true": (signed(exp=True), "no valid exp"),
    "an expiry beyond the calendar": (signed(exp=10**18), "no valid exp"),
    "issued in the future": (signed(iat=AT + 61, exp=AT + 120), "iat"),
    "issued an hour ago": (signed(iat=AT - 3600), "too long ago"),
    "not valid yet": (signed(nbf=AT + 61, exp=AT + 120), "nbf"),
    "a start time that is a text": (signed(nbf="soon"), "nbf"),
    "no id": (signed(jti=None), "jti"),
    "an empty id": (signed(jti=""), "jti"),
    "an id that is a number": (signed(jti=7), "jti"),
    "an id with a line feed": (signed(jti="a\nb"), "jti"),
    "an id beyond 128 characters": (signed(jti="a" * 129), "jti"),
    "no issuer": (signed(iss=None), "iss and sub"),
    "an issuer that is another client": (signed(iss="bank-qzb"), "iss and sub"),
    "no subject": (signed(sub=None), VAGUE),
    "a subject that is a list": (signed(sub=["bank-hkb"]), VAGUE),
    "a subject that is an unknown client": (signed(sub="bank-zzz", iss="bank-zzz"), VAGUE),
    "another client's name under one's own key": (signed(sub="bank-qzb", iss="bank-qzb"), VAGUE),
    "the key of another client": (lambda w: forge.ed25519(w.private["bank-qzb"], w.claims()), VAGUE),
    "the key id of this client and the key of another": (
        lambda w: forge.ed25519({**w.private["bank-qzb"], "kid": w.private["bank-hkb"]["kid"]}, w.claims()),
        VAGUE,
    ),
    "an unknown key id": (headed(kid="nobody"), VAGUE),
    "no key id": (headed(kid=None), VAGUE),
    "a key id that is a number": (headed(kid=1), VAGUE),
    "no algorithm": (headed(alg=None), VAGUE),
    "an algorithm that is a list": (headed(alg=["EdDSA"]), VAGUE),
    "algorithm none": (lambda w: forge.none(public(w)["kid"], w.claims()), VAGUE),
    "HS256 with the public key as secret": (
        lambda w: forge.hs256(forge.raw(public(w)["x"]), public(w)["kid"], w.claims()),
        VAGUE,
    ),
    "ES256 in the header of an Ed25519 key": (headed(alg="ES256"), VAGUE),
    "a tampered payload": (tampered, VAGUE),
    "a signature cut short": (lambda w: signed()(w)[:-4], VAGUE),
    "no signature": (lambda w: signed()(w).rpartition(".")[0] + ".", VAGUE),
    "a repeated claim": (repeated_claim, VAGUE),
    "a private key in the header": (lambda w: headed(jwk=w.private["bank-hkb"])(w), VAGUE),
    "a public key in the header": (lambda w: headed(jwk=public(w))(w), VAGUE),
    "a key address in the header": (headed(jku="https://evil.example/jwks"), VAGUE),
    "a critical header": (headed(crit=["exp"]), VAGUE),
    "an unencoded payload": (headed(b64=False, crit=["b64"]), VAGUE),
    "the type of an access token": (headed(typ="at+jwt"), VAGUE),
    "not a token": (lambda _: "hello", VAGUE),
    "a header that is no object": (lambda _: forge.b64(b'"alg"') + ".e30.AA", VAGUE),
    "deep nesting": (lambda _: forge.b64(b"[" * 5000) + ".e30.AA", VAGUE),
    "characters beyond ASCII": (lambda w: signed()(w) + "é", VAGUE),
    "ten thousand characters": (lambda w: signed()(w) + "A" * 10_000, VAGUE),
}


def test_every_assertion_that_breaks_a_rule_is_refused_and_not_used_up(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for case, (make, why) in REFUSED.items():
            answer = await world.post(assertion.token_form(make(world), [LOAN]))
            assert answer.status_code == 401, case
            assert answer.json()["error"] == "invalid_client", case
            assert why in answer.json()["error_description"], case
            assert set(answer.json()) == {"error", "error_description"}, case
            assert answer.headers["cache-control"] == "no-store", case
            assert answer.headers["www-authenticate"].startswith("private_key_jwt "), case
            assert await world.used() == 0, case

    run(database_url, scenario)


TAKEN: dict[str, Callable[[World], str]] = {
    "the name EdDSA": signed(),
    "the name Ed25519 (RFC 9864)": headed(alg="Ed25519"),
    "no type": headed(typ=None),
    "type JWT": headed(typ="JWT"),
    "type with application/": headed(typ="application/client-authentication+jwt"),
    "a clock that is a minute ahead": signed(iat=AT + 60, nbf=AT + 60, exp=AT + 120),
    "a life of exactly five minutes": signed(exp=AT + 300),
    "one second left": signed(exp=AT + 1),
    "ES256": lambda w: forge.es256(w.private["bank-es"], w.claims("bank-es")),
}


def test_every_assertion_that_holds_to_the_rules_is_taken_and_used_up(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for number, (case, make) in enumerate(TAKEN.items(), 1):
            answer = await world.post(assertion.token_form(make(world), [LOAN]))
            assert answer.status_code == 200, f"{case}: {answer.text}"
            assert await world.used() == number, case

    run(database_url, scenario)


def test_an_rsa_key_signs_with_ps256_and_never_with_rs256(database_url: str) -> None:
    key = rsa.generate_private_key(65537, 2048)

    async def scenario(world: World) -> None:
        await world.registry.register(client("bank-rsa", forge.rsa_jwk(key, "r1")), NOW, unentered)
        for alg, status in {"RS256": 401, "PS256": 200}.items():
            made = forge.rsa_signed(key, "r1", world.claims("bank-rsa"), alg=alg)
            answer = await world.post(assertion.token_form(made, [LOAN]))
            assert answer.status_code == status, alg

    run(database_url, scenario)


def test_a_differing_client_id_parameter_is_refused_and_the_same_one_taken(database_url: str) -> None:
    async def scenario(world: World) -> None:
        differing = await world.post({**world.form(), "client_id": "bank-qzb"})
        assert (differing.status_code, differing.json()["error"]) == (401, "invalid_client")
        assert (await world.post({**world.form(), "client_id": "bank-hkb"})).status_code == 200

    run(database_url, scenario)


def test_unknown_disabled_and_forged_clients_get_the_same_answer(database_url: str) -> None:
    async def scenario(world: World) -> None:
        forms = [
            assertion.token_form(forge.ed25519(world.private["bank-qzb"], world.claims(name)), [LOAN])
            for name in ("bank-zzz", "bank-hkb")
        ]
        disabled = world.form("bank-es")
        await world.registry.disable("bank-es", unentered)
        answers = [await world.post(form) for form in (*forms, disabled)]
        assert {(a.status_code, a.content, str(a.headers)) for a in answers} == {
            (answers[0].status_code, answers[0].content, str(answers[0].headers))
        }
        assert answers[0].status_code == 401

    run(database_url, scenario)


def test_an_assertion_is_used_once_even_when_the_first_request_asked_for_too_much(database_url: str) -> None:
    async def scenario(world: World) -> None:
        form = world.form(details=[{**LOAN, "purpose": "GOV_SUPERVISION"}])
        first = await world.post(form)
        assert first.json()["error"] == "invalid_authorization_details"
        second = await world.post({**form, **assertion.token_form(form["client_assertion"], [LOAN])})
        assert (second.status_code, second.json()["error"]) == (401, "invalid_client")
        assert "used before" in second.json()["error_description"]

    run(database_url, scenario)


def test_two_clients_may_use_the_same_id(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for name in ("bank-hkb", "bank-qzb"):
            made = forge.ed25519(world.private[name], world.claims(name))
            assert (await world.post(assertion.token_form(made, [LOAN]))).status_code == 200

    run(database_url, scenario)


def test_of_a_hundred_copies_on_two_servers_exactly_one_is_accepted(database_url: str) -> None:
    async def scenario(world: World) -> None:
        registry = await ClientRegistry.load(world.database, SEAL)
        other = token_server(world.database, registry, world.signer)
        form = world.form()
        async with app_of(other, world.clock) as second:
            posts = [(world.http, second)[n % 2].post("/oauth/token", data=form) for n in range(100)]
            answers = await asyncio.gather(*posts)
        assert sorted(a.status_code for a in answers) == [200, *[401] * 99]
        assert await world.used() == 1

    run(database_url, scenario)
