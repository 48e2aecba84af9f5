"""What was known of a record at a past instant, and what would have been disclosed of it then. Never a value.

- Known was the version that had come in and was not replaced yet; its dates and state say whether it was shown on
  that civil day. Only metadata are read: no value is opened or compared.
- Decided is by the policy that was in force at the instant, over the catalogue of now, for a role and a purpose, and
  by the consents of the institution as they stood: given before, begun, not over and not withdrawn at that instant.
- How often a consent had been used, which matter was named and how many subjects were asked about is in the audit
  entries of the time, not here. Whatever the answer cannot take into account it names itself (`Caveat`).
- Of several consents that held, the named one counts, else the newest.
- Putting a record into the archive makes no version: what its dates say of the past stays true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import asyncpg

from hub.catalog.types import Nature, SubjectKind
from hub.clock import civil_date, months_before
from hub.consent import store as consents
from hub.consent.artefact import Consent, Origin
from hub.disclosure.replay import within
from hub.disclosure.rules import Rules
from hub.errors import InputError
from hub.model.outcome import Decision, Outcome, Reason
from hub.policies import store as policies
from hub.policies.publish import check_published
from hub.store.database import Database

_MOST_CONSENTS = 10_000
_VERSION = """
SELECT version, edition, event_date, severity, state, visible_from, visible_until, source_unit, batch_id, received_at,
  replaced_at, fields, kind FROM (
  SELECT version, edition, event_date, severity, state, visible_from, visible_until, source_unit, batch_id,
    received_at, NULL::timestamptz AS replaced_at, clear, sealed, subject_id FROM record
  WHERE subject_id = $1 AND dataset = $2 AND record_id = $3
  UNION ALL
  SELECT version, edition, event_date, severity, state, visible_from, visible_until, source_unit, batch_id,
    received_at, replaced_at, clear, sealed, subject_id FROM record_history
  WHERE subject_id = $1 AND dataset = $2 AND record_id = $3) v
JOIN subject s USING (subject_id)
CROSS JOIN LATERAL (SELECT array(SELECT json_object_keys(clear) UNION SELECT json_object_keys(sealed)) AS fields) f
WHERE received_at <= $4 AND (replaced_at IS NULL OR replaced_at > $4) ORDER BY version DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version of a record, without its content."""

    version: int
    edition: str
    event_date: date
    severity: str | None
    state: str
    visible_from: date | None
    visible_until: date | None
    source_unit: str
    lineage: str
    """Intake batch or case that made it."""
    received_at: datetime
    replaced_at: datetime | None
    filled: frozenset[str]
    """Names of the fields that had a value."""
    kind: SubjectKind

    def shown(self, today: date) -> bool:
        """Whether it was published on a day."""
        begun = self.visible_from is None or self.visible_from <= today
        return self.state in ("VALID", "ARCHIVED") and begun and not self.over(today)

    def over(self, today: date) -> bool:
        """Whether its time of display was over."""
        return self.visible_until is not None and today >= self.visible_until


@dataclass(frozen=True, slots=True)
class Asker:
    """Who would have asked, and for what."""

    roles: frozenset[str]
    purpose: str
    institution: str = ""
    """USCC; whose consents count."""
    consent_id: str = ""
    """The consent that would have been named; empty: the newest that held."""


class Caveat(StrEnum):
    """What an answer about the past could not take into account."""

    CATALOGUE_CHANGED = "CATALOGUE_CHANGED"
    """The version came in under another edition of the dataset than that of now, by which is decided."""
    SEVERAL_CONSENTS = "SEVERAL_CONSENTS"
    """More than one consent held, none was named, and the newest was taken."""
    USES_NOT_COUNTED = "USES_NOT_COUNTED"
    """The consent limits how often it may be used; how often it had been is in the log."""
    MATTER_NOT_KNOWN = "MATTER_NOT_KNOWN"
    """The purpose asks for a matter or a reference; it is taken as given."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """What was known, and what would have been disclosed."""

    known: KnownVersion | None
    shown: bool
    policy: str
    """Revision in force at the instant."""
    consent: str
    """Id of the consent that counted; empty when none did or none was needed."""
    refused: Reason | None
    """Why the whole subject would have been refused; None when it would not."""
    fields: Mapping[str, Decision]
    """What each field of the dataset would have been, by name; empty when the record was not shown."""
    caveats: tuple[Caveat, ...] = ()
    """What this answer could not take into account."""


class AsOfReader:
    """Answers about the past of one database."""

    def __init__(self, database: Database, rules: Rules) -> None:
        """Set up.

        Args:
            database: records, policies and consents.
            rules: those of now; their catalogue is used.
        """
        self._database = database
        self._rules = rules

    async def ask(
        self, subject_id: bytes, dataset: str, record_id: bytes, at: datetime, asker: Asker, now: datetime
    ) -> AsOf:
        """What was known of a record at an instant, and what the asker would have been shown.

        Args:
            subject_id: whose record it is.
            dataset: id.
            record_id: 16 bytes.
            at: the instant.
            asker: who would have asked.
            now: the instant of this question.

        Raises:
            InputError: when the instant is to come, before any policy, or dataset, role or purpose is not known.
            PolicyError: when the policy of the time does not fit the catalogue of now.
            UnavailableError: when the database is away.
        """
        if at > now:
            raise _wrong("The instant is still to come.", "时间不得晚于现在。")
        if dataset not in self._rules.catalog.datasets:
            raise _wrong("There is no such dataset.", "没有该信息项。")
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            rules = await self._rules_at(connection, at)
            row = await connection.fetchrow(_VERSION, subject_id, dataset, record_id, at)
            entry = rules.policy.purposes.get(asker.purpose)
            origin = Origin.EMERGENCY if entry is not None and entry.grant_required else Origin.CONSENT
            given = await consents.list_all(connection, subject_id, _MOST_CONSENTS, origin)
        known = None if row is None else _known(row)
        shown = known is not None and known.shown(civil_date(at))
        revision = rules.policy.revision
        held = _in_force(given, asker, at)
        consent = held[0] if held else None
        refused = _refused(rules, asker, consent)
        used = consent if rules.policy.purposes[asker.purpose].artefact_required else None
        id_ = used.consent_id if used else ""
        caveats = self._caveats(rules, dataset, known, asker, held, used)
        if known is None or not shown or refused is not None:
            return AsOf(known, shown, revision, id_, refused, {}, caveats)
        fields = self._fields(rules, dataset, known, asker, used, at)
        return AsOf(known, shown, revision, id_, None, fields, caveats)

    def _caveats(
        self,
        rules: Rules,
        dataset: str,
        known: KnownVersion | None,
        asker: Asker,
        held: Sequence[Consent],
        used: Consent | None,
    ) -> tuple[Caveat, ...]:
        purpose = rules.policy.purposes[asker.purpose]
        changed = known is not None and known.edition != rules.catalog.datasets[dataset].edition
        found = {
            Caveat.CATALOGUE_CHANGED: changed,
            Caveat.SEVERAL_CONSENTS: used is not None and len(held) > 1,
            Caveat.USES_NOT_COUNTED: used is not None and bool(used.max_uses is not None or used.frequency),
            Caveat.MATTER_NOT_KNOWN: purpose.matter_required or purpose.reference_required,
        }
        return tuple(caveat for caveat, applies in found.items() if applies)

    async def _rules_at(self, connection: asyncpg.Connection, at: datetime) -> Rules:
        revision = await policies.in_force_at(connection, at)
        if revision is None:
            raise _wrong("No policy was in force at that instant.", "该时点尚无生效策略。")
        if revision == self._rules.policy.revision:
            return self._rules
        files = await policies.files(connection, revision)
        return Rules(self._rules.catalog, check_published(revision, files or {}, self._rules.catalog))

    def _fields(
        self,
        rules: Rules,
        dataset: str,
        known: KnownVersion,
        asker: Asker,
        consent: Consent | None,
        at: datetime,
    ) -> Mapping[str, Decision]:
        table = rules.table(asker.roles, asker.purpose, known.kind)
        entry = rules.catalog.datasets[dataset]
        ranged = not entry.profile and entry.nature is not Nature.BASIC
        if ranged and not _covered(rules, asker, consent, dataset, known, at):
            out = Decision(Outcome.WITHHELD, "RANGE", Reason.FAIR_USE_RANGE)
            return {item.name: out for item in entry.fields}
        items = consent.items if consent else None
        return {item.name: within(table[item.id], dataset, item.name, items) for item in entry.fields}


def _covered(
    rules: Rules, asker: Asker, consent: Consent | None, dataset: str, known: KnownVersion, at: datetime
) -> bool:
    """Whether the record's date lay within what consent and fair-use template cover."""
    template = rules.policy.fair_use_of(asker.purpose, consent.fair_use if consent else None)
    months = consent.range_months.get(dataset, 0) if consent else 0
    if template is None:
        earliest = months_before(civil_date(at), months) if months else None
    else:
        earliest = template.earliest(civil_date(at), dataset, months)
    if earliest is not None and known.event_date < earliest:
        return False
    return consent is None or consent.date_from <= known.event_date <= consent.date_to


def _refused(rules: Rules, asker: Asker, consent: Consent | None) -> Reason | None:
    policy = rules.policy
    unknown = [role for role in asker.roles if role not in policy.roles]
    if unknown or asker.purpose not in policy.purposes:
        raise _wrong("The policy of the time has no such role or purpose.", "当时的策略没有该角色或用途。")
    if not policy.fair_use_for(asker.purpose) or not policy.holds(asker.roles, asker.purpose):
        return Reason.PURPOSE_NOT_HELD
    purpose = policy.purposes[asker.purpose]
    if purpose.artefact_required and consent is None:
        return Reason.GRANT_REQUIRED if purpose.grant_required else Reason.CONSENT_REQUIRED
    return None


def _in_force(given: Sequence[Consent], asker: Asker, at: datetime) -> list[Consent]:
    """The consents of institution and purpose, and of the name given, that held at the instant, newest first."""
    return [
        consent
        for consent in given
        if (consent.grantee, consent.purpose) == (asker.institution, asker.purpose)
        and consent.consent_id == (asker.consent_id or consent.consent_id)
        and consent.granted_at <= at
        and consent.valid_from <= at < consent.valid_to
        and not (consent.revoked_at is not None and consent.revoked_at <= at)
    ]


def _known(row: Any) -> KnownVersion:
    return KnownVersion(
        row["version"], row["edition"], row["event_date"], row["severity"], row["state"], row["visible_from"],
        row["visible_until"], row["source_unit"], row["batch_id"], row["received_at"], row["replaced_at"],
        frozenset(row["fields"]), SubjectKind(row["kind"]),
    )  # fmt: skip


def _wrong(message: str, message_zh: str) -> InputError:
    return InputError(
        message, hint="Correct the argument; `hub policy list` shows revisions.", message_zh=message_zh
    )


def document(found: AsOf) -> dict[str, Any]:
    """The answer as plain data, without field values."""
    known = found.known
    version = None
    if known is not None:
        version = {
            "version": known.version,
            "edition": known.edition,
            "eventDate": known.event_date.isoformat(),
            "severity": known.severity,
            "state": known.state,
            "visibleFrom": known.visible_from.isoformat() if known.visible_from else None,
            "visibleUntil": known.visible_until.isoformat() if known.visible_until else None,
            "sourceUnit": known.source_unit,
            "lineage": known.lineage,
            "receivedAt": known.received_at.isoformat(),
            "replacedAt": known.replaced_at.isoformat() if known.replaced_at else None,
        }
    fields = {
        name: {"outcome": d.outcome.name, "rule": d.rule, "reason": d.reason.value}
        for name, d in found.fields.items()
    }
    return {
        "known": version,
        "shown": found.shown,
        "policy": found.policy,
        "consent": found.consent,
        "refused": found.refused.value if found.refused else None,
        "fields": fields,
        "caveats": [caveat.value for caveat in found.caveats],
    }
