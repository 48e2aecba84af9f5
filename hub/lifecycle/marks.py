"""Statements of subjects (本人声明) and marks of proceedings (行政复议、行政诉讼): each one transaction and one entry.

- A subject may say something about any record of its own that is published; there is one statement on a record, and a
  new one takes the place of the one before (regulation on the credit reporting industry art. 16).
- A statement is read by everybody who gets the record. Personal data that are stored sealed (identity numbers, phone
  numbers) are refused in it; other values that it quotes are noted, so that it shows to whoever sees those in clear.
- The unit that supplied a record marks that the decision behind it is before an authority or a court, and clears it.
- A record that is not published, not there, or another's is one and the same refusal.
- The entry in the log names record and mark, and holds no text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg
import orjson

from hub.audit.entry import OPENED, Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.disclosure.marks import MarkKind
from hub.errors import InputError
from hub.keys.cache import DataKeyCache
from hub.keys.sealing import DataKey, Sealer, aad
from hub.lifecycle import marking, records, store
from hub.lifecycle.case import Actor, Capacity, RecordName
from hub.lifecycle.desk import no_record
from hub.lifecycle.moment import Moment
from hub.model.quotes import hidden_in, quoted
from hub.store.database import Database

MOST_CHARS = 500
"""Characters of a statement."""
PROCEEDINGS = frozenset({MarkKind.IN_RECONSIDERATION, MarkKind.IN_LITIGATION})
"""Marks that a source unit sets."""
_KEYS = 1_000
_VALUES = (
    "SELECT version, clear, sealed FROM record WHERE subject_id = $1 AND dataset = $2 AND record_id = $3"
)


class Marked(NamedTuple):
    """A record with the marks that it has now."""

    name: RecordName
    kinds: list[MarkKind]


@dataclass
class _Act:
    """A record in the hands of one actor, inside one transaction."""

    connection: asyncpg.Connection
    key: DataKey
    done: tuple[str, MarkKind, str] = ("", MarkKind.STATEMENT, "")
    """Operation, kind and id of the mark; set by the act."""
    opened: int = 0
    """How many sealed values were opened, to be compared with a statement."""
    kinds: list[MarkKind] | None = None


class MarkService:
    """Marks of one hub that are not the outcome of a case."""

    def __init__(self, database: Database, log: AuditLog, sealer: Sealer) -> None:
        self._database = database
        self._log = log
        self._keys = DataKeyCache(sealer, _KEYS)

    async def state(self, name: RecordName, text: str, actor: Actor, moment: Moment) -> Marked:
        """Say something about a record of one's own; what was said before goes.

        Raises:
            InputError: when the record is not published, or the text is empty, too long or holds personal data.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        text = _checked(text)
        async with self._acting(name, Capacity.SUBJECT, actor, moment, published=True) as act:
            clear, sealed = await _values(act, name)
            act.opened = len(sealed)
            if hidden_in(text, sealed):
                raise InputError(
                    "The statement quotes personal data that the hub keeps sealed.",
                    hint="Leave out identity numbers, phone numbers and the like: every reader of the record reads it.",
                    message_zh="声明引用了加密保存的个人信息（如证件号码、电话），请删去后再提交。",
                )
            statement = marking.Statement(text, quoted(text, clear))
            mark = await marking.begin(
                act.connection, name, MarkKind.STATEMENT, actor.client_id, moment.now,
                said=(act.key, statement),
            )  # fmt: skip
            act.done = "state", MarkKind.STATEMENT, mark
        return Marked(name, act.kinds or [])

    async def withdraw(self, name: RecordName, actor: Actor, moment: Moment) -> Marked:
        """Take one's statement back; also from a record that is published no more.

        Raises:
            InputError: when there is no record of one's own of this name that has one.
            UnavailableError: as `state`.
        """
        async with self._acting(name, Capacity.SUBJECT, actor, moment) as act:
            act.done = "withdraw", MarkKind.STATEMENT, await _ended(act, name, moment, MarkKind.STATEMENT)
        return Marked(name, act.kinds or [])

    async def proceed(self, name: RecordName, kind: MarkKind, actor: Actor, moment: Moment) -> Marked:
        """Mark that the decision behind a record is before an authority or a court.

        Raises:
            InputError: when no such record of this source unit is published, or it has this mark.
            UnavailableError: as `state`.
        """
        _expect_proceeding(kind)
        async with self._acting(name, Capacity.SOURCE_UNIT, actor, moment, published=True) as act:
            if kind in await marking.in_force(act.connection, name):
                raise InputError(
                    "The record has this mark.",
                    hint="Clear it when the proceedings are over.",
                    message_zh="该记录已有此标注。",
                )
            mark = await marking.begin(act.connection, name, kind, actor.client_id, moment.now)
            act.done = "proceed", kind, mark
        return Marked(name, act.kinds or [])

    async def clear(self, name: RecordName, kind: MarkKind, actor: Actor, moment: Moment) -> Marked:
        """Take back the mark of proceedings that are over.

        Raises:
            InputError: when there is no record of this source unit of this name that has it.
            UnavailableError: as `state`.
        """
        _expect_proceeding(kind)
        async with self._acting(name, Capacity.SOURCE_UNIT, actor, moment) as act:
            act.done = "clear", kind, await _ended(act, name, moment, kind)
        return Marked(name, act.kinds or [])

    @asynccontextmanager
    async def _acting(
        self, name: RecordName, needed: Capacity, actor: Actor, moment: Moment, *, published: bool = False
    ) -> AsyncIterator[_Act]:
        async with self._database.connection() as connection, connection.transaction():
            await records.lock(connection, name)
            wrapped = await store.subject_key(connection, name.subject_id)
            record = await records.read(connection, name)
            if (
                wrapped is None
                or record is None
                or not _may(actor, needed, name, record.source_unit)
                or (published and not record.shown(moment.today))
            ):
                raise no_record()
            act = _Act(connection, self._keys.open(name.subject_id, *wrapped))
            yield act
            act.kinds = await marking.in_force(connection, name)
            await self._log.append_in(connection, [_entry(name, act, actor, moment)])


def _may(actor: Actor, needed: Capacity, name: RecordName, source_unit: str) -> bool:
    """The subject on its own records; the source unit on those that it supplied, but not about itself."""
    own = actor.subject_id == name.subject_id
    if actor.capacity is not needed:
        return False
    return own if needed is Capacity.SUBJECT else actor.institution == source_unit and not own


def _checked(text: str) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if (
        not text
        or len(text) > MOST_CHARS
        or any(
            unicodedata.category(c) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") and c != "\n" for c in text
        )
    ):
        raise InputError(
            f"A statement is 1 to {MOST_CHARS} characters of plain text.",
            hint="Leave out control characters, and refer to documents by their numbers.",
            message_zh=f"声明须为 1 至 {MOST_CHARS} 字的普通文字，不得含控制字符。",
        )
    return text


async def _values(act: _Act, name: RecordName) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the record says, apart as it is stored: in clear, and sealed."""
    row = await act.connection.fetchrow(_VALUES, name.subject_id, name.dataset, name.record_id)
    place = (name.subject_id, name.dataset, name.record_id, row["version"])
    sealed = {
        field: orjson.loads(act.key.unseal(aad(*place, field), token))
        for field, token in orjson.loads(row["sealed"]).items()
    }
    return orjson.loads(row["clear"]), sealed


async def _ended(act: _Act, name: RecordName, moment: Moment, kind: MarkKind) -> str:
    ended = await marking.end(act.connection, name, moment.now, kind)
    if not ended:
        raise no_record()
    return ended[0]


def _expect_proceeding(kind: MarkKind) -> None:
    if kind not in PROCEEDINGS:
        raise InputError(
            "A source unit marks reconsideration and litigation only.",
            hint="Use IN_RECONSIDERATION or IN_LITIGATION.",
            message_zh="数据源单位只能标注行政复议或行政诉讼。",
        )


def _entry(name: RecordName, act: _Act, actor: Actor, moment: Moment) -> Entry:
    operation, kind, mark = act.done
    return Entry(
        new_entry_id(),
        moment.now,
        Kind.ADMIN,
        EntryOutcome.DONE,
        actor.client_id,
        institution=actor.institution,
        operator=actor.operator,
        purpose=actor.purpose,
        operation=f"lifecycle.mark.{operation}",
        policy=moment.policy.revision,
        subjects=(SubjectPart(name.subject_id, EntryOutcome.DONE),),
        detail={"dataset": name.dataset, "record": name.record_id.hex(), "kind": kind.value, "mark": mark}
        | ({OPENED: act.opened} if act.opened else {}),
    )
