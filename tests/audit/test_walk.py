"""What a database administrator may try, and how the walk finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hub.audit.batch import Appended
from hub.audit.entry import read_body
from hub.audit.findings import Problem, WalkReport
from hub.audit.merkle import Frontier, leaf_hash
from hub.audit.note import Checkpoint, sign_checkpoint
from hub.audit.walk import walk
from hub.errors import InputError, VerificationError

from .audit_world import ACME, ORIGIN, OTHER, SIGNER, administrator, an_entry, log_key, open_log

COUNT = 40
FORGED = an_entry(caller="nobody").encode().body


def leaf_of(body: bytes) -> str:
    return f"'\\x{leaf_hash(body).hex()}'::bytea"


def body_of(body: bytes) -> str:
    return f"'\\x{body.hex()}'::bytea"


def tamper(url: str, act: Callable[[list[Appended]], list[str]], **options: Any) -> WalkReport:
    """Fill a log, let the administrator act, and walk it with the checkpoints that receipts hold."""

    async def scenario() -> WalkReport:
        async with open_log(url) as (database, log):
            done = [await log.append(an_entry(ACME if n % 2 else OTHER)) for n in range(COUNT)]
            await administrator(url, *act(done))
            kept = [done[n].checkpoint for n in options.get("kept", ())]
            return await walk(database, [SIGNER.verifier], checkpoints=kept)

    return asyncio.run(scenario())


def test_an_untouched_log_is_whole_against_every_receipt(database_url: str) -> None:
    report = tamper(database_url, lambda _: [], kept=range(COUNT))
    assert (report.size, report.entries, report.withheld, report.findings) == (COUNT, COUNT, 0, ())
    assert report.first_bad is None
    report.require_whole()


# What was done, which entry the walk must name first, and by what problem. No earlier checkpoint is needed.
FOUND_ALONE: dict[str, tuple[str, int, Problem]] = {
    "a body changed": (f"UPDATE log_entry SET body = {body_of(FORGED)} WHERE idx = 17", 17, Problem.ALTERED),
    "a leaf hash changed": ("UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 5", 5, Problem.ALTERED),
    "one bit of a body flipped": (
        "UPDATE log_entry SET body = set_bit(body, 100, 1 - get_bit(body, 100)) WHERE idx = 39",
        39,
        Problem.ALTERED,
    ),
    "an entry deleted": ("DELETE FROM log_entry WHERE idx = 12", 12, Problem.MISSING),
    "the first entry deleted": ("DELETE FROM log_entry WHERE idx = 0", 0, Problem.MISSING),
    "the end cut off": ("DELETE FROM log_entry WHERE idx >= 30", 30, Problem.MISSING),
    "everything deleted": ("DELETE FROM log_entry", 0, Problem.MISSING),
    "an entry added at the end": (
        "INSERT INTO log_entry SELECT 0, 40, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id"
        " FROM log_entry WHERE idx = 3",
        40,
        Problem.BEYOND,
    ),
    "a subject taken out of the search column": (
        "UPDATE log_entry SET subjects = '{}' WHERE idx = 9",
        9,
        Problem.COLUMNS,
    ),
    "another caller in the search column": (
        "UPDATE log_entry SET caller = 'x' WHERE idx = 8",
        8,
        Problem.COLUMNS,
    ),
    "another time in the search column": (
        "UPDATE log_entry SET at = at + interval '1 ms' WHERE idx = 7",
        7,
        Problem.COLUMNS,
    ),
    "the state's size set back": ("UPDATE log_state SET size = 20", 20, Problem.BEYOND),
    "the state's root changed": ("UPDATE log_state SET root = sha256('x')", 40, Problem.STATE),
    "the state deleted": ("DELETE FROM log_state", 0, Problem.STATE),
    "the checkpoint's signature spoiled": (
        "UPDATE log_state SET checkpoint = overlay(checkpoint placing 'AAAA' from length(checkpoint) - 8)",
        0,
        Problem.SIGNATURE,
    ),
}


@pytest.mark.parametrize(("act", "first", "problem"), FOUND_ALONE.values(), ids=FOUND_ALONE.keys())
def test_tampering_is_found_and_the_first_bad_entry_named(
    database_url: str, act: str, first: int, problem: Problem
) -> None:
    report = tamper(database_url, lambda _: [act])
    assert report.first_bad == first
    assert problem in {finding.problem for finding in report.findings if finding.index == first}
    with pytest.raises(VerificationError, match=f"from entry {first} on"):
        report.require_whole()


def test_every_single_entry_is_guarded(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for _ in range(COUNT):
                await log.append(an_entry())
            for index in range(COUNT):
                async with database.connection() as connection:
                    body = await connection.fetchval("SELECT body FROM log_entry WHERE idx = $1", index)
                    change = "UPDATE log_entry SET body = $2 WHERE idx = $1"
                    await connection.execute(change, index, body + b" ")
                    assert (await walk(database, [SIGNER.verifier])).first_bad == index
                    await connection.execute(change, index, body)
            (await walk(database, [SIGNER.verifier])).require_whole()

    asyncio.run(scenario())


def replaced(done: list[Appended], *indices: int) -> list[str]:
    """Body, hash and columns of entries replaced so that each looks right by itself."""
    said = read_body(FORGED)
    return [
        f"UPDATE log_entry SET body = {body_of(FORGED)}, leaf_hash = {leaf_of(FORGED)}, caller = 'nobody',"
        f" entry_id = '{said['id']}', subjects = ARRAY['\\x{ACME.hex()}'::bytea] WHERE idx = {index}"
        for index in indices
    ]


def swapped(_: list[Appended]) -> list[str]:
    return [
        "UPDATE log_entry SET idx = 1000 WHERE idx = 10",
        "UPDATE log_entry SET idx = 10 WHERE idx = 20",
        "UPDATE log_entry SET idx = 20 WHERE idx = 1000",
    ]


def inserted(_: list[Appended]) -> list[str]:
    return [
        "UPDATE log_entry SET idx = idx + 1000 WHERE idx >= 15",
        "UPDATE log_entry SET idx = idx - 999 WHERE idx >= 1000",
        "INSERT INTO log_entry SELECT 0, 15, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id"
        " FROM log_entry WHERE idx = 3",
    ]


REWRITTEN: dict[str, tuple[Callable[[list[Appended]], list[str]], int]] = {
    "an entry replaced with its hash": (lambda done: replaced(done, 13), 13),
    "two entries replaced": (lambda done: replaced(done, 33, 21), 21),
    "two entries swapped": (swapped, 10),
    "an entry inserted and the rest moved": (inserted, 15),
    "an entry deleted and the rest moved up": (
        lambda _: [
            "DELETE FROM log_entry WHERE idx = 25",
            "UPDATE log_entry SET idx = idx + 1000 WHERE idx > 25",
            "UPDATE log_entry SET idx = idx - 1001 WHERE idx > 1000",
        ],
        25,
    ),
}


@pytest.mark.parametrize(("act", "first"), REWRITTEN.values(), ids=REWRITTEN.keys())
def test_a_consistent_rewriting_is_found_and_receipts_name_the_first_bad_entry(
    database_url: str, act: Callable[[list[Appended]], list[str]], first: int
) -> None:
    report = tamper(database_url, act, kept=range(COUNT))
    assert report.first_bad == first
    assert report.findings[0].problem is Problem.REWRITTEN
    assert report.findings[0].until == first + 1


@pytest.mark.parametrize(("act", "first"), REWRITTEN.values(), ids=REWRITTEN.keys())
def test_a_consistent_rewriting_is_found_without_receipts_too_within_a_range(
    database_url: str, act: Callable[[list[Appended]], list[str]], first: int
) -> None:
    report = tamper(database_url, act)
    found = next(f for f in report.findings if f.problem is Problem.REWRITTEN)
    assert found.index <= first < found.until <= COUNT


def forged_state(done: list[Appended], key: int) -> list[str]:
    """The administrator replaces entry 13, rebuilds the tree and signs it with some key."""
    leaves = [leaf_hash(r.body) for r in done]
    leaves[13] = leaf_hash(FORGED)
    tree = Frontier.empty().extend(leaves).frontier
    note = sign_checkpoint(Checkpoint(ORIGIN, COUNT, tree.root()), log_key(key))
    return [
        *replaced(done, 13),
        f"UPDATE log_state SET root = '\\x{tree.root().hex()}', frontier = '\\x{tree.encode().hex()}',"
        f" checkpoint = '{note}'",
    ]


def test_a_log_signed_anew_with_another_key_is_found(database_url: str) -> None:
    report = tamper(database_url, lambda done: forged_state(done, 2))
    assert Problem.SIGNATURE in {f.problem for f in report.findings}


def test_receipts_name_the_first_bad_entry_of_a_log_signed_anew_with_another_key(database_url: str) -> None:
    report = tamper(database_url, lambda done: forged_state(done, 2), kept=range(COUNT))
    assert (report.first_bad, report.findings[0].problem) == (13, Problem.REWRITTEN)


def test_even_the_logs_own_key_cannot_rewrite_what_a_receipt_holds(database_url: str) -> None:
    report = tamper(database_url, lambda done: forged_state(done, 1), kept=[4, 12, 13, 30])
    assert (report.first_bad, report.findings[0].problem) == (13, Problem.REWRITTEN)


def test_a_log_set_back_as_a_whole_is_found_against_a_later_receipt(database_url: str) -> None:
    def set_back(done: list[Appended]) -> list[str]:
        tree = Frontier.empty().extend([leaf_hash(r.body) for r in done[:30]]).frontier
        return [
            "DELETE FROM log_entry WHERE idx >= 30",
            f"UPDATE log_state SET size = 30, root = '\\x{tree.root().hex()}',"
            f" frontier = '\\x{tree.encode().hex()}', checkpoint = '{done[29].checkpoint}'",
        ]

    report = tamper(database_url, set_back, kept=[35])
    assert [(f.problem, f.index) for f in report.findings] == [(Problem.SHORTER, 30)]


def test_a_state_set_back_over_entries_that_remain_is_found_alone(database_url: str) -> None:
    def set_back(done: list[Appended]) -> list[str]:
        tree = Frontier.empty().extend([leaf_hash(r.body) for r in done[:30]]).frontier
        return [
            f"UPDATE log_state SET size = 30, root = '\\x{tree.root().hex()}',"
            f" frontier = '\\x{tree.encode().hex()}', checkpoint = '{done[29].checkpoint}'"
        ]

    report = tamper(database_url, set_back)
    assert (report.first_bad, report.findings[0].problem) == (30, Problem.BEYOND)


def test_a_body_that_is_gone_without_an_entry_that_says_so_is_found(database_url: str) -> None:
    report = tamper(database_url, lambda _: ["UPDATE log_entry SET body = NULL WHERE idx = 11"], kept=[20])
    assert [(f.problem, f.index) for f in report.findings] == [(Problem.UNEXPLAINED, 11)]


def test_a_part_is_verified_by_itself_against_the_root_of_the_whole(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            for _ in range(600):
                await log.append(an_entry())
            for start, end in ((0, 300), (257, 258), (300, None), (511, 600)):
                report = await walk(database, [SIGNER.verifier], start=start, end=end)
                stop = 600 if end is None else end
                assert (report.findings, report.entries, report.proven) == ((), stop - start, stop)
            await administrator(
                database_url,
                f"UPDATE log_entry SET body = {body_of(FORGED)}, leaf_hash = {leaf_of(FORGED)}, caller = 'nobody',"
                f" entry_id = '{read_body(FORGED)['id']}', subjects = ARRAY['\\x{ACME.hex()}'::bytea] WHERE idx = 280",
            )
            for start, end in ((257, 300), (280, 281)):
                report = await walk(database, [SIGNER.verifier], start=start, end=end)
                assert [(f.problem, f.index, f.until) for f in report.findings] == [
                    (Problem.PART, start, end)
                ]
            for start, end in ((600, None), (7, 7), (0, 601), (-1, None)):
                with pytest.raises(InputError):
                    await walk(database, [SIGNER.verifier], start=start, end=end)

    asyncio.run(scenario())


def test_an_earlier_checkpoint_by_another_key_is_refused(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, _):
            foreign = sign_checkpoint(Checkpoint(ORIGIN, 3, b"\0" * 32), log_key(2))
            with pytest.raises(VerificationError):
                await walk(database, [SIGNER.verifier], checkpoints=[foreign])

    asyncio.run(scenario())


def test_progress_is_told(database_url: str) -> None:
    async def scenario() -> None:
        async with open_log(database_url) as (database, log):
            await asyncio.gather(*(log.append(an_entry()) for _ in range(5_500)))
            told: list[tuple[int, int]] = []
            report = await walk(database, [SIGNER.verifier], progress=lambda *done: told.append(done))
            assert told == [(5_000, 5_500), (5_500, 5_500)]
            report.require_whole()

    asyncio.run(scenario())
