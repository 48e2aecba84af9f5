"""An export over HTTP: by registered documents, negotiated, broken off for readers who stall, and closed in any case."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from disclosure.portfolio_world import MANY, Portfolio, entries
from documents.document_world import id_of
from world import COMPANY, World, run

from hub.gateway.graphql import send_lines

from .test_trusted_documents import without_ad_hoc

EXPORT = "application/x-ndjson"


async def post(world: World, token: str, accept: str = EXPORT, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "accept": accept}
    return await world.http.post("/graphql", json=body, headers=headers)


def test_a_bank_exports_its_portfolio_by_a_registered_document_alone(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 6)
        await without_ad_hoc(world, "bank-hkb")
        token, variables = await portfolio.token(), {"ids": portfolio.companies}
        document = id_of("portfolio-review")
        response = await post(world, token, documentId=document, variables=variables)
        *lines, last = [json.loads(line) for line in response.text.splitlines()]
        assert [line["data"]["uscc"] for line in lines] == portfolio.companies
        assert json.loads(last["extensions"]["receipt"]["entry"])["document"] == document
        for body in ({"query": MANY}, {"documentId": id_of("supervision-portfolio")}):
            refused = await post(world, token, variables=variables, **body)
            assert refused.status_code == 400
            assert refused.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"

    run(database_url, tmp_path, scene, trusted_documents="required")


def test_a_department_reads_a_list_of_companies_for_a_matter_without_consents(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        await without_ad_hoc(world, "dept-amr")
        token = await world.token(
            "dept-amr",
            "GOV_SUPERVISION",
            portfolio.companies,
            matter="SV-GRADED",
            reference="演核〔2026〕1号",
        )
        ids = {"ids": portfolio.companies}
        response = await post(world, token, documentId=id_of("supervision-portfolio"), variables=ids)
        *lines, last = [json.loads(line) for line in response.text.splitlines()]
        assert [line["data"]["uscc"] for line in lines] == portfolio.companies
        assert last["errors"] == []
        bases = {json.dumps(part["basis"]) for part in (await entries(world))[-1]["subjects"]}
        assert len(bases) == 1
        assert "SV-GRADED" in bases.pop()

    run(database_url, tmp_path, scene, trusted_documents="required")


CHOSEN = {
    EXPORT: EXPORT,
    f"{EXPORT}, application/json;q=0.5": EXPORT,
    f"application/json, {EXPORT};q=0.5": "application/json; charset=utf-8",
    f"{EXPORT};q=0, application/json": "application/json; charset=utf-8",
    "*/*": "application/json; charset=utf-8",
    "application/*": "application/json; charset=utf-8",
}


def test_lines_are_sent_only_to_those_who_prefer_them_by_name(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        portfolio = await Portfolio.of(world, 5)
        token = await portfolio.token()
        for accept, media in CHOSEN.items():
            response = await post(world, token, accept, query=MANY, variables={"ids": [COMPANY]})
            assert (response.status_code, response.headers["content-type"]) == (200, media), accept
            assert ("content-length" in response.headers) == (media != EXPORT)
            assert "content-encoding" not in response.headers
        nobody = await post(world, "nobody", query=MANY, variables={"ids": [COMPANY]})
        assert nobody.status_code == 401
        assert nobody.headers["content-type"].startswith("application/graphql-response+json")

    run(database_url, tmp_path, scene)


class Lines:
    """Lines that know whether they were closed."""

    def __init__(self, count: int) -> None:
        self.open = True
        self.lines = self._generate(count)

    def _generate(self, count: int) -> Generator[bytes]:
        try:
            for number in range(count):
                yield b'{"index":%d}\n' % number + b" " * 70_000
        finally:
            self.open = False


def test_a_client_that_stops_reading_is_given_up_and_gets_no_last_line() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        if len(sent) == 3:
            await asyncio.Event().wait()
        sent.append(message)

    lines = Lines(5)
    asyncio.run(send_lines(send, lines.lines, seconds=0.01))
    assert [message.get("more_body") for message in sent] == [None, True, True]
    assert not lines.open


def test_a_broken_connection_closes_what_was_put_aside() -> None:
    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    lines = Lines(5)
    with pytest.raises(OSError, match="gone"):
        asyncio.run(send_lines(send, lines.lines))
    assert not lines.open


def test_an_export_gives_other_requests_their_turn_also_when_nothing_holds_it_back() -> None:
    turns: list[str] = []

    async def send(message: Any) -> None:
        turns.append("sent")

    async def scene() -> None:
        async def other() -> None:
            for _ in range(3):
                turns.append("other")
                await asyncio.sleep(0)

        await asyncio.gather(send_lines(send, Lines(9).lines), other())

    asyncio.run(scene())
    assert turns.index("other") < 4
    assert len(turns) - turns[::-1].index("other") < len(turns) - 3
