"""The database goes away and comes back: 503 meanwhile, nothing disclosed, and no restart of the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from world import COMPANY, World, run

from hub.demo import story_facts as facts
from hub.store.embedded import EmbeddedServer
from hub.store.migrate import migrate

from .test_hostile import one_shape

ASK = "query Q($u: USCC!) { organization(uscc: $u) { name } }"


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server of this test alone, to be stopped and started."""
    server = EmbeddedServer(Path(tmp_path_factory.mktemp("own")))
    server.start()
    migrate(server.url())
    yield server
    server.remove()


def test_the_hub_survives_an_outage_of_its_database(own_server: EmbeddedServer, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.token("dept-amr", "GOV_SUPERVISION", matter="SV-GRADED")
        done: list[int] = []
        stopped = asyncio.Event()

        async def traffic() -> None:
            while not stopped.is_set():
                response = await world.send(token, ASK, {"u": COMPANY})
                done.append(response.status_code)
                if response.status_code != 200:
                    one_shape(response, 503)
                    assert facts.COMPANY_NAME not in response.text
                    await asyncio.sleep(0.05)

        running = [asyncio.create_task(traffic()) for _ in range(3)]
        while len(done) < 5:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_server.stop)
        await asyncio.sleep(0.5)
        stopped.set()
        await asyncio.gather(*running)
        assert done[-1] == 503
        for query in (ASK, "{ datasets { id } }", "{"):
            one_shape(await world.send(token, query, {"u": COMPANY}), 503)
        assert (await world.http.get("/readyz")).status_code == 503
        assert (await world.http.get("/healthz")).status_code == 200
        await asyncio.to_thread(own_server.start)
        for _ in range(40):
            response = await world.send(token, ASK, {"u": COMPANY})
            if response.status_code == 200:
                break
            one_shape(response, 503)
            await asyncio.sleep(0.25)
        fresh = await world.bank_token()
        answer = await world.ask(fresh, ASK, {"u": COMPANY})
        assert answer["data"]["organization"]["name"] == facts.COMPANY_NAME
        assert (await world.http.get("/readyz")).status_code == 200
        async with world.hub.database.connection() as connection:
            shown = await connection.fetchval("SELECT count(*) FROM log_entry WHERE outcome = 'DISCLOSED'")
            size = await connection.fetchval("SELECT size FROM log_state")
            entries = await connection.fetchval("SELECT count(*) FROM log_entry")
        assert size == entries
        assert shown >= sum(status == 200 for status in done)

    run(own_server.url(), tmp_path, scene)
