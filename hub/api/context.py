"""What resolvers get: the services, the rules of this request, who calls and when. Nothing global."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.audit.cases import ReviewCases
from hub.audit.entry import OPENED, EntryOutcome, SubjectPart
from hub.audit.log import AuditLog
from hub.consent.service import ConsentService
from hub.disclosure.basis import refusal
from hub.disclosure.rules import Rules
from hub.documents.registry import TrustedDocuments
from hub.emergency.service import EmergencyService
from hub.identity.details import Grant
from hub.identity.tokens import Caller
from hub.intake.steering import Steering
from hub.intake.submission import Submissions
from hub.lifecycle.service import Lifecycle
from hub.model.outcome import Reason
from hub.policies.model import PolicySet
from hub.recall.service import RecallService
from hub.store.database import Database


@dataclass(frozen=True)
class Services:
    """What resolvers may use."""

    database: Database
    consents: ConsentService
    recalls: RecallService
    lifecycle: Lifecycle
    steering: Steering
    resolve_subject: Callable[[str], bytes]
    """Subject id of a USCC, resident id or pseudonym; raises `IdentifierError`."""
    max_page: int
    trusted: TrustedDocuments = field(default_factory=TrustedDocuments)
    submissions: Submissions | None = None
    log: AuditLog | None = None
    """Both only where data may be supplied by request."""
    emergencies: EmergencyService | None = None
    """Only where emergency access may be asked for."""
    cases: ReviewCases | None = None
    """Only where review cases may be handled by request."""


@dataclass
class RequestContext:
    """One request, as resolvers see it."""

    services: Services
    rules: Rules
    caller: Caller
    now: datetime
    finished: Mapping[str, Any] = field(default_factory=dict)
    """Subject roots by response key, finished by the disclosure gate; what is missing is put in afterwards."""
    parts: list[SubjectPart] = field(default_factory=list)
    """What resolvers did about subjects, for the audit entry."""
    purposes: list[str] = field(default_factory=list)
    audit_read: bool = False
    """Whether the log itself was read."""
    operators: list[str] = field(default_factory=list)
    """Persons acting, as the grants name them that resolvers relied on."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Facts of the operation for the audit entry; never values."""

    def require(self, *purposes: str) -> Grant:
        """The token's grant for one of these purposes.

        Raises:
            DisclosureRefusedError: PURPOSE_NOT_HELD.
        """
        grant = held_grant(self.rules.policy, self.caller, *purposes)
        if grant is None:
            raise refusal(self.rules.policy, Reason.PURPOSE_NOT_HELD)
        self.purposes.append(grant.purpose)
        if grant.operator:
            self.operators.append(grant.operator)
        return grant

    def own_subject(self) -> bytes:
        """The subject that the caller is or acts for, under a token for its own affairs.

        Raises:
            DisclosureRefusedError: when the client acts for no subject, or the token is for another one.
        """
        grant = self.require("SELF_QUERY")
        subject_id = self.caller.client.subject_id
        if subject_id is None or subject_id not in grant.subject_ids:
            raise refusal(self.rules.policy, Reason.SUBJECT_NOT_IN_TOKEN)
        return subject_id

    def did(self, subject_id: bytes) -> None:
        """Note in the audit entry that something was done about a subject."""
        self.parts.append(SubjectPart(subject_id, EntryOutcome.DONE))

    def opened(self, values: int) -> None:
        """Note in the audit entry that sealed texts were opened outside the gate: notices, cases, kept rows."""
        if values:
            self.detail[OPENED] = self.detail.get(OPENED, 0) + values

    def read_log(self, query: str, **asked: Any) -> None:
        """Note in the audit entry that the log was read, and what was looked for.

        Args:
            query: name of the field.
            asked: its arguments without identifiers; those that are None or empty are left out.
        """
        self.audit_read = True
        said = {name: value for name, value in asked.items() if value not in (None, "", {})}
        self.detail.setdefault("reads", []).append({"query": query, **said})


def held_grant(policy: PolicySet, caller: Caller, *purposes: str) -> Grant | None:
    """The token's grant for one of these purposes, if client and roles hold it."""
    for grant in caller.grants:
        held = grant.purpose in caller.client.purposes and policy.holds(caller.roles, grant.purpose)
        if held and grant.purpose in purposes:
            return grant
    return None
