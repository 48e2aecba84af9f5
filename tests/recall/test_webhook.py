"""Recalls as signed webhooks, to a real server on the loopback interface."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import asyncpg
import pytest
from world import World, run

from hub.demo import story_facts as facts
from hub.errors import ConfigurationError, InputError, UnavailableError
from hub.keys.signing import verify_document
from hub.recall import webhook
from hub.recall.endpoints import Endpoints, Reach, check_url
from hub.recall.notice import Cause
from hub.recall.webhook import STEPS, Courier, Delivered, open_client

from .recall_world import TAX, feed, records, show, subject

_STRIKE = """
CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''struck''; END';
CREATE TRIGGER strike BEFORE UPDATE OF delivered_at ON recall_delivery FOR EACH ROW EXECUTE FUNCTION strike()
"""
DEMO = Reach(loopback=True)


@dataclass
class Recipient:
    """An institution's server: keeps what it is sent and answers as told."""

    status: int = 200
    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
        self.paths.append(head[0])
        self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        elsewhere = f"location: http://127.0.0.1:{self.port}/elsewhere\r\n"
        writer.write(
            f"HTTP/1.1 {self.status} X\r\n{elsewhere}content-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/recalls"


@asynccontextmanager
async def recipient() -> AsyncIterator[Recipient]:
    found = Recipient()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


async def recalled(world: World) -> str:
    """A record that the bank got and that is recalled; the bank's token."""
    token = await world.bank_token()
    await show(world, token)
    record = bytes.fromhex((await records(world))[0])
    await world.hub.recalls.issue_alone(
        subject(world), TAX, record, Cause.WITHDRAWN, world.clock.now(), "test"
    )
    return token


async def deliver(world: World, reach: Reach = DEMO) -> Delivered:
    async with open_client() as http:
        return await Courier(world.hub.database, world.hub.ring, http, reach).run(world.clock.now())


def endpoints(world: World, reach: Reach = DEMO) -> Endpoints:
    return Endpoints(world.hub.database, world.hub.log, reach)


def test_a_recall_is_posted_once_signed_and_says_what_the_feed_says(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        async with recipient() as bank:
            await endpoints(world).set(facts.BANK_HKB, bank.url, "test", world.clock.now())
            token = await recalled(world)
            assert await deliver(world) == Delivered(1, 0)
            assert await deliver(world) == Delivered(0, 0)
            ((headers, body),) = bank.got
            assert (headers["host"], bank.paths[0]) == (f"127.0.0.1:{bank.port}", "POST /recalls HTTP/1.1")
            node = (await feed(world, token))["nodes"][0]
            assert (
                json.loads(body)["data"] == json.loads(node["document"])
                if isinstance(node["document"], str)
                else node["document"]
            )
            assert headers["webhook-id"] == node["id"]
            assert headers["webhook-timestamp"] == str(int(world.clock.now().timestamp()))
            version, _, signature = headers["webhook-signature"].partition(",")
            signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
            keys = world.hub.ring.public().notice
            assert version == "v1a"
            next(iter(keys.values())).verify(signed, b64decode(signature))
            verify_document(keys, json.loads(body)["data"])
            for value in ("1234567", "12345.67", "VAT", facts.COMPANY_NAME, "WITHDRAWN"):
                assert value not in body.decode()
            assert node["state"] == "OPEN"  # only an acknowledgement closes it

    run(database_url, tmp_path, scene)


def test_what_is_not_taken_is_tried_again_after_longer_and_longer_and_then_left_to_the_feed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        async with recipient() as bank:
            await endpoints(world).set(facts.BANK_HKB, bank.url, "test", world.clock.now())
            await recalled(world)
            bank.status = 302
            for number, step in enumerate(STEPS, 1):
                assert await deliver(world) == Delivered(0, 1), number
                world.clock.advance(step - timedelta(seconds=1))
                assert await deliver(world) == Delivered(0, 0), number
                world.clock.advance(timedelta(seconds=1))
            assert await deliver(world) == Delivered(0, 1)
            world.clock.advance(timedelta(days=30))
            assert await deliver(world) == Delivered(0, 0)
            assert set(bank.paths) == {"POST /recalls HTTP/1.1"}  # redirects are not followed
            assert len({headers["webhook-id"] for headers, _ in bank.got}) == 1

    run(database_url, tmp_path, scene)


def test_a_delivery_that_is_cut_off_is_made_again_and_an_acknowledged_one_is_not(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        async with recipient() as bank:
            await endpoints(world).set(facts.BANK_HKB, bank.url, "test", world.clock.now())
            token = await recalled(world)
            async with world.hub.database.connection() as connection:
                await connection.execute(_STRIKE)
            with pytest.raises(asyncpg.RaiseError):
                await deliver(world)
            assert len(bank.got) == 1  # it came, and the hub does not know
            async with world.hub.database.connection() as connection:
                await connection.execute("DROP TRIGGER strike ON recall_delivery")
            world.clock.advance(STEPS[0])
            bank.status = 500
            assert await deliver(world) == Delivered(0, 1)
            world.clock.advance(STEPS[1])
            both = await asyncio.gather(deliver(world), deliver(world))
            assert sum(done.failed for done in both) == 1
            world.clock.advance(STEPS[2])
            close = "mutation C($id: ID!) { acknowledgeRecall(id: $id) { id } }"
            token = await world.bank_token()
            await world.ask(token, close, {"id": bank.got[0][0]["webhook-id"]})
            assert await deliver(world) == Delivered(0, 0)

    run(database_url, tmp_path, scene)


def test_a_closed_port_or_an_unknown_name_is_a_failed_attempt(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        await recalled(world)
        for url in ("http://127.0.0.1:9/x", "https://no-such-host.invalid/x"):
            await endpoints(world).set(facts.BANK_HKB, url, "test", world.clock.now())
            assert await deliver(world) == Delivered(0, 1), url
            world.clock.advance(timedelta(days=2))

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "::", "fe80::1", "fc00::1", "224.0.0.1", "::ffff:10.0.0.1",
     "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:0a00:0001::1", "2002:7f00:1::", "::10.0.0.1", "fec0::1",
     "2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.0.8", "198.18.0.1", "240.0.0.1", "255.255.255.255", "ff02::1"],
)  # fmt: skip
def test_a_webhook_reaches_no_address_inside(address: str) -> None:
    assert not Reach().allows(ip_address(address))


def test_public_addresses_and_named_networks_are_reached() -> None:
    assert Reach().allows(ip_address("203.119.1.1"))
    named = Reach.of("10.20.0.0/16, fc00:1::/32", loopback=False)
    assert named.allows(ip_address("10.20.1.1"))
    assert named.allows(ip_address("fc00:1::5"))
    assert not named.allows(ip_address("10.21.0.1"))
    with pytest.raises(ConfigurationError):
        Reach.of("10.20.0.1/16", loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        "https://localhost/x",
        "https://127.0.0.1:1/x",
        "https://[::1]/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://017700000001/x",
        "https://127.1/x",
        "https://[::ffff:7f00:1]/x",
        "https://[64:ff9b::7f00:1]/x",
    ],
)
def test_a_name_or_url_that_leads_inside_is_not_posted_to(url: str) -> None:
    with pytest.raises(InputError):
        asyncio.run(Reach().resolve(url))


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example/x", "http://a.example/x", "https://u:p@a.example/", "https://a.example/#x", "https://a.example/ x",
     "https://a.example/\r\nhost: b", "https://[::1", "https://例子.example/", "https://a.example/" + "x" * 500, "file:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    for loopback in (False, True):
        with pytest.raises(InputError):
            check_url(url, loopback=loopback)


def test_an_endpoint_is_set_for_a_known_institution_with_an_entry_and_else_not(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        now, found = world.clock.now(), endpoints(world)
        with pytest.raises(InputError, match="No client"):
            await found.set("91460000DEM999999X", "https://a.example/", "test", now)
        with pytest.raises(InputError, match="no endpoint"):
            await found.remove(facts.BANK_HKB, "test", now)
        await found.set(facts.BANK_HKB, "https://a.example/1", "test", now)
        await found.set(facts.BANK_HKB, "https://a.example/2", "test", now)
        await found.remove(facts.BANK_HKB, "test", now)
        async with world.hub.database.connection() as connection:
            rows = await connection.fetch("SELECT body FROM log_entry WHERE kind = 'ADMIN' ORDER BY idx")
            assert await connection.fetchval("SELECT count(*) FROM recall_endpoint") == 0
        assert all(b"a.example/" not in row[0] for row in rows)  # a path may hold a secret
        acts = [json.loads(row[0])["operation"] for row in rows]
        assert [act for act in acts if act.startswith("recall.")] == ["recall.endpoint.set"] * 2 + [
            "recall.endpoint.remove"
        ]
        await world.hub.log.close()
        with pytest.raises(UnavailableError):
            await found.set(facts.BANK_HKB, "https://a.example/3", "test", now)

    run(database_url, tmp_path, scene)


def test_an_endpoint_that_answers_drop_by_drop_is_a_failed_attempt(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError), closing(writer):
            while not writer.is_closing():
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.05)
        left.set()

    async def scene(world: World) -> None:
        await recalled(world)
        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        await endpoints(world).set(facts.BANK_HKB, url, "test", world.clock.now())
        monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.3)
        async with asyncio.timeout(60):
            assert await deliver(world) == Delivered(0, 1)
            await left.wait()
        server.close()
        await server.wait_closed()

    run(database_url, tmp_path, scene)
