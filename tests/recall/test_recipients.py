"""Who got a record: by the log's index exactly those whom the answers showed it, over random histories."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from world import COMPANY, World, run

from hub.audit.store import LOG_ID
from hub.demo import story_facts as facts
from hub.recall.notice import Cause
from hub.recall.recipients import _ENTRIES, Recipients, Window, recipients_of

from .recall_world import (
    ASK,
    MANY,
    MATTER,
    ONE,
    TAX,
    Account,
    by_brute_force,
    pay,
    records,
    set_record,
    show,
    subject,
)

HKB = (facts.BANK_HKB, "bank-hkb", "LOAN_APPLICATION")
QZB = (facts.BANK_QZB, "bank-qzb", "LOAN_APPLICATION")
AMR = (facts.DEPT_AMR, "dept-amr", "GOV_SUPERVISION")


async def tokens(world: World) -> dict[tuple[str, str, str], str]:
    """One token for each reader."""
    return {
        HKB: await world.token("bank-hkb", "LOAN_APPLICATION", consent=await world.consent()),
        QZB: await world.token(
            "bank-qzb", "LOAN_APPLICATION", consent=await world.consent(grantee=facts.BANK_QZB)
        ),
        AMR: await world.token("dept-amr", "GOV_SUPERVISION", matter=MATTER),
    }


async def got(world: World, record: str, window: Window = Window()) -> Recipients:  # noqa: B008
    async with world.hub.database.connection() as connection, connection.transaction():
        return await recipients_of(connection, subject(world), TAX, bytes.fromhex(record), window)


def counted(found: Recipients) -> Counter[tuple[str, str, str]]:
    return Counter({(r.institution, r.client, r.purpose): r.entries for r in found.found})


@pytest.mark.parametrize("seed", range(6))
def test_a_recall_names_exactly_the_recipients_of_the_record_over_random_histories(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    async def scene(world: World) -> None:
        draw, account = Random(seed), Account()
        recalled: dict[str, Counter[tuple[str, str, str]]] = {}
        readers = await tokens(world)
        own = await world.token("subject-org", "SELF_QUERY")
        amount = 0
        for _ in range(30):
            world.clock.advance(timedelta(seconds=draw.randrange(4)))
            act = draw.choice(
                ["read", "read", "read", "many", "own", "ask", "denied", "pay", "hide", "recall"]
            )
            if act in ("read", "many"):
                who = draw.choice(list(readers))
                query = ONE if act == "read" else MANY
                account.note(who, await show(world, readers[who], first=draw.randint(1, 5), query=query))
            elif act == "own":
                await show(world, own)
            elif act == "ask":
                await world.send(readers[HKB], ASK, {"u": COMPANY})
            elif act == "denied":
                assert not await show(
                    world, await world.token("bank-qzb", "LOAN_APPLICATION", consent="c_none")
                )
            elif act == "pay":
                amount += 1
                await pay(world, draw.randint(1, 6), amount)
            elif act == "hide":
                state = draw.choice(["VALID", "REPAIRED"])
                await set_record(world, draw.choice(await records(world)), "state", state)
            else:
                record = draw.choice(await records(world))
                issued = await world.hub.recalls.issue_alone(
                    subject(world), TAX, bytes.fromhex(record), Cause.WITHDRAWN, world.clock.now(), "test"
                )
                shown = account.shown.get(record, Counter())
                due = shown - recalled.get(record, Counter())
                assert set(issued.institutions if issued else ()) == {who[0] for who in due}
                recalled[record] = shown.copy()
        assert account.shown
        for record in await records(world):
            by_log = await by_brute_force(world, record)
            assert counted(await got(world, record)) == by_log == account.shown.get(record, Counter())

    run(database_url, tmp_path, scene)


def test_instants_and_the_part_of_the_log_bound_what_counts(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        readers = await tokens(world)
        first = world.clock.now()
        ids = await show(world, readers[HKB])
        size = world.hub.log.size
        world.clock.advance(timedelta(minutes=1))
        second = world.clock.now()
        assert await show(world, readers[HKB]) == ids
        assert await show(world, readers[QZB]) == ids
        (both,) = [r for r in (await got(world, ids[0])).found if r.client == "bank-hkb"]
        assert (both.first_at, both.last_at, both.entries) == (first, second, 2)
        assert counted(await got(world, ids[0], Window(since=second))) == {HKB: 1, QZB: 1}
        assert counted(await got(world, ids[0], Window(until=first))) == {HKB: 1}
        assert counted(await got(world, ids[0], Window(end=size))) == {HKB: 1}
        assert counted(await got(world, ids[0], Window(first=size))) == {HKB: 1, QZB: 1}

    run(database_url, tmp_path, scene)


def test_an_answer_to_a_yes_or_no_question_makes_nobody_a_recipient(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        readers = await tokens(world)
        answer = await world.send(readers[HKB], ASK, {"u": COMPANY})
        assert answer.status_code == 200
        assert all([not (await got(world, record)).found for record in await records(world)])

    run(database_url, tmp_path, scene)


def test_the_subject_that_reads_its_own_file_is_no_recipient(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        ids = await show(world, await world.token("subject-org", "SELF_QUERY"))
        assert ids
        assert not (await got(world, ids[0])).found

    run(database_url, tmp_path, scene)


def test_entries_that_no_longer_say_what_they_showed_are_counted_and_not_guessed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        ids = await show(world, (await tokens(world))[HKB])
        async with world.hub.database.connection() as connection:
            await connection.execute("UPDATE log_entry SET body = NULL WHERE outcome = 'DISCLOSED'")
        found = await got(world, ids[0])
        assert (found.found, found.withheld) == (frozenset(), 1)

    run(database_url, tmp_path, scene)


def test_recipients_are_found_by_the_index_of_subjects(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        async with world.hub.database.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL enable_seqscan = off")
            plan = await connection.fetch(
                "EXPLAIN " + _ENTRIES, LOG_ID, subject(world), 0, 2**62, b"x", None, None
            )
        assert "log_entry_subjects" in " ".join(row[0] for row in plan)

    run(database_url, tmp_path, scene)
