"""A hub that has answered a bank over HTTP, and a command line beside it with the same database and keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from disclosure.portfolio_world import MANY, Portfolio
from world import COMPANY, World, fill, open_world

from hub.audit.publish import Publisher, WitnessPlace
from hub.audit.witness import Witness
from hub.clock import SystemClock
from hub.gateway.witness import witness_app
from hub.keys.cosign import CosignKey

from .conftest import Shell

QUERY = """query Q($u: USCC!) { organization(uscc: $u) { name registeredCapital { amount }
  legalRepresentative { name idNumber } government { taxPayments(first: 2) { nodes { period amount { amount } } } } } }"""
WITNESS = CosignKey("w1.example", bytes(32))


@dataclass(frozen=True)
class Scene:
    """What the bank saved, and who can prove it."""

    shell: Shell
    folder: Path
    vkey: str
    """Of the log."""

    @property
    def answer(self) -> Path:
        return self.folder / "answer.json"

    @property
    def fields(self) -> Path:
        return self.folder / "fields.json"

    @property
    def lines(self) -> Path:
        return self.folder / "lines.ndjson"

    @property
    def tiles(self) -> Path:
        return self.folder / "tiles"

    def pack(self, *arguments: str, name: str = "pack.zip") -> Path:
        out = self.folder / name
        self.shell.done("evidence", "pack", "--out", str(out), *arguments)
        return out


async def _post(world: World, token: str, accept: str, **body: Any) -> bytes:
    headers = {"authorization": f"Bearer {token}", "accept": accept}
    response = await world.http.post("/graphql", json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.content


async def play(database_url: str, folder: Path) -> str:
    """The bank asks thrice: as always, by field, and for many; then the log is published and cosigned."""
    async with open_world(database_url, folder) as world:
        await fill(world)
        token, asked = await world.bank_token(), {"query": QUERY, "variables": {"u": COMPANY}}
        by_field = {"extensions": {"commitment": "fields"}}
        (folder / "answer.json").write_bytes(await _post(world, token, "application/json", **asked))
        (folder / "fields.json").write_bytes(
            await _post(world, token, "application/json", **asked, **by_field)
        )
        portfolio = await Portfolio.of(world, 3)
        many = {"query": MANY, "variables": {"ids": portfolio.companies}, **by_field}
        lines = await _post(world, await portfolio.token(), "application/x-ndjson", **many)
        (folder / "lines.ndjson").write_bytes(lines)
        await _publish(world, folder)
        return str(world.hub.ring.note_verifier())


async def _publish(world: World, folder: Path) -> None:
    verifier = world.hub.ring.note_verifier()
    witness = Witness(folder / "witness", [WITNESS], {verifier.name: [verifier]})
    place = WitnessPlace("https://w1.example/", WITNESS.verifier)
    publisher = Publisher(folder / "tiles", [verifier], [place], quorum=1)
    transport = httpx.ASGITransport(witness_app(witness, SystemClock()))
    async with httpx.AsyncClient(transport=transport) as client:
        await publisher.publish(world.hub.database, client, lambda *_: None)


@pytest.fixture
def scene(database_url: str, bare: Shell, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The bank has asked thrice, and the log is published."""
    vkey = asyncio.run(play(database_url, bare.folder))
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_KEYS_DIR", str(bare.folder / "ring"))
    monkeypatch.setenv("HUB_DEMO", "1")
    return Scene(Shell(bare.folder, database_url), bare.folder, vkey)
