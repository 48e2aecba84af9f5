"""A database administrator edits the log at random: every edit is found, and the first bad entry named.

Each round does one to three things to a log of a few hundred entries, with full SQL access, and walks it. What is
expected is not computed by the walk: the rows are compared one by one with a copy that the administrator cannot reach.

- With every receipt at hand, the first bad entry is named exactly.
- With a few old checkpoints, the report proves no more than what is unharmed, and one finding begins where or before
  the harm does.
- Where the whole log is set back or signed anew with the log's own key, only an old checkpoint finds it.

`HUB_TAMPER_EDITS` says how many rounds; default 60.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

from hub.audit.entry import read_body
from hub.audit.findings import WalkReport
from hub.audit.merkle import Frontier, leaf_hash
from hub.audit.note import Checkpoint, sign_checkpoint
from hub.audit.walk import walk
from hub.store.database import Database

from .audit_world import ACME, ORIGIN, OTHER, SIGNER, an_act, an_entry, open_log, take_out

EDITS = int(os.environ.get("HUB_TAMPER_EDITS", "60"))
COUNT = 150
GONE, SAID = (2, 7), (12, 13)
"""Withheld entries, and the entries that say so."""
COLUMNS = "log_id, idx, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id"
_STATE = "SELECT size, root, frontier, checkpoint FROM log_state"
_ROWS = f"SELECT {COLUMNS} FROM log_entry ORDER BY idx"
_RESTORE = f"""
TRUNCATE log_entry; INSERT INTO log_entry ({COLUMNS}) SELECT {COLUMNS} FROM kept_entry;
DELETE FROM log_state; INSERT INTO log_state SELECT * FROM kept_state
"""

Act = Callable[[random.Random, Any], Any]


async def change_body(dice: random.Random, c: Any) -> None:
    """One bit of a body, or all of it."""
    index = _any(dice)
    if dice.random() < 0.5:
        body = await c.fetchval("SELECT body FROM log_entry WHERE idx = $1", index)
        if body:
            at = dice.randrange(len(body))
            body = body[:at] + bytes([body[at] ^ 1 << dice.randrange(8)]) + body[at + 1 :]
            await c.execute("UPDATE log_entry SET body = $2 WHERE idx = $1", index, body)
    else:
        await c.execute("UPDATE log_entry SET body = $2 WHERE idx = $1", index, _forged(dice)[0])


async def change_hash(dice: random.Random, c: Any) -> None:
    await c.execute("UPDATE log_entry SET leaf_hash = $2 WHERE idx = $1", _any(dice), dice.randbytes(32))


async def change_column(dice: random.Random, c: Any) -> None:
    change = dice.choice(
        [
            "caller = caller || '2'", "purpose = 'RENEWAL'", "subjects = '{}'", "entry_id = md5(entry_id)",
            "outcome = 'REFUSED'", "kind = 'AUDIT_READ'", "at = at + interval '1 microsecond'",
            "subjects = subjects || subjects", "at = at - interval '90 days'",
        ]
    )  # fmt: skip
    await c.execute(f"UPDATE log_entry SET {change} WHERE idx = $1", _any(dice))


async def replace(dice: random.Random, c: Any) -> None:
    """An entry with hash and columns that fit."""
    body, entry = _forged(dice)
    await c.execute(
        "UPDATE log_entry SET body = $2, leaf_hash = $3, caller = $4, entry_id = $5, subjects = $6, kind = $7,"
        " purpose = $8, outcome = $9, at = $10 WHERE idx = $1",
        _any(dice), body, leaf_hash(body), entry.caller, entry.entry_id, list(entry.subjects), entry.kind,
        entry.purpose, entry.outcome, entry.at,
    )  # fmt: skip


async def delete(dice: random.Random, c: Any) -> None:
    await c.execute("DELETE FROM log_entry WHERE idx = $1", _any(dice))


async def delete_and_close_up(dice: random.Random, c: Any) -> None:
    index = _any(dice)
    await c.execute("DELETE FROM log_entry WHERE idx = $1", index)
    await c.execute("UPDATE log_entry SET idx = idx + 100000 WHERE idx > $1", index)
    await c.execute("UPDATE log_entry SET idx = idx - 100001 WHERE idx >= 100000")


async def insert(dice: random.Random, c: Any) -> None:
    index, other = _any(dice), _any(dice)
    await c.execute("UPDATE log_entry SET idx = idx + 100000 WHERE idx >= $1", index)
    await c.execute("UPDATE log_entry SET idx = idx - 99999 WHERE idx >= 100000")
    names = COLUMNS.replace("idx", "$1::bigint")
    await c.execute(
        f"INSERT INTO log_entry ({COLUMNS}) SELECT {names} FROM kept_entry WHERE idx = $2", index, other
    )


async def append_one(dice: random.Random, c: Any) -> None:
    last = await c.fetchval("SELECT max(idx) + 1 FROM log_entry")
    names = COLUMNS.replace("idx", "$1::bigint")
    await c.execute(
        f"INSERT INTO log_entry ({COLUMNS}) SELECT {names} FROM kept_entry WHERE idx = $2", last, _any(dice)
    )


async def swap(dice: random.Random, c: Any) -> None:
    one, two = dice.sample(range(COUNT), 2)
    for old, new in ((one, 100000), (two, one), (100000, two)):
        await c.execute("UPDATE log_entry SET idx = $2 WHERE idx = $1", old, new)


async def truncate(dice: random.Random, c: Any) -> None:
    await c.execute("DELETE FROM log_entry WHERE idx >= $1", _any(dice))


async def empty_a_body(dice: random.Random, c: Any) -> None:
    await c.execute("UPDATE log_entry SET body = NULL WHERE idx = $1", _any(dice))


async def bring_a_body_back(dice: random.Random, c: Any) -> None:
    await c.execute(
        "UPDATE log_entry e SET body = w.body FROM whole w WHERE w.idx = e.idx AND e.body IS NULL"
    )


ACTS: Sequence[Act] = (
    change_body, change_hash, change_column, replace, delete, delete_and_close_up, insert, append_one, swap,
    truncate, empty_a_body, bring_a_body_back,
)  # fmt: skip


async def set_back(size: int, bodies: Sequence[bytes], notes: Sequence[str], c: Any) -> None:
    """Entries and state of an earlier moment, as a backup would hold them."""
    tree = Frontier.empty().extend([leaf_hash(body) for body in bodies[:size]]).frontier
    await c.execute("DELETE FROM log_entry WHERE idx >= $1", size)
    await c.execute(
        "UPDATE log_state SET size = $1, root = $2, frontier = $3, checkpoint = $4",
        size, tree.root(), tree.encode(), notes[size - 1],
    )  # fmt: skip


async def sign_anew(c: Any) -> None:
    """A state that fits whatever the table holds now, signed with the log's own key."""
    rows = await c.fetch("SELECT idx, leaf_hash, body FROM log_entry ORDER BY idx")
    for row in rows:
        if row["body"] is not None:
            await c.execute(
                "UPDATE log_entry SET leaf_hash = $2 WHERE idx = $1", row["idx"], leaf_hash(row["body"])
            )
    leaves = [leaf_hash(row["body"]) if row["body"] is not None else row["leaf_hash"] for row in rows]
    tree = Frontier.empty().extend(leaves).frontier
    note = sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), SIGNER)
    await c.execute(
        "UPDATE log_state SET size = $1, root = $2, frontier = $3, checkpoint = $4",
        tree.size, tree.root(), tree.encode(), note,
    )  # fmt: skip


class Laboratory:
    """A log, a copy of it, and the checkpoint of every size."""

    def __init__(self, database: Database, bodies: Sequence[bytes], notes: Sequence[str]) -> None:
        self.database, self.bodies, self.notes = database, bodies, notes
        self._rows: list[tuple[Any, ...]] = []
        self._state: list[tuple[Any, ...]] = []

    async def keep(self) -> None:
        async with self.database.connection() as c:
            self._rows = [tuple(row) for row in await c.fetch(_ROWS)]
            self._state = [tuple(row) for row in await c.fetch(_STATE)]
            await c.execute("CREATE TABLE kept_entry AS SELECT * FROM log_entry")
            await c.execute("CREATE TABLE kept_state AS SELECT * FROM log_state")

    async def restore(self) -> None:
        async with self.database.connection() as c:
            await c.execute(_RESTORE)

    async def first_harm(self) -> int | None:
        """Index of the first row that is not as it was; where only the state differs, the log's size."""
        async with self.database.connection() as c:
            rows = [tuple(row) for row in await c.fetch(_ROWS)]
            state = [tuple(row) for row in await c.fetch(_STATE)]
        for number, row in enumerate(self._rows):
            if number >= len(rows) or rows[number] != row:
                return number
        if len(rows) > len(self._rows):
            return len(self._rows)
        return None if state == self._state else len(self._rows)

    async def walk(self, notes: Sequence[str]) -> WalkReport:
        return await walk(self.database, [SIGNER.verifier], checkpoints=notes)


async def laboratory(database: Database, log: Any) -> Laboratory:
    """`COUNT` entries, of which two are withheld early on by the entries `SAID`."""
    bodies: list[bytes] = []
    notes: list[str] = []

    async def note(body: bytes) -> None:
        async with database.connection() as c:
            notes.append(await c.fetchval("SELECT checkpoint FROM log_state"))
            bodies.append(body or await c.fetchval("SELECT body FROM log_entry ORDER BY idx DESC LIMIT 1"))

    for n in range(SAID[0]):
        await note((await log.append(an_entry(ACME if n % 3 else OTHER))).body)
    async with database.connection() as c:
        await c.execute("CREATE TABLE whole AS SELECT * FROM log_entry")
    for index in GONE:
        await take_out(database, log, index)
        await note(b"")
    for n in range(COUNT - len(bodies)):
        entry = an_act("policy.publish", {"n": n}) if n % 20 == 0 else an_entry(ACME if n % 3 else OTHER)
        await note((await log.append(entry)).body)
    made = Laboratory(database, bodies, notes)
    await made.keep()
    (await made.walk(notes)).require_whole()
    return made


def test_every_random_edit_is_found_and_the_first_bad_entry_named(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(23)
        async with open_log(database_url) as (database, log):
            place = await laboratory(database, log)
            for edit in range(EDITS):
                acts = dice.choices(ACTS, k=dice.randint(1, 3))
                if bring_a_body_back in acts:  # alone: it is as signed, and wrong only while its act is there
                    acts = [bring_a_body_back]
                async with database.connection() as c:
                    for act in acts:
                        await act(dice, c)
                harm = await place.first_harm()
                if harm is not None:
                    said = (edit, [act.__name__ for act in acts], harm)
                    exact = await place.walk(place.notes)
                    assert named(exact, harm), said
                    assert exact.proven <= harm, said
                    few = await place.walk(dice.sample(place.notes, dice.randint(0, 3)))
                    assert few.findings, said
                    assert few.proven <= harm, said
                await place.restore()
            (await place.walk(place.notes)).require_whole()

    asyncio.run(scenario())


def test_a_history_signed_anew_or_set_back_is_found_against_an_old_checkpoint(database_url: str) -> None:
    async def scenario() -> None:
        dice = random.Random(25)
        async with open_log(database_url) as (database, log):
            place = await laboratory(database, log)
            for edit in range(EDITS // 4):
                async with database.connection() as c:
                    if dice.random() < 0.3:
                        await set_back(dice.randint(SAID[-1] + 1, COUNT - 1), place.bodies, place.notes, c)
                    else:
                        await dice.choice((replace, delete_and_close_up, insert, swap))(dice, c)
                        await sign_anew(c)
                harm = await place.first_harm()
                assert harm is not None
                exact = await place.walk(place.notes)
                assert named(exact, harm), (edit, harm, exact.findings[:3])
                late = next(note for size, note in enumerate(place.notes, 1) if size > harm)
                found = await place.walk([late])
                assert found.findings, edit
                assert found.proven <= harm, edit
                await place.restore()

    asyncio.run(scenario())


def named(report: WalkReport, harm: int) -> bool:
    """Whether the first bad entry is the one that was harmed first.

    Whoever takes away the entries that explain the gaps makes those gaps the first bad entries.
    """
    return report.first_bad == harm or (harm <= SAID[-1] and report.first_bad in GONE)


def _any(dice: random.Random) -> int:
    return dice.randrange(COUNT)


def _forged(dice: random.Random) -> tuple[bytes, Any]:
    encoded = an_entry(dice.choice([ACME, OTHER]), caller=f"forged-{dice.randrange(10**6)}").encode()
    assert read_body(encoded.body)["caller"] == encoded.caller
    return encoded.body, encoded
