"""Consents are spent in the same commit as the entry, or not at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hub.audit.batch import Appended
from hub.audit.log import AuditLog
from hub.audit.reservation import ConsentUse, ReservationRefusedError
from hub.errors import DisclosureRefusedError

from .audit_world import ACME, NOW, OTHER, administrator, an_entry, grant, open_log

USE = ConsentUse(ACME, "c_1", 1)


async def used(url: str) -> dict[str, int]:
    rows = await administrator(url, "SELECT consent_id, used_count FROM consent")
    return {row["consent_id"]: row["used_count"] for row in rows}


async def entries(url: str) -> int:
    return len(await administrator(url, "SELECT 1 FROM log_entry"))


def test_a_use_is_counted_with_its_entry(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1", max_uses=10)
            await grant(database, "c_2", OTHER)
            await log.append(an_entry(), [USE, ConsentUse(OTHER, "c_2", 1)])
            await asyncio.gather(*(log.append(an_entry(), [USE]) for _ in range(4)))
            await log.append(an_entry())
            assert await used(database_url) == {"c_1": 5, "c_2": 1}
            assert await entries(database_url) == 6

    asyncio.run(scenario())


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a withdrawn consent": ({"status": "REVOKED"}, "CONSENT_WITHDRAWN"),
    "a consent that has a newer version": ({"version": 2}, "CONSENT_REQUIRED"),
    "a consent that begins in a moment": (
        {"valid_from": NOW + timedelta(seconds=1)},
        "CONSENT_NOT_YET_VALID",
    ),
    "a consent that ends now": ({"valid_to": NOW}, "CONSENT_EXPIRED"),
    "a consent used up": ({"max_uses": 3, "used_count": 3}, "CONSENT_EXHAUSTED"),
    "a consent of another subject": ({"subject": OTHER}, "CONSENT_REQUIRED"),
}


@pytest.mark.parametrize(("row", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_consent_not_in_force_refuses_and_nothing_is_written(
    database_url: str, row: dict[str, Any], reason: str
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1", **row)
            before = await used(database_url)
            with pytest.raises(ReservationRefusedError) as refused:
                await log.append(an_entry(), [USE])
            assert isinstance(refused.value, DisclosureRefusedError)
            assert (refused.value.reason, refused.value.use) == (reason, USE)
            assert (await entries(database_url), await used(database_url)) == (0, before)
            assert (await log.append(an_entry())).index == 0

    asyncio.run(scenario())


def test_a_consent_is_in_force_from_its_first_instant(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1", valid_from=NOW, valid_to=NOW + timedelta(milliseconds=1))
            await log.append(an_entry(), [USE])
            assert await used(database_url) == {"c_1": 1}

    asyncio.run(scenario())


def test_of_a_batch_only_as_many_pass_as_uses_are_left_and_the_others_are_untouched(
    database_url: str,
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1", max_uses=3)
            await grant(database, "c_2", OTHER)
            wanted = [log.append(an_entry(), [USE]) for _ in range(8)]
            others = [log.append(an_entry(), [ConsentUse(OTHER, "c_2", 1)]) for _ in range(8)]
            done = await asyncio.gather(*wanted, *others, return_exceptions=True)
            assert [isinstance(r, Appended) for r in done] == [True] * 3 + [False] * 5 + [True] * 8
            assert all(isinstance(r, ReservationRefusedError) for r in done[3:8])
            assert await used(database_url) == {"c_1": 3, "c_2": 8}
            assert await entries(database_url) == 11

    asyncio.run(scenario())


def test_an_operation_needs_all_its_consents_and_spends_all_or_none(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1")
            await grant(database, "c_2", OTHER, status="REVOKED")
            with pytest.raises(ReservationRefusedError):
                await log.append(an_entry(), [USE, ConsentUse(OTHER, "c_2", 1)])
            assert await used(database_url) == {"c_1": 0, "c_2": 0}
            assert await entries(database_url) == 0

    asyncio.run(scenario())


def test_writers_in_several_processes_never_overdraw_a_consent(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, one), open_log(database_url) as (_, other):
            await grant(database, "c_1", max_uses=50)
            await grant(database, "c_2", OTHER, max_uses=70)
            uses = [USE, ConsentUse(OTHER, "c_2", 1)]
            spent = {"c_1": 0, "c_2": 0}

            async def client(log: AuditLog, number: int) -> None:
                wanted = uses[number % 2 :] if number % 3 else uses[:1]
                for _ in range(25):
                    try:
                        await log.append(an_entry(), wanted)
                    except ReservationRefusedError:
                        continue
                    for use in wanted:
                        spent[use.consent_id] += 1

            await asyncio.gather(*(client(log, n) for log in (one, other) for n in range(6)))
            assert await used(database_url) == spent == {"c_1": 50, "c_2": 70}

    asyncio.run(scenario())


def test_nothing_that_starts_after_a_withdrawal_spends_the_consent(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await grant(database, "c_1")
            stop = asyncio.Event()

            async def client() -> list[bool]:
                passed: list[bool] = []
                while not stop.is_set():
                    try:
                        await log.append(an_entry(), [USE])
                        passed.append(True)
                    except ReservationRefusedError:
                        passed.append(False)
                return passed

            clients = [asyncio.create_task(client()) for _ in range(8)]
            await asyncio.sleep(0.05)
            async with database.connection() as connection, connection.transaction():
                await connection.execute("UPDATE consent SET status = 'REVOKED', version = 2")
                await log.append_in(connection, [an_entry(operation="consent.withdraw")])
            count = (await used(database_url))["c_1"]
            with pytest.raises(ReservationRefusedError):
                await log.append(an_entry(), [USE])
            stop.set()
            passed = [p for part in await asyncio.gather(*clients) for p in part]
            assert (await used(database_url))["c_1"] == count == sum(passed)

    asyncio.run(scenario())
