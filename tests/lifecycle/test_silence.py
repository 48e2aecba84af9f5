"""A repaired record cannot be told from one that never was: answers, counts, pages, receipts, values opened, SQL.

Nor can one that had marks and a statement, and that others were told to stop using.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from world import COMPANY, World, run

from hub.disclosure.marks import MarkKind

from ..disclosure.gate_world import counted
from .case_world import FIRST_DAY, Scene

_PAGE = " fragment P on AdministrativePenaltyConnection { nodes { id documentNo decisionDate legalRepresentativeCertNo marks { kind statement } } edges { cursor } pageInfo { hasNextPage endCursor } }"
_DOCUMENTS = {
    "all at once": "query Q($u: USCC!) { organization(uscc: $u) { name government { penalties(first: 100) { ...P } } } }" + _PAGE,
    "a first page of one": "query Q($u: USCC!) { organization(uscc: $u) { government { penalties(first: 1) { ...P } } } }" + _PAGE,
    "a first page of two": "query Q($u: USCC!) { organization(uscc: $u) { government { penalties(first: 2) { ...P } } } }" + _PAGE,
    "beside other records": "query Q($u: USCC!) { organization(uscc: $u) { government { penalties(first: 3) { ...P } taxPayments { nodes { period } } } } }" + _PAGE,
}  # fmt: skip


async def seen(world: World, token: str) -> dict[str, Any]:
    """Every document's answer with its work, with all of its receipt that is not random or time, and page by page."""
    found: dict[str, Any] = {}
    for name, text in _DOCUMENTS.items():
        with pytest.MonkeyPatch.context() as patch, counted(patch) as counts:
            response = await world.send(token, text, {"u": COMPANY})
            found[f"{name}: work"] = (sorted(counts.statements), counts.unsealed)
        answer = response.json()
        receipt = answer["extensions"].pop("receipt")
        entry = json.loads(receipt["entry"])
        for varying in ("id", "commitment", "at"):
            entry.pop(varying)
        found[name] = (response.status_code, json.dumps(answer), json.dumps(entry), len(response.headers))
    after, pages = None, []
    paged = (
        "query Q($u: USCC!, $a: String) { organization(uscc: $u) { government { penalties(first: 1, after: $a) { ...P } } } }"
        + _PAGE
    )
    for _ in range(5):
        answer = await world.ask(token, paged, {"u": COMPANY, "a": after})
        assert answer["data"], answer
        page = answer["data"]["organization"]["government"]["penalties"]
        pages.append(page)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    found["page by page"] = json.dumps(pages)
    return found


def test_a_repaired_record_cannot_be_told_from_one_that_never_was(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        for number in (1, 3):
            await stage.put(number)
        marks = world.hub.lifecycle.marks
        readers = {
            "the subject": await world.token("subject-org", "SELF_QUERY"),
            "a department": await world.token("dept-tax", "GOV_SUPERVISION", matter="SV-GRADED"),
        }
        never = {name: await seen(world, token) for name, token in readers.items()}
        await stage.put(2)
        await marks.state(stage.name(2), "另有说明", stage.subject, stage.moment)
        await marks.proceed(stage.name(2), MarkKind.IN_LITIGATION, stage.unit, stage.moment)
        there = {name: await seen(world, token) for name, token in readers.items()}
        case = await stage.repaired(2)
        gone = {name: await seen(world, token) for name, token in readers.items()}
        for name in readers:
            assert there[name]["all at once"] != never[name]["all at once"], name
            assert gone[name] == never[name], name
        await world.hub.lifecycle.repairs.revoke(
            case.case_id,
            "FALSE_PROOF",
            "",
            stage.unit,
            stage.moment,  # type: ignore[arg-type]
        )
        back = {name: await seen(world, token) for name, token in readers.items()}
        for name in readers:
            assert json.loads(back[name]["all at once"][1]) == json.loads(there[name]["all at once"][1]), name

    run(database_url, tmp_path, scene)  # fmt: skip


def test_an_expired_record_is_gone_at_midnight_without_any_job(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        stage = Scene(world)
        stage.turn_to(FIRST_DAY)
        await stage.put()
        nodes = {}
        for instant in ("2027-03-05T23:59:59.999+08:00", "2027-03-06T00:00:00+08:00"):
            stage.world.clock.instant = stage.world.clock.instant.fromisoformat(instant)
            token = await world.token("subject-org", "SELF_QUERY")
            answer = await world.ask(token, _DOCUMENTS["all at once"], {"u": COMPANY})
            nodes[instant[:10]] = len(answer["data"]["organization"]["government"]["penalties"]["nodes"])
        assert nodes == {"2027-03-05": 1, "2027-03-06": 0}

    run(database_url, tmp_path, scene)
