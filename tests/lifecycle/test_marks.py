"""Marks go with a record to everybody who gets it, from the commit on; statements are sealed and open where they may show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, STRANGER, World, run

from hub.demo import story_facts as facts
from hub.disclosure.marks import MarkKind
from hub.errors import InputError, UnavailableError
from hub.lifecycle.case import ObjectionGround
from hub.lifecycle.objection import Settlement

from .case_world import CERT_NO, Scene, penalty

_ONE = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { documentNo } } } } }"
_MARKS = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { marks { kind since } } } } } }"
_TEXTS = "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { marks { kind statement __typename } } } } } }"
_MANY = "query Q($u: SubjectIdentifier!) { subjects(ids: [$u]) { ... on Organization { government { penalties { nodes { documentNo marks { kind } } } } } } }"
_DISPUTED = {"index": 0, "kinds": ["DISPUTED"], "path": "organization.government.penalties"}
_SAID = "已按期履行，正在核对文书"


def play(database_url: str, folder: Path, scene: Callable[[Scene], Awaitable[None]]) -> None:
    """Play in a world with one penalty, on a Friday."""

    async def inner(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(date(2026, 11, 20))
        await stage.put(1, legalRepresentativeName=facts.PERSON_NAME)
        await scene(stage)

    run(database_url, folder, inner)


async def readers(world: World) -> dict[str, str]:
    """A token for each kind of reader."""
    return {
        "the subject": await world.token("subject-org", "SELF_QUERY"),
        "a bank": await world.bank_token(),
        "a department": await world.token("dept-tax", "GOV_SUPERVISION", matter="SV-GRADED"),
    }


def nodes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The penalties of an answer."""
    found: list[dict[str, Any]] = answer["data"]["organization"]["government"]["penalties"]["nodes"]
    return found


async def object_to(stage: Scene) -> str:
    case = await stage.world.hub.lifecycle.objections.open(
        stage.name(), ObjectionGround.OTHER, "不实", stage.subject, stage.moment
    )
    return case.case_id


async def settle(stage: Scene, case: str, how: Settlement) -> None:
    await stage.world.hub.lifecycle.objections.settle(case, how, "已核查", stage.unit, stage.moment)


async def say(stage: Scene, text: str) -> None:
    await stage.world.hub.lifecycle.marks.state(stage.name(), text, stage.subject, stage.moment)


async def refused(stage: Scene, act: Awaitable[Any], said: str) -> None:
    """The act is refused, and nothing has changed."""
    before = await stage.everything()
    with pytest.raises(InputError, match=said):
        await act
    assert await stage.everything() == before


def test_whoever_gets_a_disputed_record_gets_the_mark_at_once_whatever_it_asks_for(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world = stage.world
        tokens = await readers(world)
        before = {name: await world.ask(token, _ONE, {"u": COMPANY}) for name, token in tokens.items()}
        case = await object_to(stage)
        for name, token in tokens.items():
            plain = await world.ask(token, _ONE, {"u": COMPANY})
            assert plain["data"] == before[name]["data"], name
            assert plain["extensions"]["disclosure"]["marked"] == [_DISPUTED], name
            asked = await world.ask(token, _MARKS, {"u": COMPANY})
            assert nodes(asked) == [{"marks": [{"kind": "DISPUTED", "since": "2026-11-20"}]}], name
            many = await world.ask(token, _MANY, {"u": COMPANY})
            assert (
                many["extensions"]["disclosure"]["marked"][0]["path"] == "subjects.0.government.penalties"
            ), name
            assert "DISPUTED" in json.dumps(many["data"]), name
            lines = await world.http.post(
                "/graphql", json={"query": _MANY, "variables": {"u": COMPANY}},
                headers={"authorization": f"Bearer {token}", "accept": "application/x-ndjson"},
            )  # fmt: skip
            first, last = (json.loads(line) for line in lines.text.splitlines())
            assert "DISPUTED" in json.dumps(first), name
            assert last["extensions"]["disclosure"]["marked"] == many["extensions"]["disclosure"]["marked"], (
                name
            )
        await settle(stage, case, Settlement.REJECTED)
        for name, token in tokens.items():
            after = await world.ask(token, _ONE, {"u": COMPANY})
            assert (after["data"], after["extensions"]["disclosure"]) == (
                before[name]["data"], before[name]["extensions"]["disclosure"],
            ), name  # fmt: skip

    play(database_url, tmp_path, scene)


def test_what_cannot_be_settled_is_marked_with_both_views_and_a_correction_ends_it(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        own = await stage.world.token("subject-org", "SELF_QUERY")

        async def kinds() -> list[str]:
            answer = await stage.world.ask(own, _MARKS, {"u": COMPANY})
            return [mark["kind"] for mark in nodes(answer)[0]["marks"]]

        await settle(stage, await object_to(stage), Settlement.BOTH_VIEWS)
        assert await kinds() == ["BOTH_VIEWS"]
        again = await object_to(stage)
        assert await kinds() == ["BOTH_VIEWS", "DISPUTED"]
        await settle(stage, again, Settlement.REJECTED)
        assert await kinds() == ["BOTH_VIEWS"]
        last = await object_to(stage)
        await stage.put(1, fineAmount=5)
        assert await kinds() == ["BOTH_VIEWS", "DISPUTED"]  # a correction alone settles nothing
        await settle(stage, last, Settlement.CORRECTED)
        assert await kinds() == []

    play(database_url, tmp_path, scene)


def test_a_statement_is_sealed_and_opened_only_where_it_is_asked_for(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world = stage.world
        await say(stage, _SAID)
        assert _SAID not in str(dict(await stage.record()))
        for name, token in (await readers(world)).items():
            opened = {}
            for text in (_MARKS, _TEXTS):
                answer = await world.ask(token, text, {"u": COMPANY})
                opened[text] = json.loads(answer["extensions"]["receipt"]["entry"])["unsealed"]
            assert nodes(answer)[0]["marks"] == [
                {"kind": "STATEMENT", "statement": _SAID, "__typename": "RecordMark"}
            ], name
            assert opened[_TEXTS] == opened[_MARKS] + 1, name
            assert _SAID not in json.dumps(
                json.loads(answer["extensions"]["receipt"]["entry"]), ensure_ascii=False
            )

    play(database_url, tmp_path, scene)


@pytest.mark.parametrize("quote", [facts.PERSON_NAME, facts.PERSON_NAME[0] + " " + facts.PERSON_NAME[1:]])
def test_a_statement_that_quotes_a_withheld_value_shows_only_to_who_sees_that_value(
    quote: str, database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world, text = stage.world, f"当时的负责人{quote}已离职"
        await say(stage, text)
        seen = {}
        for name, token in (await readers(world)).items():
            answer = await world.ask(token, _TEXTS, {"u": COMPANY})
            seen[name] = nodes(answer)[0]["marks"][0]["statement"]
            unsealed = json.loads(answer["extensions"]["receipt"]["entry"])["unsealed"]
            assert unsealed == (1 if seen[name] else 0), name
        assert seen == {"the subject": text, "a bank": None, "a department": text}

    play(database_url, tmp_path, scene)


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "nothing": ("  ", "1 to 500"),
        "too much": ("长" * 501, "1 to 500"),
        "a control character": ("a\x07b", "plain text"),
        "a turn of direction": ("abc\u202edef", "plain text"),
        "an identity number that is sealed": (f"证件{CERT_NO}", "personal data"),
        "one in full-width digits": ("".join(chr(ord(c) + 0xFEE0) for c in CERT_NO), "personal data"),
    }.values(),
)
def test_a_statement_is_plain_text_without_personal_data(
    text: str, said: str, database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        await refused(stage, say(stage, text), said)

    play(database_url, tmp_path, scene)


def test_a_new_statement_takes_the_place_of_the_old_and_a_withdrawn_one_leaves_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world, marks = stage.world, stage.world.hub.lifecycle.marks
        own = await world.token("subject-org", "SELF_QUERY")
        before = await world.ask(own, _TEXTS, {"u": COMPANY})
        await say(stage, "第一次说明")
        await say(stage, "第二次说明")
        assert [m["statement"] for m in nodes(await world.ask(own, _TEXTS, {"u": COMPANY}))[0]["marks"]] == [
            "第二次说明"
        ]
        await stage.put(1, fineAmount=7)
        assert [m["statement"] for m in nodes(await world.ask(own, _TEXTS, {"u": COMPANY}))[0]["marks"]] == [
            "第二次说明"
        ]
        await marks.withdraw(stage.name(), stage.subject, stage.moment)
        after = await world.ask(own, _TEXTS, {"u": COMPANY})
        assert (after["data"], after["extensions"]["disclosure"]) == (
            before["data"], before["extensions"]["disclosure"],
        )  # fmt: skip
        assert (await stage.record())["marks"] is None
        again = marks.withdraw(stage.name(), stage.subject, stage.moment)
        await refused(stage, again, "no such record of yours")

    play(database_url, tmp_path, scene)


def test_only_the_unit_that_supplied_a_record_marks_proceedings(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        marks, name = stage.world.hub.lifecycle.marks, stage.name()
        for actor in (stage.subject, stage.operator):
            await refused(
                stage, marks.proceed(name, MarkKind.IN_LITIGATION, actor, stage.moment), "no such record"
            )
        await refused(stage, marks.proceed(name, MarkKind.DISPUTED, stage.unit, stage.moment), "only")
        done = await marks.proceed(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment)
        assert done.kinds == [MarkKind.IN_LITIGATION]
        await refused(
            stage, marks.proceed(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment), "has this mark"
        )
        await refused(
            stage, marks.clear(name, MarkKind.IN_RECONSIDERATION, stage.unit, stage.moment), "no such"
        )
        assert (await marks.clear(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment)).kinds == []

    play(database_url, tmp_path, scene)


def test_a_record_that_is_unknown_anothers_or_no_longer_shown_takes_no_mark_and_is_one_refusal(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        await say(stage, "先前的说明")
        await stage.repaired()
        own = await stage.world.token("subject-org", "SELF_QUERY")
        answer = await stage.world.ask(own, _TEXTS, {"u": COMPANY})
        assert nodes(answer) == []
        assert "marked" not in answer["extensions"]["disclosure"]
        for number in (1, 2):
            text = stage.world.hub.lifecycle.marks.state(
                stage.name(number), "说明", stage.subject, stage.moment
            )
            await refused(stage, text, "no such record of yours")
        marks = stage.world.hub.lifecycle.marks
        assert (await marks.withdraw(stage.name(), stage.subject, stage.moment)).kinds == []

    play(database_url, tmp_path, scene)


def test_marks_of_the_profile_show_at_the_subject_and_nobody_elses_do(
    database_url: str, tmp_path: Path
) -> None:
    async def scene(stage: Scene) -> None:
        world = stage.world
        async with world.hub.database.connection() as connection:
            await connection.execute(
                'UPDATE record SET marks = \'[{"id":"m_1","kind":"IN_LITIGATION","since":"2026-11-01"}]\''
                " WHERE dataset = 'government.registration' AND subject_id = $1",
                stage.subject_id,
            )
        token = await world.token("dept-tax", "GOV_SUPERVISION", (COMPANY, STRANGER), matter="SV-GRADED")
        text = "query Q($a: USCC!, $b: USCC!) { a: organization(uscc: $a) { marks { kind } } b: organization(uscc: $b) { name marks { kind } } }"
        answer = await world.ask(token, text, {"a": COMPANY, "b": STRANGER})
        assert answer["data"]["a"]["marks"] == [{"kind": "IN_LITIGATION"}]
        assert answer["data"]["b"]["marks"] == []
        assert answer["extensions"]["disclosure"]["marked"] == [
            {"index": None, "kinds": ["IN_LITIGATION"], "path": "a"}
        ]

    play(database_url, tmp_path, scene)


def test_every_mark_has_one_entry_that_names_it_and_holds_no_text(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        marks = stage.world.hub.lifecycle.marks
        await say(stage, _SAID)
        await marks.proceed(stage.name(), MarkKind.IN_RECONSIDERATION, stage.unit, stage.moment)
        await marks.clear(stage.name(), MarkKind.IN_RECONSIDERATION, stage.unit, stage.moment)
        await marks.withdraw(stage.name(), stage.subject, stage.moment)
        async with stage.world.hub.database.connection() as connection:
            rows = await connection.fetch("SELECT body FROM log_entry WHERE kind = 'ADMIN' ORDER BY idx")
        bodies = [json.loads(row[0]) for row in rows]
        acts = [body for body in bodies if body["operation"].startswith("lifecycle.mark.")]
        assert [body["operation"].rpartition(".")[2] for body in acts] == [
            "state",
            "proceed",
            "clear",
            "withdraw",
        ]
        assert all(body["detail"]["record"] == stage.name().record_id.hex() for body in acts)
        assert _SAID not in json.dumps(bodies, ensure_ascii=False)

    play(database_url, tmp_path, scene)


def test_without_the_log_nothing_is_marked(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        before = await stage.everything()
        await stage.world.hub.log.close()
        for act in (say(stage, _SAID), object_to(stage)):
            with pytest.raises(UnavailableError):
                await act
        async with stage.world.hub.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM record_mark") == 0
        assert await stage.everything() == before

    play(database_url, tmp_path, scene)


def test_of_marks_at_the_same_moment_none_is_lost(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        marks, name = stage.world.hub.lifecycle.marks, stage.name()
        await asyncio.gather(
            say(stage, _SAID),
            object_to(stage),
            marks.proceed(name, MarkKind.IN_LITIGATION, stage.unit, stage.moment),
            marks.proceed(name, MarkKind.IN_RECONSIDERATION, stage.unit, stage.moment),
        )
        kinds = {mark["kind"] for mark in json.loads((await stage.record())["marks"])}
        assert kinds == {"STATEMENT", "DISPUTED", "IN_LITIGATION", "IN_RECONSIDERATION"}

    play(database_url, tmp_path, scene)


def test_a_statement_moved_to_another_record_does_not_open(database_url: str, tmp_path: Path) -> None:
    async def scene(stage: Scene) -> None:
        await stage.put(2)
        await say(stage, _SAID)
        async with stage.world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE record SET marks = (SELECT marks FROM record WHERE record_id = $1) WHERE record_id = $2",
                stage.name(1).record_id, stage.name(2).record_id,
            )  # fmt: skip
        own = await stage.world.token("subject-org", "SELF_QUERY")
        response = await stage.world.send(own, _TEXTS, {"u": COMPANY})
        assert not response.json().get("data"), response.text
        assert _SAID not in response.text
        assert penalty(2)["documentNo"] not in response.text

    play(database_url, tmp_path, scene)
