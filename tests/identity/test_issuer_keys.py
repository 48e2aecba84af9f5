"""Keys that signed tokens before: good until their last token has expired, and no longer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.errors import AuthenticationError
from hub.identity.issuer_keys import IssuerKeys, retired_keys
from hub.identity.portfolio import PortfolioStore
from hub.identity.replay import AssertionLog
from hub.identity.server import TokenServer
from hub.keys.facts import KeyPurpose
from hub.keys.ring import KeyRing, create_ring, load_ring
from hub.keys.rotation import add_signing_key

from . import forge
from .identity_world import ISSUER, NOW, PURPOSES, World, resolve, run, verifier_of
from .test_tokens import AT, claims

LIFETIME = timedelta(minutes=5)


def rotated(folder: Path, *minutes: int) -> KeyRing:
    """A ring whose token key was made an hour ago and got a successor at each of these minutes after NOW."""
    if not folder.exists():
        create_ring(folder, demo=True, now=NOW - timedelta(hours=1))
    for minute in minutes:
        add_signing_key(folder, KeyPurpose.TOKEN, NOW + timedelta(minutes=minute))
    return load_ring(folder, demo=True)


def restarted(world: World, ring: KeyRing) -> TokenServer:
    """The server as a process sets it up that starts with this ring."""
    return TokenServer(
        issuer=ISSUER,
        registry=world.registry,
        assertions=AssertionLog(world.database),
        portfolios=PortfolioStore(world.database),
        signer=ring.token.active,
        purposes=PURPOSES,
        resolve_subject=resolve,
        lifetime=LIFETIME,
        retired=retired_keys(ring.token.by_id.values(), LIFETIME),
    )


def test_a_token_lives_on_after_its_key_was_rotated(database_url: str, tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        before = restarted(world, rotated(tmp_path / "ring"))
        after = restarted(world, rotated(tmp_path / "ring", 0))
        last = NOW + LIFETIME - timedelta(seconds=1)  # a process that was not restarted at once
        for at in (NOW, last):
            world.clock.instant = at
            token = (await before.respond(world.form(), at)).body["access_token"]
            for moment in (at, at + LIFETIME - timedelta(seconds=1)):
                assert verifier_of(world, after).verify(token, moment)
            with pytest.raises(AuthenticationError):
                verifier_of(world, after).verify(token, at + LIFETIME)
        fresh = (await after.respond(world.form(), last)).body["access_token"]
        assert verifier_of(world, after).verify(fresh, last)

    run(database_url, scenario)


def test_a_rotated_key_is_no_good_after_two_lifetimes_whatever_its_tokens_say(
    database_url: str, tmp_path: Path
) -> None:
    async def scenario(world: World) -> None:
        ring = rotated(tmp_path / "ring", 0)
        server = restarted(world, ring)
        old = next(iter(ring.token.by_id.values()))
        stolen = forge.ed25519(
            {**old.unsafe_private_jwk(), "kid": old.kid}, claims(exp=AT + 86_400), typ="at+jwt"
        )
        end = NOW + 2 * LIFETIME
        verifier = verifier_of(world, server)
        assert verifier.verify(stolen, end - timedelta(seconds=1))
        for late in (verifier, verifier_of(world, server)):  # one remembers it, one does not
            with pytest.raises(AuthenticationError):
                late.verify(stolen, end)

    run(database_url, scenario)


def test_a_rotated_key_is_published_as_long_as_it_is_good(database_url: str, tmp_path: Path) -> None:
    ring = rotated(tmp_path / "ring", -30, 0)
    first, second, active = ring.token.by_id
    keys = IssuerKeys(
        ring.token.active.public.public_jwk(), retired_keys(ring.token.by_id.values(), LIFETIME)
    )
    end = NOW + 2 * LIFETIME
    assert [jwk["kid"] for jwk in keys.published(NOW)["keys"]] == [active, second]
    assert [jwk["kid"] for jwk in keys.published(end)["keys"]] == [active]
    assert all("d" not in jwk for jwk in keys.published(NOW)["keys"])
    assert keys.get(first, NOW) is None
    assert keys.get(active, end + timedelta(days=999)) is not None
    assert keys.generation(NOW) < keys.generation(end)


def test_a_ring_whose_token_key_was_never_rotated_has_one_key(tmp_path: Path) -> None:
    assert retired_keys(rotated(tmp_path / "ring").token.by_id.values(), LIFETIME) == ()
