"""Granting, finding and withdrawing consents.

* An act and its audit entry are written in one transaction: there is no consent without its entry.
* Artefacts never change, so they are remembered after their signature was checked once; whether a consent is
  in force is asked of the database every time.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id, subject_ref
from hub.audit.log import AuditLog
from hub.catalog.types import Label
from hub.clock import to_millis
from hub.consent import store
from hub.consent.artefact import FORMAT, Consent, Origin
from hub.consent.request import ConsentRequest, Terms, rate_documents, settle
from hub.errors import InputError, VerificationError
from hub.identity import client_rows
from hub.identity.clients import ACTIVE
from hub.keys.canonical import canonical_json
from hub.keys.client_seal import ClientSeal
from hub.keys.ring import KeyRing
from hub.keys.signing import sign_document, verify_document
from hub.policies.model import PolicySet
from hub.store.database import Database

_REMEMBERED = 20_000


class ConsentService:
    """Consents of one database."""

    def __init__(self, database: Database, log: AuditLog, ring: KeyRing) -> None:
        self._database = database
        self._log = log
        self._ring = ring
        self._seal = ring.client_seal()
        self._verify_keys = ring.public().consent
        self._known: OrderedDict[tuple[bytes, str], Consent] = OrderedDict()

    async def grant(
        self, subject_id: bytes, request: ConsentRequest, policy: PolicySet, actor: str, now: datetime
    ) -> Consent:
        """Make, sign and store a consent.

        Args:
            subject_id: who grants; must be in the subject register.
            request: what is granted.
            policy: purposes and templates in force.
            actor: client id that acts for the subject.
            now: the instant of the grant.

        Raises:
            InputError: when the request breaks a rule or the recipient is not a registered institution.
            UnavailableError: when database or log cannot take it; nothing was granted then.
        """
        async with self._database.connection() as connection, connection.transaction():
            kind = await connection.fetchval("SELECT kind FROM subject WHERE subject_id = $1", subject_id)
            if kind is None:
                raise InputError(
                    "The subject is not in the register.",
                    hint="Ask the operator to enter it first.",
                    message_zh="主体尚未入库。",
                )
            terms = settle(request, kind, policy, now)
            consent = self._artefact(subject_id, kind, request, terms, policy, now)
            await recipient_name(connection, request.grantee, request.purpose, policy, self._seal)
            await store.insert(connection, consent)
            entry = _entry("consent.grant", consent, actor, policy, now)
            await self._log.append_in(connection, [entry])
        return consent

    async def recipient(self, grantee: str, purpose: str, policy: PolicySet) -> str:
        """The name (Chinese) of an institution that consents for a purpose can be given to.

        Raises:
            InputError: when it is not registered with this purpose.
        """
        async with self._database.connection() as connection:
            return await recipient_name(connection, grantee, purpose, policy, self._seal)

    async def withdraw(
        self, subject_id: bytes, consent_id: str, reason: str, policy: PolicySet, actor: str, now: datetime
    ) -> Consent:
        """Withdraw a consent; every request that starts afterwards, on any process, is refused.

        Raises:
            InputError: when the subject has no active consent of this id.
            UnavailableError: when database or log cannot take it.
        """
        async with self._database.connection() as connection, connection.transaction():
            done = await store.revoke(connection, subject_id, consent_id, now, reason[:500])
            consent = await store.get(connection, subject_id, consent_id) if done else None
            if consent is None:
                raise InputError(
                    "There is no active consent of this id.",
                    hint="`consents` lists yours.",
                    message_zh="没有该编号的有效授权。",
                )
            entry = _entry("consent.withdraw", consent, actor, policy, now)
            await self._log.append_in(connection, [entry])
        self._known.pop((subject_id, consent_id), None)
        return consent

    async def list_all(self, subject_id: bytes, limit: int = 100) -> list[Consent]:
        """Consents of a subject, newest first."""
        async with self._database.connection() as connection:
            return await store.list_all(connection, subject_id, limit)

    async def find(
        self, connection: asyncpg.Connection, subject_id: bytes, consent_id: str, grantee: str, purpose: str
    ) -> Consent | None:
        """A consent of a subject for this recipient and purpose, its signature checked.

        Whether it is in force is not looked at here. Another recipient's consent counts as none and is not
        remembered, so that asking for it costs the same, time and again, as asking for one that does not exist.

        Raises:
            VerificationError: when the stored artefact is not what was signed.
        """
        key = (subject_id, consent_id)
        if self._knows(subject_id, consent_id, grantee, purpose):
            self._known.move_to_end(key)
            return self._known[key]
        consent = await store.get(connection, subject_id, consent_id)
        if consent is None or (consent.grantee, consent.purpose) != (grantee, purpose):
            return None
        self._remember(consent)
        return consent

    async def preload(
        self, connection: asyncpg.Connection, wanted: Sequence[tuple[bytes, str, str]], grantee: str
    ) -> None:
        """Read many consents in one statement, so that `find` need not ask for each.

        Args:
            connection: to the database.
            wanted: subject, consent id and purpose of each.
            grantee: the recipient; consents of others are left out.

        Raises:
            VerificationError: when a stored artefact is not what was signed.
        """
        missing = {(s, c): purpose for s, c, purpose in wanted if not self._knows(s, c, grantee, purpose)}
        if not missing:
            return
        for consent in await store.get_many(connection, list(missing)):
            key = (consent.subject_id, consent.consent_id)
            if (consent.grantee, consent.purpose) == (grantee, missing[key]):
                self._remember(consent)

    def _knows(self, subject_id: bytes, consent_id: str, grantee: str, purpose: str) -> bool:
        """Whether a consent need not be read; another recipient's is read again, as one would be that nobody used."""
        known = self._known.get((subject_id, consent_id))
        return known is not None and (known.grantee, known.purpose) == (grantee, purpose)

    def _remember(self, consent: Consent) -> None:
        self._check(consent)
        self._known[consent.subject_id, consent.consent_id] = consent
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def reload(self, connection: asyncpg.Connection, consent: Consent) -> Consent | None:
        """The consent as it is stored now.

        Raises:
            VerificationError: when the stored artefact is not what was signed.
        """
        stored = await store.get(connection, consent.subject_id, consent.consent_id)
        # Only now, and in one breath: other parts of the operation must not find it gone for a while and read it too.
        self._known.pop((consent.subject_id, consent.consent_id), None)
        if stored is not None:
            self._remember(stored)
        return stored

    def _check(self, consent: Consent) -> None:
        """Hold the columns that decide against the signed artefact, so that a row edited by hand opens nothing.

        Items, range and fair-use template have no columns: they are read from the artefact whose signature holds.
        """
        body = verify_document(self._verify_keys, consent.artefact)
        whose = "grantor" if consent.origin is Origin.CONSENT else "about"
        if (
            body["format"] != consent.origin.artefact_format
            or body["id"] != consent.consent_id
            or body["version"] != consent.version
            or body[whose]["subject"] != subject_ref(consent.subject_id)
            or body["grantee"]["institution"] != consent.grantee
            or body["purpose"]["code"] != consent.purpose
            or body["validFrom"] != to_millis(consent.valid_from)
            or body["validTo"] != to_millis(consent.valid_to)
            or body["maxUses"] != consent.max_uses
        ):
            raise _altered()

    def _artefact(
        self,
        subject_id: bytes,
        kind: str,
        request: ConsentRequest,
        terms: Terms,
        policy: PolicySet,
        now: datetime,
    ) -> Consent:
        template, caps = terms.template, terms.fair_use
        rates = rate_documents(caps.reads_of_subject)
        body: Mapping[str, Any] = {
            "format": FORMAT,
            "id": "c_" + secrets.token_urlsafe(16),
            "version": 1,
            "grantor": {"subject": subject_ref(subject_id), "kind": kind, "signatory": request.signatory},
            "grantee": {"institution": request.grantee},
            "items": [terms.item(d, request.fields.get(d, ())) for d in terms.datasets],
            "purpose": {"code": terms.purpose.code, "basis": terms.purpose.basis.value},
            "dataRange": {"from": terms.range_from.isoformat(), "to": terms.range_to.isoformat()},
            "validFrom": to_millis(terms.valid_from),
            "validTo": to_millis(terms.valid_to),
            "fetchType": "ONE_TIME" if terms.max_uses == 1 else "PERIODIC",
            "maxUses": terms.max_uses,
            "fairUse": {"template": caps.id},
            **({"frequency": rates} if rates else {}),
            "clamped": [{"term": c.term.value, "asked": c.asked, "given": c.given} for c in terms.clamped],
            "mode": "VIEW",
            "dataLife": {"unit": "DAY", "value": terms.data_life_days()},
            "onwardTransfer": {"allowed": template.onward_transfer},
            "notice": {
                "template": template.id,
                "version": template.version,
                "sha256": notice_digest(template.notice),
            },
            "adverseNoticeAcknowledged": request.adverse_notice_acknowledged,
            "createdVia": request.created_via,
            "grantedAt": to_millis(now),
            "policyRevision": policy.revision,
        }
        signed = sign_document(self._ring.consent.active, body)
        return Consent(
            subject_id, body["id"], 1, request.grantee, request.purpose, terms.valid_from, terms.valid_to,
            terms.max_uses, 0, False, None, signed,
        )  # fmt: skip


async def recipient_name(
    connection: asyncpg.Connection, grantee: str, purpose: str, policy: PolicySet, seal: ClientSeal
) -> str:
    """The name (Chinese) of an institution that holds a purpose; rows that were altered do not count.

    Raises:
        InputError: when it is not registered with this purpose.
    """
    for row in await client_rows.read_institution(connection, grantee, seal):
        client = row.values
        if (
            client["status"] == ACTIVE
            and purpose in client["purposes"]
            and policy.holds(client["roles"], purpose)
        ):
            return str(client["name_zh"])
    raise InputError(
        "The recipient is not an institution that holds this purpose.",
        hint="Give the USCC of the institution as it is registered.",
        message_zh="被授权方不是具备该用途的已登记机构。",
    )


async def withdrawable(
    database: Database, subject_id: bytes, consent_ids: Collection[str], now: datetime
) -> set[str]:
    """Those of a subject's consents that are in force and can be withdrawn.

    Raises:
        UnavailableError: when the database is away.
    """
    if not consent_ids:
        return set()
    async with database.connection() as connection:
        return await store.active(connection, subject_id, list(consent_ids), now)


def _altered() -> VerificationError:
    return VerificationError(
        "A stored consent is not the one that was signed.",
        hint="Restore it from a backup and run `hub audit verify`.",
        message_zh="存储的授权与签名不符。",
    )


def notice_digest(notice: Label) -> str:
    """The hash of a notice in both languages, as a consent signs it; SHA-256, hex."""
    return hashlib.sha256(canonical_json({"zh": notice.zh, "en": notice.en})).hexdigest()


def _entry(act: str, consent: Consent, actor: str, policy: PolicySet, now: datetime) -> Entry:
    return Entry(
        new_entry_id(),
        now,
        Kind.ADMIN,
        EntryOutcome.DONE,
        actor,
        purpose=consent.purpose,
        operation=act,
        policy=policy.revision,
        subjects=(SubjectPart(consent.subject_id, EntryOutcome.DONE),),
        detail={"consent": consent.consent_id, "version": consent.version, "grantee": consent.grantee},
    )
