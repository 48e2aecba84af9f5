"""What lies beside the records of a world that a caller sees, and must make no difference: columns that nobody is shown,
what intake keeps, what other institutions were granted, have read and have asked, and entries of the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from world import COMPANY, NOW, World

from hub.audit.entry import Entry, EntryOutcome, Kind, new_entry_id
from hub.catalog.types import SubjectKind
from hub.consent.request import ConsentRequest
from hub.demo import story_facts as facts
from hub.disclosure.budget import window_of
from hub.emergency.case import Danger
from hub.emergency.service import Asked, EmergencyService
from hub.intake.acting import Steward
from hub.model.calendar import window_start
from hub.policies.model import Unit

from .askers import PERSON
from .gate_world import TODAY

_UNSEEN = """UPDATE record SET batch_id = 'another', batch_row = batch_row + 1000, source_unit = $2, edition = 'another',
    received_at = received_at - interval '40 days', severity_source = 'SOURCE',
    severity = CASE severity WHEN 'MINOR' THEN 'SERIOUS' ELSE 'MINOR' END,
    visible_from = CASE WHEN visible_from <= $1::date THEN visible_from - 10 ELSE visible_from END,
    visible_until = CASE WHEN visible_until > $1 THEN visible_until + 5 WHEN visible_until <= $1
      THEN visible_until - 5 ELSE date '2099-01-01' END"""
_UNSEEN_BESIDE = (
    "UPDATE record_history SET received_at = received_at - interval '90 days', state = 'REPAIRED'",
    "UPDATE subject SET division_code = '460105', created_at = created_at - interval '1 year'",
    "INSERT INTO subject_alias SELECT substring(sha256(subject_id) FOR 16), 'ANOTHER', subject_id FROM subject",
    """INSERT INTO intake_batch (batch_id, dataset, source_unit, file_name, file_sha256, started_at, rows_done, inserted,
      updated, unchanged, quarantined) VALUES ('another', 'government.penalty', 'another', 'a.csv', 'x', now(), 900, 3,
      2, 1, 894)""",
)


async def unseen(world: World) -> None:
    """Change every column that nobody is shown, and what intake keeps beside the records."""
    async with world.hub.database.connection() as connection:
        await connection.execute(_UNSEEN, TODAY, facts.DEPT_TAX)
        for statement in _UNSEEN_BESIDE:
            await connection.execute(statement)


async def grant(
    world: World, kind: SubjectKind, identifier: str, grantee: str, purpose: str, **more: Any
) -> str:
    request = ConsentRequest(
        grantee, purpose, separate_consent=True, adverse_notice_acknowledged=True, **more
    )
    subject_id = world.hub.indexer.subject_id(kind, identifier)
    policy = world.hub.rules.policy
    return (await world.hub.consents.grant(subject_id, request, policy, "test", NOW)).consent_id


async def emergency(world: World, kind: SubjectKind, identifier: str, institution: str, purpose: str) -> str:
    """Id of an emergency grant, asked for by one person and approved by another."""
    hub = world.hub
    service, rules = EmergencyService(hub.database, hub.log, hub.ring), hub.rules
    subject_id = hub.indexer.subject_id(kind, identifier)
    asks, approves = (
        Steward(f"cli:{name}", "", "", rules.policy.revision, rules.catalog.revision) for name in "ab"
    )
    asked = Asked(subject_id, purpose, institution, Danger.LIFE, "演练", "急2026-演7")
    made = await service.request(asked, asks, rules.policy, NOW)
    return (await service.approve(made.emergency_id, approves, rules.policy, NOW)).emergency_id


async def other_institutions(world: World) -> None:
    """Another bank has consents, has read and has asked, as often as it may."""
    hub = world.hub
    for kind, identifier in ((SubjectKind.ORG, COMPANY), (PERSON, facts.PERSON_ID)):
        await grant(world, kind, identifier, facts.BANK_QZB, "LOAN_APPLICATION")
        await grant(world, kind, identifier, facts.BANK_QZB, "GUARANTEE")
    window = window_of(hub.rules.policy.questionnaire.budget, TODAY)
    async with hub.database.connection() as connection:
        await connection.execute("UPDATE consent SET used_count = 7 WHERE grantee = $1", facts.BANK_QZB)
        await connection.execute(
            "INSERT INTO question_count SELECT subject_id, $1, $2, 2000000, ARRAY['TAX_PAID TAX_PAID:1M'] FROM subject",
            facts.BANK_QZB,
            window,
        )
        subjects = [row["subject_id"] for row in await connection.fetch("SELECT subject_id FROM subject")]
        await connection.executemany(
            "INSERT INTO quota_count VALUES ($1, $2, $3, '', $4, $5, 2147483647)",
            [
                (subject_id, facts.BANK_QZB, purpose, unit.value, window_start(unit, NOW))
                for subject_id in (b"", *subjects)
                for purpose in hub.rules.policy.purposes
                for unit in Unit
            ],
        )


async def even_logs(worlds: Iterable[World]) -> None:
    """Bring the logs to one size: a log is counted by whoever holds its receipts."""
    sizes = {}
    for world in worlds:
        async with world.hub.database.connection() as connection:
            sizes[id(world)] = await connection.fetchval("SELECT size FROM log_state")
    for world in worlds:
        for _ in range(max(sizes.values()) - sizes[id(world)]):
            await world.hub.log.append(Entry(new_entry_id(), NOW, Kind.ADMIN, EntryOutcome.DONE, "test"))
