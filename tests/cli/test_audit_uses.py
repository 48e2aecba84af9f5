"""`hub audit uses`: what is unclosed, by caller, in the log like every reading."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from hub.audit.entry import Basis, BasisKind, Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.clock import SystemClock
from hub.config import Settings
from hub.demo import story_facts as facts
from hub.loading import open_ring
from hub.store.database import Database

from .conftest import Shell


def _reads(shell: Shell) -> None:
    """A bank's read of today, and a department's of long ago."""

    async def body() -> None:
        settings = Settings(database_url=shell.database_url, keys_dir=str(shell.places.ring), demo=True)
        clock, ring = SystemClock(), open_ring(settings)
        database = await Database.open(shell.database_url, pool_size=1)
        signer = LogKeySigner(settings.log_origin, ring.log.active)
        log = await AuditLog.open(database, settings.log_origin, signer, clock)
        part = SubjectPart(b"\x01" * 16, EntryOutcome.DISCLOSED, basis=Basis(BasisKind.STATUTORY))
        for caller, institution, purpose, days in (
            ("bank-hkb", facts.BANK_HKB, "LOAN_APPLICATION", 0),
            ("dept-amr", facts.DEPT_AMR, "GOV_APPROVAL", 200),
        ):
            await log.append(
                Entry(
                    new_entry_id(), clock.now() - timedelta(days=days), Kind.QUERY, EntryOutcome.DISCLOSED, caller,
                    institution=institution, purpose=purpose, subjects=(part,),
                )
            )  # fmt: skip
        await log.close()
        await database.close()

    asyncio.run(body())


def test_unclosed_uses_are_listed_by_caller_with_what_is_overdue(shell: Shell) -> None:
    _reads(shell)
    out = shell.done("audit", "uses")
    assert "bank-hkb" in out
    assert "OVERDUE" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    (late,) = [json.loads(line) for line in shell.done("audit", "uses", "--overdue", "--json").splitlines()]
    assert (late["caller"], late["overdue"]) == ("dept-amr", True)
    of_bank = shell.done("audit", "uses", "--json", "--institution", facts.BANK_HKB).splitlines()
    assert [json.loads(line)["caller"] for line in of_bank] == ["bank-hkb"]
    assert shell.done("audit", "uses", "--json", "--purpose", "GUARANTEE") == ""
    log = [json.loads(x) for x in shell.done("audit", "list", "--json", "--kind", "AUDIT_READ").splitlines()]
    assert [x["entry"]["operation"] for x in log] == ["audit.uses"] * 4
    assert log[2]["entry"]["detail"] == {"overdue": "yes", "shown": 1}


def test_a_page_says_where_to_go_on(shell: Shell) -> None:
    _reads(shell)
    ran = shell("audit", "uses", "--limit", "1", "--json")
    (first,) = map(json.loads, ran.out.splitlines())
    assert f"--after {first['index']}" in ran.err
    (second,) = map(
        json.loads, shell.done("audit", "uses", "--json", "--after", str(first["index"])).splitlines()
    )
    assert second["index"] > first["index"]
