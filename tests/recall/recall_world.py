"""Reads and corrections of one company's tax payments, and an account of who was shown which record."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from world import COMPANY, World

from hub.audit.entry import read_body
from hub.demo import story_facts as facts

TAX = "government.tax_payment"
MATTER = "SV-GRADED"
ONE = "query Q($u: USCC!, $n: Int) {{ organization(uscc: $u) {{ government {{ taxPayments(first: $n) {{ nodes {{ {} }} }} }} }} }}"
MANY = "query M($u: SubjectIdentifier!, $n: Int) {{ subjects(ids: [$u, $u, $u]) {{ ... on Organization {{ government {{ taxPayments(first: $n) {{ nodes {{ {} }} }} }} }} }} }}"
ASK = "query A($u: USCC!) { organization(uscc: $u) { predicates(ask: [{code: TAX_PAYMENT_RECORDED_12M}]) { answer } } }"
FEED = """query F($s: String, $n: Int) { recalls(since: $s, first: $n) { nextSince more
  nodes { id action subject dataset recordId state dueAt acknowledgedAt document } } }"""
TABLE = "query T($s: RecallState) { unclosedRecalls(state: $s) { nodes { id institution recordId cause state } } }"
CLOSE = "mutation C($id: ID!) { acknowledgeRecall(id: $id) { id state } }"


async def pay(world: World, month: int, amount: int) -> None:
    """Store or correct the payment of a month."""
    await world.put(
        TAX,
        {"subjectName": facts.COMPANY_NAME, "uscc": COMPANY, "period": f"2026-{month:02d}", "taxType": "VAT",
         "amount": amount},
    )  # fmt: skip


async def show(
    world: World, token: str, *, fields: str = "id amount { amount }", first: int = 20, query: str = ONE
) -> list[str]:
    """Ids of the records that an answer showed."""
    response = await world.send(token, query.format(fields), {"u": COMPANY, "n": first})
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("nodes"), list):
                found.extend(node["id"].removeprefix("rec_") for node in value["nodes"])
            else:
                for inner in value.values():
                    walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(response.json().get("data"))
    return found


def subject(world: World) -> bytes:
    return world.hub.indexer.subject_id("ORG", COMPANY)


async def records(world: World) -> list[str]:
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT record_id FROM record WHERE subject_id = $1 AND dataset = $2 ORDER BY event_date",
            subject(world),
            TAX,
        )
    return [row[0].hex() for row in rows]


async def set_record(world: World, record: str, column: str, value: Any) -> None:
    async with world.hub.database.connection() as connection:
        await connection.execute(
            f"UPDATE record SET {column} = $2 WHERE record_id = $1", bytes.fromhex(record), value
        )


async def whole_log(world: World) -> list[dict[str, Any]]:
    async with world.hub.database.connection() as connection:
        rows = await connection.fetch("SELECT body FROM log_entry ORDER BY idx")
    return [read_body(row["body"]) for row in rows if row["body"] is not None]


async def by_brute_force(world: World, record: str) -> Counter[tuple[str, str, str]]:
    """Entries that showed a record to others than its subject, found by reading the whole log."""
    found: Counter[tuple[str, str, str]] = Counter()
    for body in await whole_log(world):
        purposes = {
            part.get("purpose", body["purpose"])
            for part in body["subjects"]
            if any(record in refs for refs in part["records"].values()) and part["basis"]["kind"] != "SELF"
        }
        found.update((body["institution"], body["caller"], purpose) for purpose in purposes)
    return found


async def feed(world: World, token: str, **variables: Any) -> dict[str, Any]:
    answer = await world.ask(token, FEED, variables)
    page: dict[str, Any] = answer["data"]["recalls"]
    return page


async def counts(world: World) -> tuple[int, int, int]:
    """Recalls, notices, and notices acknowledged."""
    async with world.hub.database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM recall), count(*), count(acknowledged_at) FROM recall_notice"
        )
    return tuple(row)


@dataclass
class Account:
    """Who was shown what, by the answers themselves."""

    shown: dict[str, Counter[tuple[str, str, str]]] = field(default_factory=dict)

    def note(self, who: tuple[str, str, str], ids: list[str]) -> None:
        for record in set(ids):
            self.shown.setdefault(record, Counter())[who] += 1


def text_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
