"""Details too large for a token: kept by digest, fetched at first use, and good only as they were kept."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import unentered

from hub.errors import AuthenticationError, UnavailableError
from hub.identity import assertion, portfolio
from hub.identity.assertion import request_token
from hub.identity.portfolio import INLINE_BYTES, MAX_BYTES, PortfolioStore
from hub.identity.replay import KEEP_AFTER_EXPIRY
from hub.identity.tokens import TokenVerifier

from . import forge
from .identity_world import ISSUER, LOAN, NOW, PURPOSES, World, resolve, run
from .test_tokens import claims, parts

CONSENTS = {f"sub_{n:032x}": f"c_{n:022d}" for n in range(1000)}


def detail(count: int = 1000, **changes: Any) -> dict[str, Any]:
    """A detail for so many subjects, each with a consent of its own."""
    subjects = list(CONSENTS)[:count]
    return {
        "type": LOAN["type"],
        "purpose": "LOAN_REVIEW_POST",
        "subjects": subjects,
        "consents": [CONSENTS[subject] for subject in subjects],
        **changes,
    }


async def altered(world: World, sql: str, *values: Any) -> None:
    """What an administrator of the database can do."""
    async with world.database.connection() as connection:
        assert await connection.execute(sql, *values) != "UPDATE 0"


async def refused(verifier: TokenVerifier, token: str, at: Any = NOW) -> str:
    with pytest.raises(AuthenticationError) as refusal:
        await verifier.authenticate(token, at)
    return str(refusal.value)


def test_a_token_for_a_thousand_subjects_is_small_and_names_what_was_granted(database_url: str) -> None:
    async def scenario(world: World) -> None:
        answer = (await world.post(world.form(details=[detail()]))).json()
        assert answer["authorization_details"] == [detail()]
        token = answer["access_token"]
        assert len(token) < 1000
        canonical = json.dumps(
            {"client_id": "bank-hkb", "details": [detail()]}, sort_keys=True, separators=(",", ":")
        )
        named = "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
        assert parts(token)[1]["authorization_details"] == [{"type": LOAN["type"], "portfolio": named}]
        caller = await world.verifier().authenticate(token, NOW)
        assert caller.subject_count == 1000
        for subject, consent in CONSENTS.items():
            grant = caller.grant_of(bytes.fromhex(subject[4:]))
            assert grant is not None
            assert (grant.consent_id, len(grant.subject_ids)) == (consent, 1)
        assert caller.grant_of(resolve("91460000DEM00101XA")) is None

    run(database_url, scenario)


def test_details_of_up_to_four_kilobytes_stand_in_the_token(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for count in range(55, 65):
            token = await world.token(details=[detail(count)])
            canonical = json.dumps([detail(count)], sort_keys=True, separators=(",", ":"))
            inline = len(canonical) <= INLINE_BYTES
            assert ("subjects" in parts(token)[1]["authorization_details"][0]) is inline
            assert len(token) < 6500
            assert (await world.verifier().authenticate(token, NOW)).subject_count == count
        assert 0 < await world.kept() < 10

    run(database_url, scenario)


ALTERATIONS: dict[str, tuple[str, Any]] = {
    "another subject": ("details", [detail(subjects=[f"sub_{n:032x}" for n in range(1, 1001)])]),
    "another consent": ("details", [detail(consents=["c_mine"] * 1000)]),
    "another purpose": ("details", [detail(purpose="LOAN_APPLICATION")]),
    "one subject less": ("details", [detail(999)]),
    "a second detail": ("details", [detail(), {**LOAN, "subjects": []}]),
    "no detail": ("details", []),
    "an object": ("details", detail()),
    "null": ("details", None),
    "a number with a fraction": ("details", [1.5]),
    "a number beyond all bounds": ("details", 10**400),
    "a name beyond ASCII": ("details", {"é": 1}),
    "deep nesting": ("details", "deep"),
    "megabytes": ("details", "a" * 2 * MAX_BYTES),
    "an end in the past": ("expires_at", NOW),
    "another digest": ("digest", bytes(32)),
}


@pytest.mark.parametrize("case", ALTERATIONS)
def test_a_row_that_an_administrator_alters_is_refused_like_any_bad_token(
    case: str, database_url: str
) -> None:
    async def scenario(world: World) -> None:
        token = await world.token(details=[detail()])
        column, value = ALTERATIONS[case]
        if column == "details":
            value = "[" * 3000 + "]" * 3000 if value == "deep" else json.dumps(value)
        await altered(world, f"UPDATE portfolio SET {column} = $1", value)
        verifier = world.verifier()
        for _ in range(2):
            assert await refused(verifier, token) == await refused(verifier, "a.b.c")
        assert not verifier._remembered
        again = await world.token(details=[detail()])  # asking again mends it
        assert (await verifier.authenticate(again, NOW)).subject_count == 1000

    run(database_url, scenario)


def test_a_repeated_member_in_a_row_is_refused(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token = await world.token(details=[detail()])
        text = json.dumps([detail()]).replace('{"type"', '{"purpose":"LOAN_REVIEW_POST","type"')
        await altered(world, "UPDATE portfolio SET details = $1", text)
        await refused(world.verifier(), token)

    run(database_url, scenario)


def test_the_same_details_spelled_differently_are_the_same_portfolio(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token = await world.token(details=[detail()])
        turned = [dict(reversed(detail().items()))]
        await altered(world, "UPDATE portfolio SET details = $1", json.dumps(turned, indent=2))
        assert await world.verifier().authenticate(token, NOW)

    run(database_url, scenario)


def test_the_portfolio_of_a_client_is_nothing_to_another(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token = await world.token(details=[detail()])
        named = parts(token)[1]["authorization_details"]

        def made(**changes: Any) -> str:
            return forge.ed25519(
                world.signer.jwk, claims(authorization_details=named, **changes), typ="at+jwt"
            )

        assert await world.verifier().authenticate(made(), NOW)
        await refused(world.verifier(), made(client_id="bank-qzb", sub="bank-qzb"))
        other = await world.token("bank-qzb", [detail()])
        assert await world.kept() == 2
        assert (await world.verifier().authenticate(other, NOW)).client.client_id == "bank-qzb"

    run(database_url, scenario)


BAD_CLAIMS: dict[str, Callable[[dict[str, str]], Any]] = {
    "an unknown digest": lambda named: [{**named, "portfolio": "sha256:" + "0" * 64}],
    "a digest in upper case": lambda named: [{**named, "portfolio": named["portfolio"].upper()}],
    "a digest with a line feed": lambda named: [{**named, "portfolio": named["portfolio"] + "\n"}],
    "a short digest": lambda named: [{**named, "portfolio": named["portfolio"][:-2]}],
    "a digest that is a number": lambda named: [{**named, "portfolio": 7}],
    "no digest": lambda named: [{"type": named["type"]}],
    "another type": lambda named: [{**named, "type": "payment_initiation"}],
    "no type": lambda named: [{"portfolio": named["portfolio"]}],
    "another member": lambda named: [{**named, "purpose": "LOAN_REVIEW_POST"}],
    "two portfolios": lambda named: [named, named],
    "a portfolio and a detail": lambda named: [named, detail(1)],
    "no list": lambda named: named,
}


def test_a_token_that_names_a_portfolio_in_any_other_way_is_refused(database_url: str) -> None:
    async def scenario(world: World) -> None:
        (named,) = parts(await world.token(details=[detail()]))[1]["authorization_details"]
        for case, make in BAD_CLAIMS.items():
            token = forge.ed25519(world.signer.jwk, claims(authorization_details=make(named)), typ="at+jwt")
            with pytest.raises(AuthenticationError):
                pytest.fail(f"{case}: {await world.verifier().authenticate(token, NOW)}")

    run(database_url, scenario)


def test_a_portfolio_is_remembered_with_the_token_and_not_longer(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier, token = world.verifier(), await world.token(details=[detail()])
        with pytest.raises(AuthenticationError):
            verifier.verify(token, NOW)  # nothing is fetched here
        caller = await verifier.authenticate(token, NOW)
        await altered(world, "UPDATE portfolio SET details = 'null'")
        assert await verifier.authenticate(token, NOW) is caller
        assert verifier.verify(token, NOW) is caller
        assert await refused(verifier, token, NOW + timedelta(seconds=300))
        assert await refused(world.verifier(), token)  # another process

    run(database_url, scenario)


def test_a_client_that_changes_has_its_remembered_portfolios_looked_at_again(database_url: str) -> None:
    async def scenario(world: World) -> None:
        verifier, token = world.verifier(), await world.token(details=[detail()])
        bank = (await verifier.authenticate(token, NOW)).client
        await world.registry.register(dataclasses.replace(bank, roles=("public",)), NOW, unentered)
        assert (await verifier.authenticate(token, NOW)).roles == ("public",)
        await world.registry.register(
            dataclasses.replace(bank, purposes=("LOAN_APPLICATION",)), NOW, unentered
        )
        await refused(verifier, token)
        await world.registry.disable("bank-hkb", unentered)
        await refused(verifier, token)

    run(database_url, scenario)


class CountingStore(PortfolioStore):
    """The real store; it counts, and calls `during` while a fetch is under way."""

    fetches = 0

    async def fetch(self, client_id: str, digest: bytes, now: Any) -> object:
        self.fetches += 1
        stated = await super().fetch(client_id, digest, now)
        self.during()
        return stated

    def during(self) -> None:
        """Nothing."""


def test_many_first_uses_at_once_fetch_a_few_times_only(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token, store = await world.token(details=[detail()]), CountingStore(world.database)
        verifier = TokenVerifier.embedded(ISSUER, world.server.keys, world.registry, PURPOSES, store)
        callers = await asyncio.gather(*(verifier.authenticate(token, NOW) for _ in range(100)))
        assert {caller.subject_count for caller in callers} == {1000}
        assert store.fetches <= 4
        assert await verifier.authenticate(token, NOW)
        assert store.fetches <= 4
        assert verifier._bytes == sum(known.size for known in verifier._remembered.values())
        for _ in range(3):  # what is not proven fetches nothing
            await refused(verifier, token[:-3] + "AAA")
            await refused(verifier, token, NOW + timedelta(seconds=300))
        assert store.fetches <= 4

    run(database_url, scenario)


def test_a_token_that_is_forgotten_while_its_portfolio_is_fetched_is_refused(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token, store = await world.token(details=[detail()]), CountingStore(world.database)
        verifier = TokenVerifier.embedded(ISSUER, world.server.keys, world.registry, PURPOSES, store)
        token_id = parts(token)[1]["jti"]
        store.during = lambda: verifier.forget(token_id, NOW + timedelta(minutes=5))  # type: ignore[method-assign]
        await refused(verifier, token)
        await refused(verifier, token)
        assert not verifier._remembered

    run(database_url, scenario)


def test_only_so_much_is_remembered_of_large_tokens(database_url: str) -> None:
    async def scenario(world: World) -> None:
        small = dataclasses.replace(world.verifier(), capacity_bytes=1_500_000)
        tokens = [await world.token(details=[detail(900 + n)]) for n in range(4)]
        for token in tokens:
            assert await small.authenticate(token, NOW)
        assert len(small._remembered) == 2
        for token in tokens:
            assert await small.authenticate(token, NOW)

    run(database_url, scenario)


def test_portfolios_are_purged_some_time_after_the_last_token_expired(database_url: str) -> None:
    async def scenario(world: World) -> None:
        store, stated = PortfolioStore(world.database), [detail()]
        await store.keep("a", stated, NOW)
        await store.keep("b", stated, NOW + timedelta(seconds=5))
        await store.keep("a", stated, NOW - timedelta(seconds=5))  # an earlier end takes nothing back
        assert await store.purge(NOW + KEEP_AFTER_EXPIRY) == 0
        assert await store.purge(NOW + KEEP_AFTER_EXPIRY + timedelta(seconds=1)) == 1
        assert await world.kept() == 1

    run(database_url, scenario)


def test_without_the_database_no_large_token_is_given_out_or_accepted(database_url: str) -> None:
    async def scenario(world: World) -> None:
        token, small = await world.token(details=[detail()]), await world.token()
        form = world.form(details=[detail()])
        await world.database.close()
        with pytest.raises(UnavailableError):
            await world.verifier().authenticate(token, NOW)
        assert await world.verifier().authenticate(small, NOW)
        assert (await world.post(form)).status_code == 503

    run(database_url, scenario)


def test_a_refused_request_keeps_no_portfolio(database_url: str) -> None:
    async def scenario(world: World) -> None:
        for details, status in (([detail(purpose="GOV_SUPERVISION")], 400), ([detail()], 401)):
            form = world.form(details=details)
            if status == 401:
                form["client_assertion"] = form["client_assertion"][:-3] + "AAA"
            assert (await world.post(form)).status_code == status
        assert await world.kept() == 0

    run(database_url, scenario)


def test_the_client_side_helper_asks_for_a_thousand_subjects(database_url: str) -> None:
    async def scenario(world: World) -> None:
        answer = await request_token(
            world.http,
            "/oauth/token",
            unsafe_private_jwk=world.private["bank-hkb"],
            client_id="bank-hkb",
            issuer=ISSUER,
            details=[detail(template="FU-LOAN-1")],
            now=NOW,
        )
        caller = await world.verifier().authenticate(answer["access_token"], NOW)
        assert {grant.template for grant in caller.grants} == {"FU-LOAN-1"}
        assert (
            len(assertion.token_form("", answer["authorization_details"])["authorization_details"]) > 60_000
        )

    run(database_url, scenario)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["type", "portfolio"]), inner, max_size=2)
        ),
    )
)
def test_any_claim_names_a_portfolio_or_none(claim: Any) -> None:
    assert portfolio.digest_in(claim) is None
