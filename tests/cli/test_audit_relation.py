"""`hub audit relation`: what an institution declared on paper is entered, listed, ended and held to the log."""

from __future__ import annotations

import asyncio

import pytest

from hub.demo import story_facts as facts
from hub.store.database import Database

from .conftest import Shell

GOOD = ["--institution", facts.BANK_HKB, "--person", "梅经理", "--kind", "RELATIVE"]


def declared(shell: Shell, *more: str) -> str:
    return shell.done("audit", "relation", "add", facts.COMPANY_USCC, *GOOD, *more).split()[-1]


def test_a_declaration_is_entered_listed_ended_and_checked_and_each_act_is_recorded(shell: Shell) -> None:
    one = declared(shell, "--until", "2027-12-31")
    listed = shell.done("audit", "relation", "list")
    assert "RELATIVE" in listed
    assert facts.COMPANY_USCC not in listed
    assert "梅经理" not in listed
    shell.done("audit", "relation", "end", one)
    assert "ended" in shell.done("audit", "relation", "list", "--institution", facts.BANK_HKB)
    assert "✓" in shell.done("audit", "relation", "check")
    entries = shell.done("audit", "list", "--json")
    for act in ("audit.relation.declare", "audit.relation.end", "audit.relations", "audit.relation_check"):
        assert f'"{act}"' in entries
    assert "梅经理" not in entries
    assert facts.COMPANY_USCC not in entries


REFUSED = {
    "a person by number": ["--person", "469999199001011234"],
    "an institution that is none": ["--institution", "1234"],
    "a last day that is none": ["--until", "soon"],
    "a last day that has passed": ["--until", "2020-01-01"],
    "a kind that is none": ["--kind", "FRIEND"],
}


@pytest.mark.parametrize("more", REFUSED.values(), ids=REFUSED)
def test_a_declaration_is_refused_and_nothing_is_stored(shell: Shell, more: list[str]) -> None:
    before = shell.count("log_entry")
    assert shell("audit", "relation", "add", facts.COMPANY_USCC, *GOOD, *more).code == 2
    assert (shell.count("audit_relation"), shell.count("log_entry")) == (0, before)


def test_a_declaration_that_was_deleted_in_the_database_is_missed_with_exit_code_1(shell: Shell) -> None:
    one = declared(shell)

    async def delete() -> None:
        database = await Database.open(shell.database_url, pool_size=1)
        async with database.connection() as connection:
            await connection.execute("DELETE FROM audit_relation")
        await database.close()

    asyncio.run(delete())
    ran = shell("audit", "relation", "check")
    assert ran.code == 1
    assert one in ran.out
    assert "GONE" in ran.out
