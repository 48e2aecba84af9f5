"""No answer without an entry: what is about to leave is committed to, recorded durably, and only then released.

* The entry holds pseudonyms, basis, revisions, fields by outcome, record ids and a salted commitment to the answer.
* Uses of consents and quotas are counted in the same commit; a consent that was withdrawn or used up meanwhile, or
  a quota that has no use left, turns its subject into a refusal, and the refusal is what is recorded and sent.
* If the log cannot take the entry, nothing leaves.
* A list of subjects that is sent line by line (NDJSON) is put aside until its entry is durable. The commitment is
  to the same text as if it had been sent as one answer.
* Who asks for it gets a commitment by field instead, so that one field can be proven later without the others. One
  is computed at a time in a process, beside the other requests: whoever asks for many waits for its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from hub.audit.batch import Appended
from hub.audit.entry import BasisKind, Entry, EntryOutcome, Kind, SubjectPart, new_entry_id, size_class
from hub.audit.fields import FIELDS_ALGORITHM, commit_digests, commit_fields, digests, leaf
from hub.audit.log import AuditLog
from hub.audit.receipt import ALGORITHM, commit, covered_bytes, new_salt, receipt_json
from hub.audit.reservation import ConsentUse, QuotaKey, Refusal, ReservationRefusedError, sum_quotas
from hub.disclosure.basis import refusal as grant_refusal
from hub.disclosure.compiled import CompiledRoot
from hub.disclosure.report import Part, Report
from hub.disclosure.rules import Rules
from hub.disclosure.text import NULLS, Both, both, both_object
from hub.identity.tokens import Caller
from hub.model.outcome import Reason
from hub.policies.model import PolicySet

_READ_AT_ONCE = 16
"""Texts of a list that are read back before other requests have their turn."""


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
    """The whole answer's data when Strawberry took part, subject roots empty; None: the report's data alone."""
    void: bool = False
    """Whether a root that cannot be null failed, so that the answer's data is null (GraphQL, 6.4.4)."""
    errors: Sequence[Mapping[str, Any]] = ()
    parts: Sequence[SubjectPart] = ()
    purposes: Sequence[str] = ()
    by_field: bool = False
    """Whether the entry commits to each field of the answer, instead of the answer as a whole."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Facts for the entry beside those of its subjects."""

    @property
    def algorithm(self) -> str:
        """Of the commitment."""
        return FIELDS_ALGORITHM if self.by_field else ALGORITHM


@dataclass(frozen=True)
class Answer:
    """A recorded answer, ready to be sent."""

    body: bytes
    """Empty when it is sent line by line."""
    outcome: str
    lines: Generator[bytes] | None = None


class Accountant:
    """Records operations and builds their answers."""

    def __init__(self, log: AuditLog, refused: Callable[[Sequence[Refusal]], None] = lambda _: None) -> None:
        """Set up.

        Args:
            log: takes the entries.
            refused: told of what could not be had any more.
        """
        self._log = log
        self._refused = refused
        self._by_field = asyncio.Semaphore(1)

    def introduce(self, caller: Caller) -> None:
        """Tell the log where a caller is, before it acts."""
        self._log.introduce(caller.client.client_id, caller.client.country, caller.roles)

    async def close(self, done: Operated, pseudonym: str) -> Answer:
        """Record the operation, then give its answer.

        Args:
            done: the operation as it ran.
            pseudonym: of the person behind the client; may be empty.

        Raises:
            UnavailableError: when the log cannot take the entry; nothing may be sent then.
        """
        if done.report.spool is not None:
            return await self._close_lines(done, pseudonym)
        salt = new_salt()
        while True:
            sent, canonical = _data(done)
            errors, disclosure = _errors(done), _disclosure(done)
            answer = covered_bytes(canonical, disclosure, errors)
            if done.by_field:
                async with self._by_field:
                    commitment = await asyncio.to_thread(commit_fields, answer, salt)
            else:
                commitment = commit(answer, salt)
            appended = await self._append(done, pseudonym, commitment, len(canonical))
            if appended is not None:
                body = _body(sent, errors, disclosure, receipt_json(appended, salt, done.algorithm))
                return Answer(body, _outcome(done).value)

    async def _close_lines(self, done: Operated, pseudonym: str) -> Answer:
        salt = new_salt()
        (key,) = done.report.roots
        while True:
            errors, disclosure = _errors(done), _disclosure(done)
            digest, length = sha256(salt), 0
            for number, piece in enumerate(_covered_pieces(key, done.report, disclosure, errors)):
                if number % _READ_AT_ONCE == 0:
                    await asyncio.sleep(0)
                digest.update(piece)
                length += len(piece)
            commitment = digest.hexdigest()
            if done.by_field:
                async with self._by_field:
                    commitment = await _commit_texts(key, done.report, disclosure, errors, salt)
            appended = await self._append(done, pseudonym, commitment, length)
            if appended is not None:
                receipt = receipt_json(appended, salt, done.algorithm)
                return Answer(
                    b"", _outcome(done).value, _lines(key, done.report, errors, disclosure, receipt)
                )

    async def _append(self, done: Operated, pseudonym: str, commitment: str, length: int) -> Appended | None:
        """Write the entry; None: something it uses cannot be had any more, and its subjects are refused now."""
        parts = list(done.report.parts())
        entry = _entry(done, _decided(done.report, parts), pseudonym, commitment, length)
        uses = [part.use for part in parts if part.use is not None]
        quotas = [quota for part in parts for quota in part.quotas]
        try:
            return await self._log.append(entry, uses, sum_quotas(quotas) if len(parts) > 1 else quotas)
        except ReservationRefusedError as error:
            self._refused(error.refusals)
            if not _take_back(parts, error.refusals, done.rules.policy):
                raise
            return None


def _take_back(parts: Sequence[Part], refusals: Sequence[Refusal], policy: PolicySet) -> bool:
    """Refuse those of the parts that cannot have what they would use; says whether there are any.

    An emergency grant that has just ended is told like one that was never given.
    """
    by_use: dict[ConsentUse | QuotaKey, list[Part]] = {}
    for part in parts:
        if part.use is not None:
            by_use.setdefault(part.use, []).append(part)
        for quota in part.quotas:
            by_use.setdefault(quota.key, []).append(part)
    found = False
    for refusal in refusals:
        use = refusal.use
        of_grant = isinstance(use, ConsentUse)
        for part in by_use.get(use if isinstance(use, ConsentUse) else use.key, [])[refusal.left :]:
            basis = part.entry.basis if part.entry is not None else None
            emergency = of_grant and basis is not None and basis.kind is BasisKind.EMERGENCY
            part.refuse(
                grant_refusal(policy, Reason.GRANT_REQUIRED)
                if emergency
                else ReservationRefusedError([refusal])
            )
            found = True
    return found


def _data(done: Operated) -> Both:
    """The answer's data, as it is sent and canonical."""
    if done.void:
        return NULLS
    texts = done.report.texts()
    if done.data is None:
        return both_object(list(texts.items()))
    return both_object(
        [(key, texts[key] if key in texts else both(value)) for key, value in done.data.items()]
    )


def _errors(done: Operated) -> bytes:
    own = [part.error for part in done.report.parts() if part.error is not None]
    return orjson.dumps([*own, *done.errors], option=orjson.OPT_SORT_KEYS)


def _disclosure(done: Operated) -> bytes:
    """`extensions.disclosure`, canonical, so that the receipt covers the very bytes that are sent."""
    notes: list[bytes] = []
    terms: list[bytes] = []
    groups: list[bytes] = []
    ranges: list[Mapping[str, Any]] = []
    marked: list[Mapping[str, Any]] = []
    for root in done.report.roots.values():
        if isinstance(root, Part):
            if root.compiled is not None:
                notes += root.compiled.notes
                terms.append(root.compiled.terms)
            notes += root.notes
            ranges += root.ranges
            marked += root.marked
        else:
            groups += _groups(root)
            for part in root:
                notes += part.notes
                ranges += part.ranges
                marked += part.marked
    return b"".join(
        (
            b'{"fields":[',
            b",".join(notes),
            b'],"groups":[' + b",".join(groups) if groups else b"",
            b'],"marked":' + orjson.dumps(marked, option=orjson.OPT_SORT_KEYS)[:-1] if marked else b"",
            b'],"policy":"',
            done.rules.policy.revision.encode(),
            b'","ranges":',
            orjson.dumps(ranges, option=orjson.OPT_SORT_KEYS) if ranges else b"[]",
            b',"terms":[',
            b",".join(terms),
            b"]}",
        )
    )


def _groups(parts: Sequence[Part]) -> Iterator[bytes]:
    """What is told once for all subjects of a list that were shown by the same plan."""
    numbers: dict[CompiledRoot, list[int]] = {}
    for number, part in enumerate(parts):
        if part.compiled is not None:
            numbers.setdefault(part.compiled, []).append(number)
    for compiled, group in numbers.items():
        yield b'{"fields":[%b],"subjects":%b,"terms":%b}' % (
            b",".join(compiled.notes),
            orjson.dumps(group),
            compiled.terms,
        )


def _decided(report: Report, parts: Sequence[Part]) -> list[SubjectPart]:
    """What the entry says of each part; those asked about for another purpose than the entry's say so."""
    decided = [part.decided for part in parts]
    if len(report.purposes) < 2:
        return decided
    first = report.purposes[0]
    return [
        said if part.purpose in ("", first) else said._replace(purpose=part.purpose)
        for part, said in zip(parts, decided, strict=True)
    ]


def _entry(
    done: Operated, parts: Sequence[SubjectPart], pseudonym: str, commitment: str, length: int
) -> Entry:
    purposes = (*done.report.purposes, *done.purposes)
    every = (*parts, *done.parts)
    return Entry(
        new_entry_id(),
        done.now,
        done.kind,
        _outcome(done),
        done.caller.client.client_id,
        reason=done.reason or next((p.reason for p in every if p.reason), ""),
        institution=done.caller.institution,
        operator=pseudonym,
        purpose=purposes[0] if purposes else "",
        document=done.document,
        operation=done.operation,
        policy=done.rules.policy.revision,
        catalogue=done.rules.catalog.revision,
        subjects=every,
        unsealed=done.report.unsealed,
        size=size_class(length),
        commitment=commitment,
        detail=done.detail,
        country=done.caller.client.country,
        roles=done.caller.roles,
    )


def _outcome(done: Operated) -> EntryOutcome:
    shown = [part.shown for part in done.report.parts()]
    if not shown:
        return done.outcome
    return EntryOutcome.DISCLOSED if any(shown) else EntryOutcome.REFUSED


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


def _texts(report: Report, key: str) -> Iterator[tuple[Part, bytes]]:
    """Each subject of a list that was put aside, with its canonical text; null where it was refused."""
    root, spooled = report.roots[key], iter(report.spool or ())
    assert not isinstance(root, Part)
    for part in root:
        text = next(spooled) if part.spooled else NULLS[1]
        yield part, text if part.shown else NULLS[1]


def _covered_pieces(key: str, report: Report, disclosure: bytes, errors: bytes) -> Iterator[bytes]:
    """What `covered_bytes` gives, piece by piece."""
    yield b'{"data":{"%b":[' % key.encode()
    for number, (_, text) in enumerate(_texts(report, key)):
        yield b"," + text if number else text
    yield b']},"disclosure":' + disclosure + b',"errors":' + errors + b"}"


async def _commit_texts(key: str, report: Report, disclosure: bytes, errors: bytes, salt: bytes) -> str:
    """The commitment by field to a list of subjects, one subject after the other."""
    found = digests(disclosure, salt, "/disclosure") + digests(errors, salt, "/errors")
    number = -1
    for number, (_, text) in enumerate(_texts(report, key)):
        found += await asyncio.to_thread(digests, text, salt, f"/data/{key}/{number}")
    found.append(leaf([number + 1], salt, f"/data/{key}").digest())
    return commit_digests(found)


def _lines(key: str, report: Report, errors: bytes, disclosure: bytes, receipt: bytes) -> Generator[bytes]:
    """One line for each subject, then one with what covers them all; what was put aside is forgotten then."""
    try:
        for number, (part, text) in enumerate(_texts(report, key)):
            failed = b',"errors":[%b]' % orjson.dumps(part.error) if part.error is not None else b""
            yield b'{"index":%d,"data":%b%b}\n' % (number, text, failed)
        yield b'{"root":"%b","errors":%b,"extensions":{"disclosure":%b,"receipt":%b}}\n' % (
            key.encode(),
            errors,
            disclosure,
            receipt,
        )
    finally:
        if report.spool is not None:
            report.spool.close()
