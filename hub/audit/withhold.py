"""Taking the body of one entry out of the log, by rule.

- The leaf hash and the search columns stay, so every proof still holds. What goes is the text, for good.
- Only on a ground that `policies/withholding.toml` names. Where the ground asks for two persons, one asks and another
  confirms; both acts are entries of the log, and there is no other place where the question is kept.
- The body goes and the entry that says so comes in one transaction; it holds the leaf hash and a digest of the columns,
  by which `hub audit verify` knows the gap (`hub.audit.withheld`).
- Entries of administrative acts stay: they are the evidence of such acts, this one included.

Sources: PIPL article 47 (erasure), article 56 (records of processing are kept).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.audit.columns import NAMES, column_digest
from hub.audit.entry import Entry, Json, Kind, read_body
from hub.audit.log import AuditLog
from hub.audit.withheld import WITHHOLD
from hub.errors import InputError
from hub.model.resident_ids import holds_resident_id
from hub.policies.withholding import Ground
from hub.store.database import Database

ASK = "audit.withhold.ask"
LONGEST_REFERENCE = 100

EntryOf = Callable[[str, Mapping[str, Json]], Entry]
"""Makes the entry of an administrative act of whoever acts now, from its name and its facts."""

_ROW = f"SELECT {NAMES} FROM log_entry WHERE log_id = 0 AND idx = $1 FOR UPDATE"  # noqa: S608
_TAKE_OUT = "UPDATE log_entry SET body = NULL WHERE log_id = 0 AND idx = $1"


@dataclass(frozen=True, slots=True)
class Withholding:
    """What came of it."""

    index: int
    """Entry whose body is concerned."""
    act: int
    """Index of the entry that says so."""
    done: bool
    """Whether the body is out; else somebody else must confirm."""


async def ask(
    database: Database, log: AuditLog, grounds: Mapping[str, Ground], entry_of: EntryOf,
    *, index: int, ground: str, reference: str,
) -> Withholding:  # fmt: skip
    """Take a body out, or ask for it where two persons must agree.

    Args:
        database: where the log lies.
        log: takes the entry.
        grounds: those that the rules know, by code.
        entry_of: makes the entry of the act.
        index: entry whose body is to go.
        ground: code of the ground.
        reference: number of the decision or file behind it.

    Raises:
        InputError: when there is no such ground or entry, the reference is blank or too long, or the body must stay.
        UnavailableError: when the database or the log cannot take it; nothing was changed.
    """
    known = _ground(grounds, ground)
    if not reference.strip() or len(reference) > LONGEST_REFERENCE or not reference.isprintable():
        raise InputError(
            "The reference is blank, too long, or holds control characters.",
            hint=f"Give the number of the decision, {LONGEST_REFERENCE} characters at most.",
            message_zh="文号为空、过长或含控制字符。",
        )
    if holds_resident_id(reference):
        raise InputError(
            "The reference holds a number of a person, and it is written into the log.",
            hint="Give the number of the file; subjects are named by their pseudonyms.",
            message_zh="文号含公民身份号码，不得写入日志。",
        )
    facts = {"index": index, "ground": known.code, "reference": reference.strip()}
    async with database.connection() as connection, connection.transaction():
        row = await _present(connection, index)
        if known.four_eyes:
            entry = entry_of(ASK, facts)
        else:
            entry = entry_of(WITHHOLD, facts | _evidence(row))
            await connection.execute(_TAKE_OUT, index)
        done = (await log.append_in(connection, [entry]))[0]
    return Withholding(index, done.index, not known.four_eyes)


async def confirm(
    database: Database, log: AuditLog, grounds: Mapping[str, Ground], entry_of: EntryOf, *, asked: int
) -> Withholding:
    """Take out the body that somebody else asked to take out.

    Args:
        database: where the log lies.
        log: takes the entry.
        grounds: those that the rules know, by code.
        entry_of: makes the entry of the act.
        asked: index of the entry of the question.

    Raises:
        InputError: when there is no such question, whoever asked it confirms it, or the body must stay.
        UnavailableError: when the database or the log cannot take it; nothing was changed.
    """
    async with database.connection() as connection, connection.transaction():
        question = await _question(connection, asked)
        facts: dict[str, Any] = dict(question["detail"])
        _ground(grounds, str(facts["ground"]))
        row = await _present(connection, facts["index"])
        told = facts | _evidence(row) | {"asked": asked, "askedBy": question["caller"]}
        entry = entry_of(WITHHOLD, told)
        if entry.caller == question["caller"]:
            raise InputError(
                "Whoever asked for it cannot confirm it.", hint="Let another operator confirm.",
                message_zh="须由另一人确认。",
            )  # fmt: skip
        await connection.execute(_TAKE_OUT, facts["index"])
        done = (await log.append_in(connection, [entry]))[0]
    return Withholding(facts["index"], done.index, done=True)


def _ground(grounds: Mapping[str, Ground], code: str) -> Ground:
    ground = grounds.get(code)
    if ground is None:
        raise InputError(
            "The rules know no such ground for taking out a body.",
            hint=f"Use one of: {', '.join(grounds) or 'none is named'}.",
            message_zh="规则中没有此撤下事由。",
        )
    return ground


async def _present(connection: Any, index: int) -> Any:
    """The row of an entry whose body is there and may go."""
    row = await connection.fetchrow(_ROW, index)
    if row is None or row["body"] is None:
        raise InputError(
            "There is no entry of this index with a body.", hint="Look it up with `hub audit list`.",
            message_zh="没有该条目，或其正文已撤下。",
        )  # fmt: skip
    if read_body(row["body"])["kind"] == Kind.ADMIN:
        raise InputError(
            "The entry of an administrative act stays as it is.", hint="It is the evidence of that act.",
            message_zh="管理行为的记录不得撤下。",
        )  # fmt: skip
    return row


def _evidence(row: Any) -> dict[str, Json]:
    """By what the walk knows the gap."""
    return {"leaf": row["leaf_hash"].hex(), "columns": column_digest(row).hex()}


async def _question(connection: Any, asked: int) -> Mapping[str, Any]:
    row = await connection.fetchrow(_ROW, asked)
    body = read_body(row["body"]) if row is not None and row["body"] is not None else {}
    if body.get("operation") != ASK:
        raise InputError(
            "No entry of this index asks for a body to be taken out.",
            hint="Give the number that `hub audit withhold` printed.",
            message_zh="没有此编号的撤下申请。",
        )
    return body
