"""Bodies are taken out by rule only; the log verifies on, says so, and finds whoever does it otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.audit.entry import read_body
from hub.audit.findings import Problem, WalkReport
from hub.audit.merkle import leaf_hash, verify_inclusion
from hub.audit.note import verify_checkpoint
from hub.audit.proofs import proof
from hub.audit.review_filter import EntryFilter
from hub.audit.review_search import list_entries
from hub.audit.walk import walk
from hub.audit.withhold import ASK, ask, confirm
from hub.errors import InputError

from .audit_world import GROUNDS, SIGNER, administrator, an_act, an_entry, open_log, take_out

_BODIES = "SELECT count(body) AS bodies, count(*) AS entries FROM log_entry"


def another(operation: str, detail: Any) -> Any:
    return an_act(operation, detail, "cli:second")


def test_proofs_hold_and_lists_say_withheld_once_a_body_is_out(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            done = [await log.append(an_entry()) for _ in range(8)]
            await take_out(database, log, 2, 5)
            report = await walk(database, [SIGNER.verifier], checkpoints=[r.checkpoint for r in done])
            assert (report.entries, report.withheld, report.findings) == (10, 2, ())
            made = await proof(database, 5)
            root = verify_checkpoint(made.checkpoint, SIGNER.verifier).root
            verify_inclusion(leaf_hash(done[5].body), 5, made.size, made.hashes, root)
            old = verify_checkpoint(done[5].checkpoint, SIGNER.verifier)
            verify_inclusion(leaf_hash(done[5].body), 5, old.size, done[5].proof, old.root)
            listed = await list_entries(database, EntryFilter(), limit=20)
            assert [entry.index for entry in listed if entry.body is None] == [5, 2]

    asyncio.run(scenario())


def test_where_two_persons_must_agree_the_body_stays_until_another_one_confirms(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await log.append(an_entry())
            asked = await ask(database, log, GROUNDS, an_act, index=0, ground="TWO", reference="演2号")
            assert (asked.done, asked.act) == (False, 1)
            with pytest.raises(InputError, match="Whoever asked"):
                await confirm(database, log, GROUNDS, an_act, asked=1)
            assert [tuple(r) for r in await administrator(database_url, _BODIES)] == [(2, 2)]
            done = await confirm(database, log, GROUNDS, another, asked=1)
            assert (done.done, done.index, done.act) == (True, 0, 2)
            rows = await administrator(database_url, "SELECT body FROM log_entry ORDER BY idx")
            said = [read_body(row["body"]) for row in rows[1:]]
            assert [entry["caller"] for entry in said] == ["cli:first", "cli:second"]
            assert said[0]["operation"] == ASK
            facts = said[1]["detail"]
            assert (facts["asked"], facts["askedBy"], facts["ground"], facts["reference"]) == (
                1, "cli:first", "TWO", "演2号",
            )  # fmt: skip
            with pytest.raises(InputError, match="no entry of this index"):
                await confirm(database, log, GROUNDS, another, asked=1)
            (await walk(database, [SIGNER.verifier])).require_whole()

    asyncio.run(scenario())


REFUSED: dict[str, tuple[int, str, str]] = {
    "a ground that the rules do not know": (0, "BECAUSE", "演1号"),
    "a blank reference": (0, "ALONE", " "),
    "a reference with a line break": (0, "ALONE", "a\nb"),
    "a number of a person for a reference": (0, "ALONE", "案469999198506159993"),
    "a reference with a number of a person": (0, "ALONE", "演1号 469999199001010012"),
    "a reference with one in groups": (0, "ALONE", "469999 19900101 0012"),
    "a reference with one in full-width digits": (0, "ALONE", "４６９９９９１９９００１０１００１２"),
    "an entry that is not there": (9, "ALONE", "演1号"),
    "an entry whose body is out already": (1, "ALONE", "演1号"),
    "the entry of an administrative act": (2, "ALONE", "演1号"),
}


@pytest.mark.parametrize(("index", "ground", "reference"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_rule_allows_is_refused_and_changes_nothing(
    database_url: str, index: int, ground: str, reference: str
) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for _ in range(2):
                await log.append(an_entry())
            await take_out(database, log, 1)
            with pytest.raises(InputError):
                await ask(database, log, GROUNDS, an_act, index=index, ground=ground, reference=reference)
            assert [tuple(r) for r in await administrator(database_url, _BODIES)] == [(2, 3)]

    asyncio.run(scenario())


# What the administrator does to a log of 12 entries and two acts, of which 3 and 8 are withheld; what is found first.
TAMPERED: dict[str, tuple[str, int, Problem]] = {
    "another caller in the columns of a withheld entry": (
        "UPDATE log_entry SET caller = 'x' WHERE idx = 8", 8, Problem.COLUMNS,
    ),
    "a subject taken out of the columns of a withheld entry": (
        "UPDATE log_entry SET subjects = '{}' WHERE idx = 3", 3, Problem.COLUMNS,
    ),
    "another hash under a withheld body": (
        "UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 3", 3, Problem.ALTERED,
    ),
    "a withheld body put back": (
        "UPDATE log_entry SET body = (SELECT body FROM kept WHERE idx = 8) WHERE idx = 8", 8, Problem.RETURNED,
    ),
    "the body of the act taken out, too": (
        "UPDATE log_entry SET body = NULL WHERE idx = 12", 3, Problem.UNEXPLAINED,
    ),
    "a body more taken out": ("UPDATE log_entry SET body = NULL WHERE idx = 5", 5, Problem.UNEXPLAINED),
}  # fmt: skip


@pytest.mark.parametrize(("act", "first", "problem"), TAMPERED.values(), ids=TAMPERED.keys())
def test_whoever_tampers_with_withheld_entries_is_found(
    database_url: str, act: str, first: int, problem: Problem
) -> None:
    async def scenario() -> WalkReport:
        async with open_log(database_url) as (database, log):
            for _ in range(12):
                await log.append(an_entry())
            await administrator(database_url, "CREATE TABLE kept AS SELECT * FROM log_entry")
            await take_out(database, log, 3, 8)
            (await walk(database, [SIGNER.verifier])).require_whole()
            await administrator(database_url, act)
            return await walk(database, [SIGNER.verifier])

    report = asyncio.run(scenario())
    assert report.first_bad == first
    assert problem in {finding.problem for finding in report.findings if finding.index == first}
