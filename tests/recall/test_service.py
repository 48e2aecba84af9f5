"""A recall tells whom it must and nobody else, stands or falls with its act, and stays open until it is closed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, NOW, World, run

from hub.audit.entry import read_body
from hub.demo import story_facts as facts
from hub.errors import InputError, VerificationError
from hub.keys.signing import verify_document
from hub.recall.notice import ESCALATE_AFTER, TERM, Cause, State

from .recall_world import (
    CLOSE,
    TABLE,
    TAX,
    counts,
    feed,
    pay,
    records,
    show,
    subject,
    text_of,
    whole_log,
)


async def banks(world: World) -> tuple[str, str]:
    """Tokens of both banks for the company."""
    other = await world.consent(grantee=facts.BANK_QZB)
    return await world.bank_token(), await world.token("bank-qzb", "LOAN_APPLICATION", consent=other)


async def issue(world: World, record: str, cause: Cause = Cause.REPAIRED) -> Any:
    return await world.hub.recalls.issue_alone(
        subject(world), TAX, bytes.fromhex(record), cause, world.clock.now(), "test"
    )


def test_a_recipient_finds_the_signed_recall_in_its_feed_and_nobody_else_hears_of_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hkb, qzb = await banks(world)
        record = (await show(world, hkb))[0]
        issued = await issue(world, record, Cause.SHIELDED)
        assert issued.institutions == (facts.BANK_HKB,)
        (node,) = (await feed(world, hkb))["nodes"]
        assert (node["id"], node["dataset"], node["recordId"]) == (issued.recall_id, TAX, "rec_" + record)
        assert (node["action"], node["state"]) == ("STOP_USING", "OPEN")
        body = verify_document(world.hub.ring.public().notice, node["document"])
        assert body["recipient"] == {"institution": facts.BANK_HKB}
        with pytest.raises(VerificationError):
            verify_document(world.hub.ring.public().notice, {**node["document"], "action": "READ_AGAIN"})
        with pytest.raises(VerificationError):
            verify_document(world.hub.ring.public().consent, node["document"])
        assert "SHIELD" not in text_of(node).upper()
        assert await feed(world, qzb) == {"nodes": [], "nextSince": None, "more": False}
        assert await feed(world, await world.token("dept-amr", "DATA_SUPPLY", ())) == {
            "nodes": [], "nextSince": None, "more": False,
        }  # fmt: skip

    run(database_url, tmp_path, scene)


def test_the_feed_pages_by_its_cursor_and_misses_nothing(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        hkb, _ = await banks(world)
        ids = await show(world, hkb)
        assert len(ids) == 3
        made = [(await issue(world, record)).recall_id for record in ids]
        page = await feed(world, hkb, n=2)
        assert ([n["id"] for n in page["nodes"]], page["more"]) == (made[:2], True)
        rest = await feed(world, hkb, s=page["nextSince"])
        assert ([n["id"] for n in rest["nodes"]], rest["more"]) == (made[2:], False)
        end = await feed(world, hkb, s=rest["nextSince"])
        assert end == {"nodes": [], "nextSince": rest["nextSince"], "more": False}

    run(database_url, tmp_path, scene)


def test_a_correction_is_told_only_to_those_who_saw_a_field_that_it_changed(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hkb, qzb = await banks(world)
        january = (await records(world))[0]
        assert january in await show(world, hkb, fields="id period")
        assert january in await show(world, qzb, fields="id amount { amount }")
        await pay(world, 1, 99)
        issued = await issue(world, january, Cause.CORRECTED)
        assert issued.institutions == (facts.BANK_QZB,)
        (node,) = (await feed(world, qzb))["nodes"]
        assert node["action"] == "READ_AGAIN"
        assert (await feed(world, hkb))["nodes"] == []

    run(database_url, tmp_path, scene)


def test_a_correction_is_issued_once_for_each_version_and_not_to_readers_of_the_new_one(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hkb, qzb = await banks(world)
        january = (await records(world))[0]
        await show(world, hkb)
        assert await issue(world, january, Cause.CORRECTED) is None, "there is one version only"
        await pay(world, 1, 99)
        assert (await issue(world, january, Cause.CORRECTED)).institutions == (facts.BANK_HKB,)
        world.clock.advance(timedelta(seconds=1))
        await show(world, qzb)
        assert await issue(world, january, Cause.CORRECTED) is None
        await pay(world, 1, 100)
        again = await issue(world, january, Cause.CORRECTED)
        assert again.institutions == tuple(sorted((facts.BANK_HKB, facts.BANK_QZB)))

    run(database_url, tmp_path, scene)


def test_an_answer_that_was_on_its_way_while_the_record_was_corrected_is_recalled_afterwards(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hkb, qzb = await banks(world)
        january = (await records(world))[0]
        await show(world, hkb)
        began = world.clock.now()
        world.clock.advance(timedelta(seconds=1))
        await pay(world, 1, 99)
        assert (await issue(world, january, Cause.CORRECTED)).institutions == (facts.BANK_HKB,)
        world.clock.instant = began
        await show(world, qzb)
        world.clock.advance(timedelta(seconds=5))
        assert (await issue(world, january, Cause.CORRECTED)).institutions == (facts.BANK_QZB,)

    run(database_url, tmp_path, scene)


def test_a_recall_that_is_rolled_back_with_its_act_leaves_no_trace(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        hkb, _ = await banks(world)
        record = (await show(world, hkb))[0]
        size = world.hub.log.size
        async with world.hub.database.connection() as connection:
            act = connection.transaction()
            await act.start()
            issued = await world.hub.recalls.issue(
                connection, subject(world), TAX, bytes.fromhex(record), Cause.REPAIRED, NOW, "test"
            )
            assert issued is not None
            await world.hub.log.append_in(connection, [issued.entry])
            await act.rollback()
        assert await counts(world) == (0, 0, 0)
        assert len(await whole_log(world)) == size
        assert (await feed(world, hkb))["nodes"] == []

    run(database_url, tmp_path, scene)


def test_an_issue_and_its_acknowledgement_each_leave_an_entry_about_the_subject(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hkb, _ = await banks(world)
        issued = await issue(world, (await show(world, hkb))[0])
        await world.ask(hkb, CLOSE, {"id": issued.recall_id})
        await world.ask(hkb, CLOSE, {"id": issued.recall_id})
        acts = [b for b in await whole_log(world) if b["operation"].startswith("recall.")]
        assert [(b["operation"], b["caller"]) for b in acts] == [
            ("recall.issue", "test"), ("recall.acknowledge", "bank-hkb"),
        ]  # fmt: skip
        assert all(b["subjects"][0]["subject"] == "sub_" + subject(world).hex() for b in acts)
        assert facts.COMPANY_NAME not in text_of(acts)

    run(database_url, tmp_path, scene)


def test_the_table_of_unclosed_recalls_is_right_on_every_instant(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        hkb, qzb = await banks(world)
        record = (await show(world, hkb))[0]
        await show(world, qzb)
        issued = await issue(world, record)
        start = world.clock.now()
        moments = {
            start: State.OPEN,
            start + TERM - timedelta(milliseconds=1): State.OPEN,
            start + TERM: State.OVERDUE,
            start + TERM + ESCALATE_AFTER - timedelta(milliseconds=1): State.OVERDUE,
            start + TERM + ESCALATE_AFTER: State.ESCALATED,
        }
        levels = [State.OPEN, State.OVERDUE, State.ESCALATED]
        for moment, state in moments.items():
            world.clock.instant = moment
            officer = await world.token("officer-privacy", "AUDIT_REVIEW", ())
            for least in levels:
                answer = await world.ask(officer, TABLE, {"s": least.value})
                nodes = answer["data"]["unclosedRecalls"]["nodes"]
                expected = 2 if levels.index(least) <= levels.index(state) else 0
                assert len(nodes) == expected, (moment, least)
                assert {n["state"] for n in nodes} <= {state.value}
        fresh = await world.token("bank-hkb", "LOAN_APPLICATION", consent=await world.consent())
        done = await world.ask(fresh, CLOSE, {"id": issued.recall_id})
        assert done["data"]["acknowledgeRecall"]["state"] == "ACKNOWLEDGED"
        operator = await world.token("operator-main", "OPERATION", ())
        (left,) = (await world.ask(operator, TABLE))["data"]["unclosedRecalls"]["nodes"]
        assert (left["institution"], left["cause"]) == (facts.BANK_QZB, "REPAIRED")
        notices = {n.institution: n for n in await world.hub.recalls.notices(issued.recall_id)}
        assert notices[facts.BANK_HKB].late
        assert notices[facts.BANK_HKB].acknowledged_by == "bank-hkb"

    run(database_url, tmp_path, scene)


def test_the_first_acknowledgement_stays(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        hkb, _ = await banks(world)
        issued = await issue(world, (await show(world, hkb))[0])
        first = world.clock.now()
        await world.ask(hkb, CLOSE, {"id": issued.recall_id})
        world.clock.advance(timedelta(minutes=1))
        await world.ask(hkb, CLOSE, {"id": issued.recall_id})
        (notice,) = await world.hub.recalls.notices(issued.recall_id)
        assert notice.acknowledged_at == first

    run(database_url, tmp_path, scene)


def test_a_recall_of_another_institution_looks_like_one_that_does_not_exist_and_stays_open(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        hkb, qzb = await banks(world)
        issued = await issue(world, (await show(world, hkb))[0])
        size = len(await whole_log(world))
        answers = [
            (await world.ask(qzb, CLOSE, {"id": name}))["errors"][0]
            for name in (issued.recall_id, "r_nothing")
        ]
        assert answers[0] == answers[1]
        assert answers[0]["extensions"]["code"] == "BAD_INPUT"
        assert await counts(world) == (1, 1, 0)
        async with world.hub.database.connection() as connection:
            rows = await connection.fetch("SELECT body FROM log_entry WHERE idx >= $1 ORDER BY idx", size)
        entries = [read_body(row["body"]) for row in rows]
        assert [(e["outcome"], e["subjects"]) for e in entries] == [("REFUSED", []), ("REFUSED", [])]

    run(database_url, tmp_path, scene)


DENIED = {
    "a bank does not see the table": ("bank-hkb", "LOAN_APPLICATION", (COMPANY,), "{ unclosedRecalls { nodes { id } } }"),
    "a subject does not see the table": ("subject-org", "SELF_QUERY", (COMPANY,), "{ unclosedRecalls { nodes { id } } }"),
    "a subject is no recipient": ("subject-org", "SELF_QUERY", (COMPANY,), "{ recalls { nodes { id } } }"),
    "a subject closes nothing": (
        "subject-org", "SELF_QUERY", (COMPANY,), 'mutation { acknowledgeRecall(id: "r_x") { id } }',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DENIED)
def test_it_is_denied_and_nothing_happens(name: str, database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        client, purpose, subjects, query = DENIED[name]
        hkb, _ = await banks(world)
        await issue(world, (await show(world, hkb))[0])
        token = hkb if client == "bank-hkb" else await world.token(client, purpose, subjects)
        answer = await world.ask(token, query)
        assert answer["data"] is None
        assert answer["errors"][0]["extensions"]["reason"] == "PURPOSE_NOT_HELD"
        assert await counts(world) == (1, 1, 0)

    run(database_url, tmp_path, scene)


@pytest.mark.parametrize("cursor", ["", "x", "é", "MS9yX3gvKw", "LTEvcg", "A" * 5000])
def test_a_cursor_that_is_none_is_refused(cursor: str, database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        hkb, _ = await banks(world)
        answer = await world.ask(hkb, "query F($s: String) { recalls(since: $s) { more } }", {"s": cursor})
        assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"

    run(database_url, tmp_path, scene)


def test_a_record_that_never_was_is_not_recalled(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        for cause in Cause:
            with pytest.raises(InputError):
                await issue(world, "00" * 16, cause)
        assert await counts(world) == (0, 0, 0)

    run(database_url, tmp_path, scene)


def test_a_recall_of_a_record_that_nobody_got_is_closed_from_the_start(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        issued = await issue(world, (await records(world))[0])
        assert issued.institutions == ()
        assert await counts(world) == (1, 0, 0)
        assert await world.hub.recalls.unclosed(world.clock.now()) == []

    run(database_url, tmp_path, scene)
