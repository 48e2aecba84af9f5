"""No answer without an entry: what is about to leave is committed to, recorded durably, and only then released.

* The entry holds pseudonyms, basis, revisions, fields by outcome, record ids and a salted commitment to the answer.
* Uses of consents are counted in the same commit; a consent that was withdrawn or used up meanwhile turns its
  root into a refusal, and the refusal is what is recorded and sent.
* If the log cannot take the entry, nothing leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id, size_class
from hub.audit.log import AuditLog
from hub.audit.receipt import commit, covered_bytes, new_salt, receipt_json
from hub.audit.reservation import ReservationRefusedError
from hub.disclosure.gate import Report
from hub.disclosure.rules import Rules
from hub.identity.tokens import Caller


@dataclass(frozen=True)
class Operated:
    """An operation that has run and whose answer waits to be recorded."""

    rules: Rules
    caller: Caller
    now: datetime
    kind: Kind
    document: str
    operation: str
    report: Report
    outcome: EntryOutcome
    reason: str = ""
    data: Mapping[str, Any] | None = None
    """The whole answer's data when Strawberry took part; None: the report's data."""
    void: bool = False
    """Whether a root that cannot be null failed, so that the answer's data is null (GraphQL, 6.4.4)."""
    errors: Sequence[Mapping[str, Any]] = ()
    parts: Sequence[SubjectPart] = ()
    purposes: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """A recorded answer, ready to be sent."""

    body: bytes
    outcome: str


class Accountant:
    """Records operations and builds their answers."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    async def close(self, done: Operated, pseudonym: str) -> Answer:
        """Record the operation, then give its answer.

        Args:
            done: the operation as it ran.
            pseudonym: of the person behind the client; may be empty.

        Raises:
            UnavailableError: when the log cannot take the entry; nothing may be sent then.
        """
        report = done.report
        while True:
            data = None if done.void else report.data if done.data is None else {**done.data, **report.data}
            salt = new_salt()
            canonical = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
            errors = orjson.dumps([*report.errors, *done.errors], option=orjson.OPT_SORT_KEYS)
            disclosure = self._disclosure(done)
            answer = covered_bytes(canonical, disclosure, errors)
            entry = self._entry(done, pseudonym, commit(answer, salt), len(canonical))
            try:
                appended = await self._log.append(entry, tuple(report.uses.values()))
            except ReservationRefusedError as error:
                for key in [k for k, use in report.uses.items() if use == error.use]:
                    report.refuse(key, error.use.subject_id, error)
                continue
            body = self._body(orjson.dumps(data), errors, disclosure, receipt_json(appended, salt))
            return Answer(body, self._outcome(done).value)

    def _entry(self, done: Operated, pseudonym: str, commitment: str, length: int) -> Entry:
        report = done.report
        purposes = (*report.purposes, *done.purposes)
        parts = (*report.parts.values(), *done.parts)
        return Entry(
            new_entry_id(),
            done.now,
            done.kind,
            self._outcome(done),
            done.caller.client.client_id,
            reason=done.reason or next((p.reason for p in parts if p.reason), ""),
            institution=done.caller.institution,
            operator=pseudonym,
            purpose=purposes[0] if purposes else "",
            document=done.document,
            operation=done.operation,
            policy=done.rules.policy.revision,
            catalogue=done.rules.catalog.revision,
            subjects=parts,
            unsealed=report.unsealed,
            size=size_class(length),
            commitment=commitment,
        )

    @staticmethod
    def _outcome(done: Operated) -> EntryOutcome:
        parts = done.report.parts
        if not parts:
            return done.outcome
        shown = any(p.outcome is EntryOutcome.DISCLOSED for p in parts.values())
        return EntryOutcome.DISCLOSED if shown else EntryOutcome.REFUSED

    @staticmethod
    def _disclosure(done: Operated) -> bytes:
        """`extensions.disclosure`, canonical, so that the receipt covers the very bytes that are sent."""
        report = done.report
        notes = b",".join(note for notes in report.notes.values() for note in notes)
        ranges = orjson.dumps(list(report.ranges.values()), option=orjson.OPT_SORT_KEYS)
        policy = done.rules.policy.revision.encode()
        return b'{"fields":[' + notes + b'],"policy":"' + policy + b'","ranges":' + ranges + b"}"

    @staticmethod
    def _body(data: bytes, errors: bytes, disclosure: bytes, receipt: bytes) -> bytes:
        return b"".join(
            (
                b'{"data":',
                data,
                b',"errors":' + errors if errors != b"[]" else b"",
                b',"extensions":{"disclosure":',
                disclosure,
                b',"receipt":',
                receipt,
                b"}}",
            )
        )
