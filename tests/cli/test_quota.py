from __future__ import annotations

import asyncio
import json

import pytest

from hub.clock import SystemClock
from hub.demo import story_facts as facts
from hub.model.calendar import window_start
from hub.store.database import Database

from .conftest import Shell

BANK, SUBJECT = "91460000DEM00001XX", b"\x01" * 16


def count(shell: Shell, used: int = 45, **more: str) -> None:
    """Set how often the bank has asked about a subject today."""

    async def body() -> None:
        database = await Database.open(shell.database_url, pool_size=1)
        start = window_start("DAY", SystemClock().now())
        await database.pool.execute(
            "INSERT INTO quota_count VALUES ($1, $2, 'LOAN_APPLICATION', $3, 'DAY', $4, $5)",
            SUBJECT, BANK, more.get("dataset", ""), start, used,
        )  # fmt: skip
        await database.close()

    asyncio.run(body())


def test_listing_quotas_leaves_an_entry_that_names_who_looked_for_what(shell: Shell) -> None:
    assert shell.done("quota", "list", "--institution", BANK, "--near", "80", "--json") == ""
    line = json.loads(shell.done("audit", "list", "--json", "--kind", "AUDIT_READ"))
    assert line["caller"].startswith("cli:")
    assert (line["purpose"], line["entry"]["operation"]) == ("AUDIT_REVIEW", "quota.list")
    assert line["entry"]["detail"] == {"institution": BANK, "near": "80", "shown": 0}


def test_counts_stand_beside_their_caps_with_pseudonyms_and_fit_eighty_columns(shell: Shell) -> None:
    count(shell)
    count(shell, used=1, dataset="financial.loan")
    out = shell.done("quota", "list")
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "sub_0101" in out
    for text in (BANK, "LOAN_APPLICATION", "FU-LOAN-1", "FU-LOAN-SMALL", "financial.loan", "of 50"):
        assert text in out
    lines = [json.loads(line) for line in shell.done("quota", "list", "--json").splitlines()]
    assert [(line["template"], line["dataset"], line["percent"]) for line in lines] == [
        ("FU-LOAN-SMALL", None, 900), ("FU-LOAN-1", None, 90), ("FU-LOAN-SMALL", "financial.loan", 50),
    ]  # fmt: skip
    assert lines[1]["subject"] == "sub_" + SUBJECT.hex()
    assert lines[1]["until"].endswith("T00:00:00+08:00")


def test_filters_narrow_the_quotas(shell: Shell) -> None:
    count(shell)
    assert len(shell.done("quota", "list", "--json", "--near", "90").splitlines()) == 2
    assert len(shell.done("quota", "list", "--json", "--near", "91").splitlines()) == 1
    assert shell.done("quota", "list", "--json", "--purpose", "RENEWAL") == ""
    assert shell.done("quota", "list", "--json", "--institution", "91460000DEM00002XX") == ""


def test_quotas_that_cannot_be_logged_are_not_shown(shell: Shell) -> None:
    count(shell)

    async def break_log() -> None:
        database = await Database.open(shell.database_url, pool_size=1)
        await database.pool.execute("ALTER TABLE log_entry RENAME TO gone")
        await database.close()

    shell.done("quota", "list")
    asyncio.run(break_log())
    ran = shell("quota", "list")
    assert ran.code == 2
    assert BANK not in ran.out + ran.err


def test_a_percentage_beyond_the_whole_is_refused_and_reads_nothing(shell: Shell) -> None:
    assert shell("quota", "list", "--near", "101").code == 2
    assert shell.count("log_entry") == 0


@pytest.mark.parametrize(
    "command",
    [
        ("quota", "list", "--institution"), ("quota", "list", "--purpose"), ("audit", "uses", "--institution"),
        ("audit", "uses", "--purpose"), ("audit", "detect", "--caller"), ("audit", "detect", "--institution"),
    ],
)  # fmt: skip
def test_a_number_of_a_person_is_no_filter_since_the_filter_is_written_into_the_log(
    shell: Shell, command: tuple[str, ...]
) -> None:
    ran = shell(*command, facts.PERSON_ID)
    assert "number of a person" in ran.err
    assert facts.PERSON_ID not in ran.err
    assert shell.count("log_entry") == 0
