"""A refusal says nothing about what is stored: the same bytes, headers and work, whatever the reason behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from world import COMPANY, NOW, STRANGER, World, run

from hub.catalog.types import SubjectKind
from hub.demo import story_facts as facts
from hub.demo.codes import uscc
from hub.model.resident_ids import resident_check_character

from .gate_world import Counts, counted

UNKNOWN = uscc("91", "460105", "79999")
ASK = "query Q($u: USCC!) { organization(uscc: $u) { name government { taxPayments { nodes { amount { amount } } } } } }"


def shape(response: httpx.Response) -> tuple[Any, ...]:
    """Everything of an answer but what is random in its receipt."""
    body = response.json()
    receipt = body["extensions"].pop("receipt")
    entry = json.loads(receipt["entry"])
    for name in ("id", "commitment", "subjects"):
        entry.pop(name)
    headers = {k: v for k, v in response.headers.items() if k != "content-length"}
    return response.status_code, headers, json.dumps(body), json.dumps(entry), list(receipt)


async def _shapes(
    world: World, counts: Counts, cases: dict[str, tuple[str, str]]
) -> dict[str, tuple[Any, ...]]:
    """What each case (token, subject) gives on the second time, with the work it took."""
    found = {}
    for name, (token, subject) in cases.items():
        await world.send(token, ASK, {"u": subject})
        counts.take()
        response = await world.send(token, ASK, {"u": subject})
        found[name] = (*shape(response), counts.take())
        assert response.json()["data"] == {"organization": None}, name
    return found


def test_a_bank_without_a_usable_consent_learns_nothing_about_the_subject(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        other = await world.consent(grantee=facts.BANK_QZB)
        guarantee = await world.consent(purpose="GUARANTEE")
        mine = await world.consent()
        absent = "c_" + "A" * 22

        async def bank(subject: str = COMPANY, **more: str) -> str:
            return await world.token("bank-hkb", "LOAN_APPLICATION", (subject,), **more)

        cases = {
            "no consent": (await bank(), COMPANY),
            "no such subject, no consent": (await bank(UNKNOWN), UNKNOWN),
            "a consent that does not exist": (await bank(consent=absent), COMPANY),
            "the consent of another bank": (await bank(consent=other), COMPANY),
            "a consent for another purpose": (await bank(consent=guarantee), COMPANY),
            "a consent of another subject": (await bank(STRANGER, consent=mine), STRANGER),
            "no such subject, a consent of somebody else": (await bank(UNKNOWN, consent=mine), UNKNOWN),
        }
        with counted(monkeypatch) as counts:
            found = await _shapes(world, counts, cases)
        expected = found["no consent"]
        assert json.loads(expected[2])["errors"][0]["extensions"]["reason"] == "CONSENT_REQUIRED"
        assert expected[-1] == (2, 0)
        for name, got in found.items():
            assert got == expected, name

    run(database_url, tmp_path, scene)


def test_a_department_cannot_tell_an_unknown_subject_from_an_erased_or_a_different_one(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE subject SET wrapped_key = NULL WHERE subject_id = $1",
                world.hub.indexer.subject_id("ORG", STRANGER),
            )

        async def dept(subject: str) -> str:
            return await world.token("dept-amr", "GOV_SUPERVISION", (subject,), matter="SV-GRADED")

        cases = {
            "no such subject": (await dept(UNKNOWN), UNKNOWN),
            "a subject whose key was destroyed": (await dept(STRANGER), STRANGER),
        }
        with counted(monkeypatch) as counts:
            found = await _shapes(world, counts, cases)
        assert len(set(map(str, found.values()))) == 1, found

    run(database_url, tmp_path, scene)


def test_a_department_cannot_tell_a_subject_of_hidden_records_from_one_that_is_not_there(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        hidden, withdrawn = uscc("91", "460105", "79990"), uscc("91", "460105", "79991")
        amount = {"subjectName": "某公司", "period": "2026-03", "taxType": "VAT", "amount": 1_234_567}
        await world.put("government.tax_payment", {**amount, "uscc": hidden}, identifier=hidden)
        await world.put("government.honour", HONOUR, identifier=withdrawn)
        async with world.hub.database.connection() as connection:
            await connection.execute(
                "UPDATE record SET state = 'REVOKED' WHERE dataset = 'government.honour'"
            )

        async def dept(subject: str) -> str:
            return await world.token("dept-amr", "GOV_SUPERVISION", (subject,), matter="SV-GRADED")

        cases = {
            "no such subject": (await dept(UNKNOWN), UNKNOWN),
            "only records of a dataset that is shut": (await dept(hidden), hidden),
            "only records that were withdrawn": (await dept(withdrawn), withdrawn),
        }
        with counted(monkeypatch) as counts:
            found = await _shapes(world, counts, cases)
        assert len(set(map(str, found.values()))) == 1, found
        async with world.hub.database.connection() as connection:
            await connection.execute("UPDATE record SET state = 'VALID' WHERE dataset = 'government.honour'")
        token = await dept(withdrawn)
        answer = await world.ask(token, ASK, {"u": withdrawn})
        assert answer["data"]["organization"] == {"name": None, "government": {"taxPayments": None}}
        many = "query M($i: [SubjectIdentifier!]!) { subjects(ids: $i) { id } }"
        for subject, shown in ((withdrawn, True), (hidden, False), (UNKNOWN, False)):
            answer = await world.ask(await dept(subject), many, {"i": [subject]})
            assert (answer["data"]["subjects"][0] is not None) is shown, subject

    run(database_url, tmp_path, scene)


def test_the_consent_of_another_bank_costs_the_same_in_a_list_when_that_bank_has_just_used_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        other = await world.consent(grantee=facts.BANK_QZB)
        many = "query M($i: [SubjectIdentifier!]!) { subjects(ids: $i) { id } }"
        mine = await world.token("bank-hkb", "LOAN_APPLICATION", consent=other)
        theirs = await world.token("bank-qzb", "LOAN_APPLICATION", consent=other)
        work = []
        with counted(monkeypatch) as counts:
            for _ in range(2):
                counts.take()
                answer = await world.ask(mine, many, {"i": [COMPANY]})
                work.append(counts.take())
                assert answer["data"]["subjects"] == [None]
                assert (await world.ask(theirs, many, {"i": [COMPANY]}))["data"]["subjects"] != [None]
        assert work[0] == work[1]

    run(database_url, tmp_path, scene)


def test_a_token_that_does_not_name_the_subject_is_refused_without_a_look_at_the_database(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        with counted(monkeypatch) as counts:
            found = await _shapes(world, counts, {"known": (token, STRANGER), "unknown": (token, UNKNOWN)})
            assert found["known"] == found["unknown"]
            assert found["known"][-1] == (1, 0)
            assert all("log_entry" in s for s in counts.statements)

    run(database_url, tmp_path, scene)


_REFUSED = {
    "a government purpose without a matter": ("dept-amr", "GOV_SUPERVISION", {}, "MATTER_NOT_LISTED"),
    "a matter that is not listed": (
        "dept-amr",
        "GOV_SUPERVISION",
        {"matter": "SV-NONE"},
        "MATTER_NOT_LISTED",
    ),
    "a matter of another purpose": ("dept-amr", "GOV_APPROVAL", {"matter": "SV-GRADED"}, "MATTER_NOT_LISTED"),
    "a matter of another role": (
        "dept-amr",
        "GOV_SUPERVISION",
        {"matter": "SV-LENDING"},
        "MATTER_NOT_LISTED",
    ),
    "the subject's own query for another subject": ("subject-org", "SELF_QUERY", {}, "SUBJECT_NOT_IN_TOKEN"),
    "the officer with her own purpose": ("officer-privacy", "AUDIT_REVIEW", {}, None),
    "the operator with his own purpose": ("operator-main", "OPERATION", {}, None),
}


def test_a_basis_that_does_not_hold_is_refused_before_any_record_is_read(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(world: World) -> None:
        for name, (client, purpose, more, reason) in _REFUSED.items():
            subject = STRANGER if client == "subject-org" else COMPANY
            token = await world.token(client, purpose, **more)
            with counted(monkeypatch) as counts:
                answer = await world.ask(token, ASK, {"u": subject})
            assert answer["data"] == {"organization": None}, name
            got = answer["errors"][0]["extensions"]["reason"]
            assert got == reason if reason else got in {"PURPOSE_NOT_HELD", "NO_RULE"}, name
            assert counts.unsealed == 0, name
            assert not any("FROM record" in s for s in counts.statements), name
            entry = json.loads(answer["extensions"]["receipt"]["entry"])
            assert (entry["outcome"], entry["reason"], entry["unsealed"]) == ("REFUSED", got, 0), name
            assert entry["subjects"][0]["records"] == {}, name

    run(database_url, tmp_path, scene)


def test_a_purpose_the_client_does_not_hold_gets_no_token(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        for client, purpose in (("bank-hkb", "SELF_QUERY"), ("officer-privacy", "LOAN_APPLICATION")):
            with pytest.raises(Exception, match=r"(?i)purpose|details|client|refus|denied|unauthor"):
                await world.token(client, purpose)

    run(database_url, tmp_path, scene)


def test_a_client_that_loses_a_purpose_is_refused_at_once(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        token = await world.bank_token()
        assert (
            await world.ask(token, "query Q($u: USCC!) { organization(uscc: $u) { name } }", {"u": COMPANY})
        )["data"]
        bank = world.hub.registry.get("bank-hkb")
        assert bank is not None
        await world.register(replace(bank, purposes=("GUARANTEE",)))
        response = await world.send(token, ASK, {"u": COMPANY})
        assert response.status_code == 401
        assert facts.COMPANY_NAME not in response.text

    run(database_url, tmp_path, scene)


def test_a_person_under_fourteen_is_refused_to_everybody(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        assert NOW.year == 2026
        child = "46999920150615901"
        child += resident_check_character(child)
        token = await world.token("dept-amr", "GOV_SUPERVISION", (child,), matter="SV-GRADED")
        ask = "query Q($p: PersonIdentifier!) { person(id: $p) { name } }"
        answer = await world.ask(token, ask, {"p": child})
        assert answer["data"] == {"person": None}
        assert answer["errors"][0]["extensions"]["reason"] == "MINOR"
        pseudonym = f"sub_{world.hub.indexer.subject_id('PERSON', child).hex()}"
        evaded = await world.send(token, ask, {"p": pseudonym})
        assert (evaded.json().get("data") or {}).get("person") is None

    run(database_url, tmp_path, scene)


def test_persons_are_never_shown_before_a_bid(database_url: str, tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        bank = world.hub.registry.get("bank-hkb")
        assert bank is not None
        await world.register(replace(bank, purposes=(*bank.purposes, "BID_CHECK")))
        await world.put(
            "government.person_profile", PERSON, identifier=facts.PERSON_ID, kind=SubjectKind.PERSON
        )
        token = await world.token("bank-hkb", "BID_CHECK", (facts.PERSON_ID,))
        response = await world.send(
            token, "query Q($p: PersonIdentifier!) { person(id: $p) { name phone } }", {"p": facts.PERSON_ID}
        )
        assert response.json()["data"] == {"person": None}
        assert facts.PERSON_NAME not in response.text

    run(database_url, tmp_path, scene)


PERSON: dict[str, Any] = {
    "name": facts.PERSON_NAME, "residentIdNumber": facts.PERSON_ID, "phone": facts.PERSON_PHONE, "birthDate": "1985-06-15",
}  # fmt: skip
HONOUR: dict[str, Any] = {
    "subjectName": "某公司", "honourName": "诚信示范单位", "awardedOn": "2026-03-01", "awardedBy": "某单位",
}  # fmt: skip
