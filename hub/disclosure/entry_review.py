"""Down from an entry of the log to what it rests on: rule and reason for each field, consent or matter, purpose.

- Each field is decided again under the revision of the policy that the entry names, over the catalogue of now, within
  what the consent of the time names. The outcome should be the one that was recorded; where it is not, that is said.
- The roles are those that the entry names; for an entry of the first form, which names none, those that the client has
  now. Whatever the answer could not take into account it names itself (`ReviewCaveat`).
- The consent is shown as it was signed, but for who signed it; its notice as it stood in the policy under which it was
  given, with whether that text has the hash that was signed. The matter and the purpose are shown as published.
- No value is read. A body that is withheld or shredded leaves nothing to go down to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from hub.audit.entry import SUBJECT_PREFIX, EntryOutcome
from hub.audit.review_filter import FieldOutcome
from hub.audit.review_search import ListedEntry
from hub.catalog.types import Label, SubjectKind
from hub.consent import store as consents
from hub.consent.artefact import Consent
from hub.consent.service import notice_digest
from hub.disclosure.replay import Items, decided_again
from hub.disclosure.rules import Rules
from hub.errors import PolicyError
from hub.model.outcome import Decision, Outcome, Reason
from hub.policies import store as policies
from hub.policies.model import Matter, PolicySet, Purpose
from hub.policies.publish import check_published
from hub.store.database import Database

MOST_PARTS = 20
"""Subjects of one entry that are gone into; ask for one of the others by name."""
_KIND = "SELECT kind FROM subject WHERE subject_id = $1"
_ROLES = "SELECT roles FROM client WHERE client_id = $1"


class ReviewCaveat(StrEnum):
    """What an answer about an entry could not take into account."""

    BODY_WITHHELD = "BODY_WITHHELD"
    """The body is withheld or shredded; only the columns are known."""
    POLICY_NOT_KEPT = "POLICY_NOT_KEPT"
    """The policy that the entry names is not stored, or does not hold under the catalogue of now."""
    CATALOGUE_CHANGED = "CATALOGUE_CHANGED"
    """The catalogue is another than that of the entry."""
    ROLES_OF_NOW = "ROLES_OF_NOW"
    """The entry does not name the client's roles, and those of now were used."""
    CALLER_UNKNOWN = "CALLER_UNKNOWN"
    """The client is not registered any more, so fields could not be decided again."""
    SUBJECT_UNKNOWN = "SUBJECT_UNKNOWN"
    """A subject is not stored any more, so its fields could not be decided again."""
    CONSENT_UNKNOWN = "CONSENT_UNKNOWN"
    """A consent that the entry names is not stored."""
    MORE_SUBJECTS = "MORE_SUBJECTS"
    """Not all subjects of the entry were gone into."""


@dataclass(frozen=True, slots=True)
class FieldReview:
    """One field that was asked for, `*` for a whole list."""

    dataset: str
    name: str
    recorded: FieldOutcome
    decision: Decision | None
    """As decided again; None where it could not be."""

    @property
    def agrees(self) -> bool | None:
        """Whether the outcome that was recorded is what the rules gave; None where it could not be decided again.

        A question may be asked about a field that is open further, and a field that is open to questions alone is
        itself withheld.
        """
        if self.decision is None:
            return None
        outcome = self.decision.outcome
        if self.recorded is FieldOutcome.PREDICATE:
            return outcome >= Outcome.PREDICATE
        if self.recorded is FieldOutcome.WITHHELD:
            return outcome <= Outcome.PREDICATE
        return outcome.name.casefold() == self.recorded.value


@dataclass(frozen=True, slots=True)
class ConsentReview:
    """A consent that was relied on."""

    artefact: Mapping[str, Any]
    """As signed, without who signed."""
    revoked_at: datetime | None
    notice: Label | None
    """What the subject was shown; None when that policy is not stored."""
    notice_verified: bool
    """Whether that text has the hash that was signed."""


@dataclass(frozen=True, slots=True)
class PartReview:
    """One subject of the entry."""

    subject: str
    outcome: str
    reason: str
    message: Label | None
    """What the reason says."""
    basis: Mapping[str, Any] | None
    purpose: str
    purpose_entry: Purpose | None
    """As registered in the policy of the entry."""
    matter: Matter | None
    """As published in the policy of the entry."""
    consent: ConsentReview | None
    fields: Sequence[FieldReview]
    records: Mapping[str, int]
    """How many records of each dataset were shown."""
    questions: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class EntryReview:
    """An entry and what it rests on."""

    entry: ListedEntry
    parts: Sequence[PartReview]
    caveats: tuple[ReviewCaveat, ...]


class EntryReviewer:
    """Goes down from entries of one database."""

    def __init__(self, database: Database, rules: Rules) -> None:
        """Set up.

        Args:
            database: policies, consents and clients.
            rules: those of now; their catalogue is used.
        """
        self._database = database
        self._rules = rules

    async def review(self, entry: ListedEntry, subject: str | None = None) -> EntryReview:
        """What an entry rests on.

        Args:
            entry: the entry.
            subject: only this one, by pseudonym; None: the first 20.

        Raises:
            UnavailableError: when the database is away.
        """
        if entry.body is None:
            return EntryReview(entry, (), (ReviewCaveat.BODY_WITHHELD,))
        body = entry.body
        parts = [part for part in body["subjects"] if subject in (None, part["subject"])]
        told = {ReviewCaveat.MORE_SUBJECTS} if len(parts) > MOST_PARTS else set()
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            case = _Case(connection, self._rules, body, told)
            case.rules = await case.rules_of(body["policy"])
            roles = body.get("roles") or await connection.fetchval(_ROLES, body["caller"])
            case.roles = frozenset(roles) if roles is not None else None
            found = [await case.part(part) for part in parts[:MOST_PARTS]]
        decided = any(item.decision is not None for part in found for item in part.fields)
        if decided and not body.get("roles"):
            told.add(ReviewCaveat.ROLES_OF_NOW)
        if decided and body["catalogue"] != self._rules.catalog.revision:
            told.add(ReviewCaveat.CATALOGUE_CHANGED)
        if case.rules is None and body["policy"]:
            told.add(ReviewCaveat.POLICY_NOT_KEPT)
        return EntryReview(entry, found, tuple(caveat for caveat in ReviewCaveat if caveat in told))


class _Case:
    """One entry that is gone into."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        now: Rules,
        body: Mapping[str, Any],
        told: set[ReviewCaveat],
    ) -> None:
        self._connection, self._now, self._body, self._told = connection, now, body, told
        self._known: dict[str, Rules | None] = {now.policy.revision: now}
        self.rules: Rules | None = None
        self.roles: frozenset[str] | None = None

    async def rules_of(self, revision: str) -> Rules | None:
        """The rules of a published revision over the catalogue of now; None when there are none."""
        if revision not in self._known:
            files = await policies.files(self._connection, revision)
            self._known[revision] = None
            if files is not None:
                catalog = self._now.catalog
                try:
                    policy = await asyncio.to_thread(check_published, revision, files, catalog)
                except PolicyError:
                    return None
                self._known[revision] = Rules(catalog, policy)
        return self._known[revision]

    async def part(self, part: Mapping[str, Any]) -> PartReview:
        """One subject."""
        basis, purpose = part["basis"] or {}, part.get("purpose") or self._body["purpose"]
        policy = self.rules.policy if self.rules is not None else None
        subject_id = bytes.fromhex(part["subject"].removeprefix(SUBJECT_PREFIX))
        consent = None
        if basis.get("consent"):
            consent = await consents.get(self._connection, subject_id, basis["consent"])
            if consent is None:
                self._told.add(ReviewCaveat.CONSENT_UNKNOWN)
        return PartReview(
            subject=part["subject"],
            outcome=part["outcome"],
            reason=part["reason"],
            message=_message(policy, part["reason"]),
            basis=part["basis"],
            purpose=purpose,
            purpose_entry=policy.purposes.get(purpose) if policy else None,
            matter=policy.matters.get(basis.get("matter", "")) if policy else None,
            consent=await self._consent(consent) if consent is not None else None,
            fields=await self._fields(part, subject_id, purpose, consent),
            records={dataset: len(set(refs)) for dataset, refs in part["records"].items()},
            questions=part.get("predicates", ()),
        )

    async def _fields(
        self, part: Mapping[str, Any], subject_id: bytes, purpose: str, consent: Consent | None
    ) -> list[FieldReview]:
        recorded = list(_recorded(part))
        kind = await self._connection.fetchval(_KIND, subject_id) if recorded else None
        if recorded and kind is None:
            self._told.add(ReviewCaveat.SUBJECT_UNKNOWN)
        if recorded and self.roles is None:
            self._told.add(ReviewCaveat.CALLER_UNKNOWN)
        lost = (part["basis"] or {}).get("consent") and consent is None
        if self.rules is None or self.roles is None or kind is None or lost:
            return [FieldReview(dataset, name, word, None) for word, dataset, name in recorded]
        rules = self.rules
        table = rules.table(self.roles, purpose, SubjectKind(kind))
        entry = rules.policy.purposes.get(purpose)
        items: Items | None = consent.items if consent and entry and entry.consent_required else None
        return [
            FieldReview(dataset, name, word, decided_again(rules.catalog, f"{dataset}.{name}", table, items))
            for word, dataset, name in recorded
        ]

    async def _consent(self, consent: Consent) -> ConsentReview:
        artefact = dict(consent.artefact)
        artefact["grantor"] = {k: v for k, v in artefact["grantor"].items() if k != "signatory"}
        rules = await self.rules_of(artefact.get("policyRevision", ""))
        template = rules.policy.consents.get(artefact["notice"]["template"]) if rules else None
        verified = template is not None and notice_digest(template.notice) == artefact["notice"]["sha256"]
        return ConsentReview(
            artefact, consent.revoked_at, template.notice if template else None, notice_verified=verified
        )


def _recorded(part: Mapping[str, Any]) -> Iterator[tuple[FieldOutcome, str, str]]:
    """Outcome, dataset and name of each field that was asked for."""
    if part["outcome"] == EntryOutcome.DISCLOSED:
        for word, by_dataset in (part["fields"] or {}).items():
            for dataset, names in by_dataset.items():
                for name in names:
                    yield FieldOutcome(word), dataset, name


def _message(policy: PolicySet | None, reason: str) -> Label | None:
    if policy is None or reason not in {code.value for code in Reason}:
        return None
    return policy.messages.get(Reason(reason))


def document(found: EntryReview) -> dict[str, Any]:
    """The answer as plain data, without field values."""
    return {
        "index": found.entry.index,
        "entry": found.entry.body,
        "caveats": [caveat.value for caveat in found.caveats],
        "parts": [_part_document(part) for part in found.parts],
    }


def _part_document(part: PartReview) -> dict[str, Any]:
    purpose, matter = part.purpose_entry, part.matter
    return {
        "subject": part.subject,
        "outcome": part.outcome,
        "reason": part.reason,
        "message": _label(part.message),
        "basis": part.basis,
        "purpose": {
            "code": part.purpose,
            "title": _label(purpose.title if purpose else None),
            "source": purpose.source if purpose else None,
        },
        "matter": {"code": matter.code, "title": _label(matter.title), "legalBasis": matter.legal_basis}
        if matter
        else None,
        "consent": _consent_document(part.consent) if part.consent else None,
        "fields": [_field_document(item) for item in part.fields],
        "records": part.records,
        "questions": list(part.questions),
    }


def _consent_document(consent: ConsentReview) -> dict[str, Any]:
    return {
        "artefact": consent.artefact,
        "revokedAt": consent.revoked_at.isoformat() if consent.revoked_at else None,
        "notice": _label(consent.notice),
        "noticeVerified": consent.notice_verified,
    }


def _field_document(item: FieldReview) -> dict[str, Any]:
    decision = item.decision
    return {
        "field": f"{item.dataset}.{item.name}",
        "recorded": item.recorded.value,
        "outcome": decision.outcome.name if decision else None,
        "rule": decision.rule if decision else None,
        "reason": decision.reason.value if decision else None,
        "agrees": item.agrees,
    }


def _label(label: Label | None) -> dict[str, str] | None:
    return {"zh": label.zh, "en": label.en} if label else None
