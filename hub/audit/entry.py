"""One entry of the log: what was done, by whom, for what, on what basis, to which fields. Never a value.

- The canonical form is JSON with sorted keys, UTF-8, without spaces; its bytes are the leaf of the tree.
- Subjects are pseudonyms (`sub_` and hex). What happened is said for each subject on its own, so that one
  subject's ledger can be shown without the others.
- Heavy parts that are the same for every run of a plan (fields by outcome) are serialised once, by
  `fields_fragment`, and spliced in.

The records are named tuples, not frozen dataclasses: one is made per operation, and building a frozen
dataclass of twenty fields costs more than serialising it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from hub.clock import to_millis
from hub.errors import VerificationError

VERSION = 2
"""Version of the entry's form. Since 2 an entry says where its caller is and in what roles it stands."""
_READ = frozenset({1, VERSION})
SUBJECT_PREFIX = "sub_"
OPENED = "opened"
"""Member of an entry's `detail`: how many sealed values an act opened that is no disclosure."""
_SHARED_FROM = 3
"""Parts from which on an entry writes the fields they share once."""

Json = Any
"""str, int, bool, None, and lists and string-keyed dicts of them; no floats."""
FieldsByOutcome = Mapping[str, Mapping[str, Sequence[str]]]
"""Outcome (`clear`, `masked`, `withheld` …) to dataset to field names."""


class Kind(StrEnum):
    """What sort of operation the entry records."""

    QUERY = "QUERY"
    MUTATION = "MUTATION"
    ADMIN = "ADMIN"
    """An administrative act: consent, policy, key, catalogue, repair, intake."""
    AUDIT_READ = "AUDIT_READ"
    """Somebody read the log itself."""


class EntryOutcome(StrEnum):
    """How the operation ended."""

    DISCLOSED = "DISCLOSED"
    REFUSED = "REFUSED"
    INVALID = "INVALID"
    """The request could not be understood: malformed, unknown fields, wrong variables."""
    DONE = "DONE"
    """An act that discloses nothing was carried out."""


class BasisKind(StrEnum):
    """Kinds of legal basis."""

    CONSENT = "CONSENT"
    MATTER = "MATTER"
    SELF = "SELF"
    STATUTORY = "STATUTORY"
    EMERGENCY = "EMERGENCY"
    """A grant in an emergency; its id stands where that of a consent does."""


class Basis(NamedTuple):
    """On what ground a subject's data were asked for."""

    kind: BasisKind
    consent: str = ""
    consent_version: int = 0
    matter: str = ""
    reference: str = ""
    """Case or file number in the caller's own system."""

    def json(self) -> dict[str, Json]:
        """Canonical form; parts that do not apply are left out."""
        parts: dict[str, Json] = {"kind": self.kind}
        if self.consent:
            parts |= {"consent": self.consent, "consentVersion": self.consent_version}
        if self.matter:
            parts["matter"] = self.matter
        if self.reference:
            parts["reference"] = self.reference
        return parts


class SubjectPart(NamedTuple):
    """What the operation did about one subject."""

    subject_id: bytes
    outcome: EntryOutcome
    reason: str = ""
    basis: Basis | None = None
    fields: orjson.Fragment | None = None
    """From `fields_fragment`."""
    records: Mapping[str, Sequence[str]] = {}
    """Dataset to `record_ref`s of the records that were read and shown."""
    predicates: Sequence[Mapping[str, str]] = ()
    """Yes/no questions asked: code, declared threshold, whether it was answered; never the answer, and nothing
    of the records behind it, because the caller holds this entry."""
    template: str = ""
    """Id of the fair-use template whose caps held."""
    purpose: str = ""
    """What the subject was asked about for; empty: what the entry states."""


class Entry(NamedTuple):
    """One operation."""

    entry_id: str
    """From `new_entry_id`."""
    at: datetime
    kind: Kind
    outcome: EntryOutcome
    caller: str
    """Client id; empty when the caller was not known."""
    reason: str = ""
    institution: str = ""
    operator: str = ""
    """Pseudonym of the person behind the client."""
    purpose: str = ""
    document: str = ""
    """SHA-256 of the GraphQL text, hex."""
    operation: str = ""
    """Operation name, or the name of the administrative act, for example `consent.grant`."""
    policy: str = ""
    """Revision of the rules in force."""
    catalogue: str = ""
    subjects: tuple[SubjectPart, ...] = ()
    unsealed: int = 0
    """How many sealed fields were opened."""
    size: int = 0
    """`size_class` of the answer."""
    commitment: str = ""
    """Salted commitment to what was disclosed, see `hub.audit.receipt`."""
    detail: Mapping[str, Json] = {}
    """Facts of an administrative act: ids, versions, counts. Never values."""
    country: str = ""
    """Where the caller was registered to be, ISO 3166-1 alpha-2; empty: not a registered client."""
    roles: tuple[str, ...] = ()
    """In what roles the caller was registered; none: not a registered client."""

    def standing(self, country: str, roles: Sequence[str]) -> Entry:
        """The same entry of a caller that is there and has these roles."""
        return self._replace(country=country, roles=tuple(roles))

    def encode(self) -> EncodedEntry:
        """The canonical bytes with the columns the log is searched by."""
        parts = self.subjects
        caller, purpose = _printable(self.caller), _printable(self.purpose)
        stood: dict[str, Json] = {"country": self.country} if self.country else {}
        if self.roles:
            stood["roles"] = self.roles
        body = canonical(
            {
                **stood,
                "at": to_millis(self.at),
                "caller": caller,
                "catalogue": self.catalogue,
                "commitment": self.commitment,
                "detail": self.detail,
                "document": self.document,
                "id": self.entry_id,
                "institution": self.institution,
                "kind": self.kind,
                "operation": self.operation,
                "operator": self.operator,
                "outcome": self.outcome,
                "policy": self.policy,
                "purpose": purpose,
                "reason": self.reason,
                "size": self.size,
                **_parts(parts),
                "unsealed": self.unsealed,
                "v": VERSION,
            }
        )
        return EncodedEntry(
            body, self.entry_id, self.at, self.kind, caller, purpose, self.outcome,
            tuple(part.subject_id for part in parts),
        )  # fmt: skip


class EncodedEntry(NamedTuple):
    """The canonical bytes of an entry and the columns it is found by."""

    body: bytes
    entry_id: str
    at: datetime
    kind: str
    caller: str
    purpose: str
    outcome: str
    subjects: tuple[bytes, ...]


def _printable(text: str) -> str:
    """The text, or its escaped form when it holds control characters: columns are stored joined by one."""
    return text if text.isprintable() else ascii(text)


def _parts(parts: Sequence[SubjectPart]) -> dict[str, Json]:
    """The parts; fields that many of them share stand once, and each of them says which they are."""
    if len(parts) < _SHARED_FROM:
        return {"subjects": [_part(part, part.fields) for part in parts]}
    shared: dict[int, int] = {}
    sets: list[orjson.Fragment] = []
    for part in parts:
        if part.fields is not None and id(part.fields) not in shared:
            shared[id(part.fields)] = len(sets)
            sets.append(part.fields)
    return {"fieldSets": sets, "subjects": [_part(part, shared.get(id(part.fields))) for part in parts]}


def _part(part: SubjectPart, fields: orjson.Fragment | int | None) -> dict[str, Json]:
    asked: dict[str, Json] = {"predicates": part.predicates} if part.predicates else {}
    if part.template:
        asked["template"] = part.template
    if part.purpose:
        asked["purpose"] = part.purpose
    return asked | {
        "basis": part.basis.json() if part.basis else None,
        "fields": fields,
        "outcome": part.outcome,
        "reason": part.reason,
        "records": part.records,
        "subject": SUBJECT_PREFIX + part.subject_id.hex(),
    }


def canonical(value: Json) -> bytes:
    """Canonical JSON: sorted keys, UTF-8, no spaces; RFC 8785 for data without floats and with ASCII keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def fields_fragment(fields: FieldsByOutcome) -> orjson.Fragment:
    """Fields by outcome, serialised once for all entries of a plan; names sorted, empty groups left out."""
    grouped = {
        outcome: {dataset: sorted(names) for dataset, names in by_dataset.items() if names}
        for outcome, by_dataset in fields.items()
    }
    return orjson.Fragment(canonical({outcome: group for outcome, group in grouped.items() if group}))


def new_entry_id() -> str:
    """A random 128-bit id, hex."""
    return os.urandom(16).hex()


def record_ref(record_id: bytes) -> str:
    """How an entry names a record: its id in hex, as the API shows it, and nothing else.

    Not its version: a receipt shows the entry to the caller, and a version that grew would tell that a field the
    caller may not see was corrected. The version follows from the entry's time and the record's history.
    """
    return record_id.hex()


def size_class(length: int) -> int:
    """Class of an answer of `length` bytes: 0 for nothing, else k for at most 4^k bytes."""
    return ((length - 1).bit_length() + 1) // 2 if length > 0 else 0


def subject_ref(subject_id: bytes) -> str:
    """The pseudonym as it appears in tokens, entries and the API."""
    return SUBJECT_PREFIX + subject_id.hex()


def read_body(body: bytes) -> dict[str, Json]:
    """An entry's bytes as plain data; each part has its fields, also where the entry writes them once for many.

    Raises:
        VerificationError: when they are not an entry of a known version.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise VerificationError("An entry of the log is not JSON.", hint="Run `hub audit verify`.") from error
    if not isinstance(data, dict) or data.get("v") not in _READ:
        raise VerificationError("An entry of the log has an unknown form.", hint="Read it with a newer hub.")
    try:
        sets: Any = data.get("fieldSets")
        for part in data["subjects"] if sets is not None else ():
            part["fields"] = None if part["fields"] is None else sets[part["fields"]]
    except (KeyError, IndexError, TypeError) as error:
        raise VerificationError(
            "An entry of the log has an unknown form.", hint="Run `hub audit verify`."
        ) from error
    return data
