"""The subject's ledger."""

from __future__ import annotations

import asyncio
import random

from hub.audit.entry import Basis, BasisKind, EntryOutcome, SubjectPart, fields_fragment
from hub.audit.ledger import ledger

from .audit_world import ACME, FIELDS, NOW, OTHER, administrator, an_entry, open_log

FAMILY = (
    SubjectPart(ACME, EntryOutcome.DISCLOSED, basis=Basis(BasisKind.CONSENT, "c_1", 1), fields=FIELDS),
    SubjectPart(
        OTHER,
        EntryOutcome.REFUSED,
        "CONSENT_REQUIRED",
        Basis(BasisKind.MATTER, matter="SECRET-MATTER"),
        fields_fragment({"withheld": {"government.person_profile": ["name"]}}),
        {"judicial.judgment": ["aa@1"]},
    ),
)


def test_a_ledger_line_says_who_when_for_what_on_what_basis_and_which_items(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            (line,) = await ledger(database, ACME)
            assert (line.institution, line.at, line.purpose) == (
                "91460000DEM00001XX",
                NOW,
                "LOAN_APPLICATION",
            )
            assert line.basis == {"kind": "CONSENT", "consent": "c_1", "consentVersion": 1}
            assert line.fields == {"clear": {"government.penalty": ["decisionDate", "documentNo"]}}
            assert line.records == {"government.penalty": 1}
            assert (line.outcome, line.withheld) == ("DISCLOSED", False)

    asyncio.run(scenario())


def test_a_ledger_says_nothing_of_the_other_subjects_of_the_same_operation(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry(subjects=FAMILY, reason="PARTLY", detail={"third": OTHER.hex()}))
            (mine,), (theirs,) = await ledger(database, ACME), await ledger(database, OTHER)
            assert (mine.outcome, mine.reason, theirs.outcome) == ("DISCLOSED", "", "REFUSED")
            text = repr(mine)
            for foreign in (
                OTHER.hex(),
                "SECRET-MATTER",
                "person_profile",
                "judgment",
                "CONSENT_REQUIRED",
                "PARTLY",
            ):
                assert foreign not in text
            assert "government.penalty" not in repr(theirs)

    asyncio.run(scenario())


def test_a_ledger_equals_a_scan_of_the_log(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(9)
        subjects = [bytes([n]) * 16 for n in range(5)]
        entries = [
            an_entry(
                subjects=tuple(
                    SubjectPart(s, EntryOutcome.DISCLOSED) for s in dice.sample(subjects, dice.randint(0, 3))
                )
            )
            for _ in range(80)
        ]
        async with open_log(database_url) as (database, log):
            results = [await log.append(entry) for entry in entries]
            for subject in subjects:
                expected = [
                    r.index
                    for r, e in zip(results, entries, strict=True)
                    if subject in [p.subject_id for p in e.subjects]
                ]
                assert [line.index for line in await ledger(database, subject, limit=1000)] == expected[::-1]
            assert await ledger(database, b"\xff" * 16) == []

    asyncio.run(scenario())


def test_a_withheld_body_leaves_a_line_without_detail(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            await administrator(database_url, "UPDATE log_entry SET body = NULL")
            (line,) = await ledger(database, ACME)
            assert line.withheld
            assert (line.caller, line.fields, line.basis) == ("bank-hkb", {}, None)

    asyncio.run(scenario())
