"""What a reviewer looks for in the log, as conditions for the database and as a judgement of one entry.

- The database narrows by conditions that every wanted entry meets: columns, and texts that its canonical body must
  contain. What comes back is judged again, exactly, so that nothing is missed and nothing found by chance.
- Whatever is asked of a subject is asked of one and the same part of an entry: subject, purpose, basis, items,
  records. A part that states no purpose has the entry's. The reason may be the part's or the entry's.
- Administrative acts name consents, datasets, records and cases in their `detail`; these count as well.
- A body that is withheld or shredded cannot be judged. Such an entry is listed whenever its columns do not rule it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from hub.audit.entry import EntryOutcome, Kind, subject_ref
from hub.errors import InputError
from hub.model.countries import countries
from hub.model.resident_ids import holds_resident_id

_WHOLE: Mapping[str, Any] = {
    "subject": "", "outcome": "", "reason": "", "basis": None, "fields": None, "records": {},
}  # fmt: skip
"""Stands for the operation itself among its parts: what is said of no subject."""
_ENTRY_WIDE = ("institution", "operator", "document", "policy", "country")
_MOST_CHARS = 200
_FORMS = {
    "operator": re.compile(r"op_[0-9a-f]{32}"),
    "dataset": re.compile(r"[a-z_]+\.[a-z_0-9]+"),
    "field": re.compile(r"[a-z_]+\.[a-z_0-9]+\.[A-Za-z0-9]+"),
    "record": re.compile(r"[0-9a-f]{32}"),
    "document": re.compile(r"sha256:[0-9a-f]{4,64}"),
    "policy": re.compile(r"sha256:[0-9a-f]{4,64}"),
}


class FieldOutcome(StrEnum):
    """What became of a field, as entries write it."""

    CLEAR = "clear"
    MASKED = "masked"
    GENERALISED = "generalised"
    PREDICATE = "predicate"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What is looked for; parts that are None do not narrow."""

    subject_id: bytes | None = None
    caller: str | None = None
    purpose: str | None = None
    """Of any part of the entry, not only its first."""
    outcome: EntryOutcome | None = None
    """How the whole operation ended."""
    kind: Kind | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """First instant that is no longer wanted."""
    institution: str | None = None
    operator: str | None = None
    """Pseudonym of the person acting, `op_` and hex."""
    matter: str | None = None
    reference: str | None = None
    """Case or file number in the caller's system, or the id of a case of the hub."""
    consent: str | None = None
    dataset: str | None = None
    field: str | None = None
    """`domain.dataset.field`; a list that was withheld as a whole counts for each of its fields."""
    shown: FieldOutcome | None = None
    """What became of the field, or of some field of the dataset, or of any."""
    record: str | None = None
    """Record id in hex."""
    document: str | None = None
    """Beginning of the hash of the query document."""
    policy: str | None = None
    """Beginning of the revision of the rules."""
    country: str | None = None
    """Where the caller was registered to be, ISO 3166-1 alpha-2."""

    @classmethod
    def checked(cls, **wanted: Any) -> EntryFilter:
        """A filter from what a person wrote: prefixes put right, forms checked; empty texts do not narrow.

        The filter is written into the log, so it may hold nothing but names, codes and pseudonyms.

        Raises:
            InputError: when something is not in the form of what it stands for.
        """
        given = {name: value for name, value in wanted.items() if value not in (None, "")}
        if isinstance(given.get("record"), str):
            given["record"] = given["record"].removeprefix("rec_")
        for name in ("document", "policy"):
            if name in given and not given[name].startswith("sha256:"):
                given[name] = "sha256:" + given[name]
        if isinstance(given.get("country"), str):
            given["country"] = known_country(given["country"])
        for name, value in given.items():
            if isinstance(value, str) and not isinstance(value, StrEnum):
                _check(name, value)
        return cls(**given)

    @property
    def by_columns(self) -> bool:
        """Whether the columns of the log alone decide, without its bodies."""
        own = {"subject_id", "caller", "outcome", "kind", "since", "until"}
        return all(getattr(self, f.name) is None for f in fields(self) if f.name not in own)

    def said(self) -> dict[str, str]:
        """The filter as an entry of the log tells it; a subject as pseudonym."""
        told: dict[str, str] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bytes):
                told["subject"] = subject_ref(value)
            elif isinstance(value, datetime):
                told[item.name] = value.isoformat()
            elif value is not None:
                told[item.name] = str(value)
        return told

    def conditions(self, first_argument: int) -> tuple[list[str], list[Any]]:
        """Necessary conditions over the table `log_entry e`, and their arguments.

        Args:
            first_argument: number of the first placeholder.
        """
        found, arguments = [], list[Any]()

        def add(text: str, *values: Any) -> None:
            numbers = range(first_argument + len(arguments), first_argument + len(arguments) + len(values))
            found.append(text.format(*(f"${number}" for number in numbers)))
            arguments.extend(values)

        if self.subject_id is not None:
            add("e.subjects @> ARRAY[{}::bytea]", self.subject_id)
        for column in ("caller", "outcome", "kind"):
            if (value := getattr(self, column)) is not None:
                add(f"e.{column} = {{}}", str(value))
        if self.since is not None:
            add("e.at >= {}", self.since)
        if self.until is not None:
            add("e.at < {}", self.until)
        if self.purpose is not None:
            add("(e.purpose = {} OR " + _HOLDS + ")", self.purpose, _text("purpose", self.purpose))
        for needle in self._needles():
            add("(" + _HOLDS + ")", needle)
        return found, arguments

    def _needles(self) -> Iterator[bytes]:
        """Texts that the canonical body of a wanted entry contains."""
        for name in ("institution", "operator", "country"):
            if (value := getattr(self, name)) is not None:
                yield _text(name, value)
        for name in ("document", "policy"):
            if (value := getattr(self, name)) is not None:
                yield _text(name, value)[:-1]
        dataset = self.field.rpartition(".")[0] if self.field is not None else None
        for value in (
            self.reason,
            self.matter,
            self.reference,
            self.consent,
            self.dataset,
            dataset,
            self.record,
        ):
            if value is not None:
                yield orjson.dumps(value)
        if self.shown is not None:
            yield orjson.dumps(self.shown.value) + b":"

    def matches(self, body: Mapping[str, Any]) -> bool:
        """Whether an entry is one that is looked for; its columns are taken to be right already."""
        return bool(self.parts(body))

    def parts(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The parts of an entry that are looked for; one without a subject stands for the operation itself."""
        for name in _ENTRY_WIDE:
            value = getattr(self, name)
            said = body.get(name, "")
            if value is not None and not (
                said.startswith(value) if name in ("document", "policy") else said == value
            ):
                return ()
        found = [part for part in body["subjects"] if self._wants(body, part)]
        return found or ([_WHOLE] if self._wants(body, _WHOLE) else ())

    def _wants(self, body: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
        basis, detail = part["basis"] or {}, body["detail"]
        return (
            (self.subject_id is None or part["subject"] == subject_ref(self.subject_id))
            and self.purpose in (None, part.get("purpose") or body["purpose"])
            and self.reason in (None, part["reason"], body["reason"])
            and self.matter in (None, basis.get("matter"), detail.get("matter"))
            and self.reference in (None, basis.get("reference"), detail.get("case"))
            and self.consent in (None, basis.get("consent"), detail.get("consent"))
            and (self.record is None or self.record == detail.get("record") or _has(part, self.record))
            and self._wants_items(part["fields"] or {}, part["records"], detail)
        )

    def _wants_items(
        self, shown: Mapping[str, Any], records: Mapping[str, Any], detail: Mapping[str, Any]
    ) -> bool:
        outcomes = shown.values() if self.shown is None else [shown.get(self.shown.value, {})]
        if self.shown is not None and not any(outcomes):
            return False
        if self.dataset is not None and not any(self.dataset in group for group in outcomes):
            named = self.dataset in records or self.dataset == detail.get("dataset")
            if self.shown is not None or not named:
                return False
        if self.field is None:
            return True
        dataset, _, name = self.field.rpartition(".")
        return any(not {name, "*"}.isdisjoint(group.get(dataset, ())) for group in outcomes)


def _check(name: str, value: str) -> None:
    form = _FORMS.get(name)
    fits = form is None or form.fullmatch(value) is not None
    if not (fits and value.isprintable() and len(value) <= _MOST_CHARS):
        raise InputError(
            f"The filter `{name}` is not in the form of what it stands for.",
            hint="Write datasets as domain.dataset, fields as domain.dataset.field, records, persons and revisions as "
            "the log shows them.",
            message_zh=f"筛选条件 {name} 格式有误。",
        )
    if name not in _FORMS and holds_resident_id(value):
        raise InputError(
            f"The filter `{name}` holds a number of a person, and the filter is written into the log.",
            hint="Look for a person by `subject`; the log keeps a pseudonym of it.",
            message_zh=f"筛选条件 {name} 含公民身份号码，请改用 subject。",
        )


def known_country(text: str) -> str:
    """A country's code as the log has it.

    Raises:
        InputError: when there is no such country.
    """
    code = text.strip().upper()
    if code not in countries():
        raise InputError(
            "There is no country of this code.",
            hint="Give two letters of ISO 3166-1, for example CN, HK, MO, TW or SG.",
            message_zh="国家或地区代码无效，应为 ISO 3166-1 两位字母代码。",
        )
    return code


_HOLDS = "e.body IS NULL OR position({}::bytea in e.body) > 0"


def _text(name: str, value: str) -> bytes:
    """A member of the canonical body."""
    return orjson.dumps({name: value})[1:-1]


def _has(part: Mapping[str, Any], record: str) -> bool:
    return any(record in refs for refs in part["records"].values())
