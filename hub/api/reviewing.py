"""Who acts in review, from a request: officers only; auditors and regulators read."""

from __future__ import annotations

import strawberry

from hub.api.audit import REVIEW
from hub.api.context import RequestContext
from hub.audit.cases import ReviewCases
from hub.audit.reviewer import Reviewer, person_of
from hub.disclosure.basis import refusal
from hub.errors import UnavailableError
from hub.model.outcome import Reason
from hub.policies.detections import Severity

__all__ = ["OFFICER", "Severity", "cases", "officer", "person"]
strawberry.enum(
    Severity,
    name="AuditSeverity",
    description="严重程度：LOW 一般、MEDIUM 较重、HIGH 严重。How grave it is.",
)

OFFICER = "officer"


def officer(context: RequestContext) -> Reviewer:
    """The officer behind a request.

    Raises:
        DisclosureRefusedError: PURPOSE_NOT_HELD, also to who may only read.
        InputError: when the token names no person.
    """
    grant = context.require(REVIEW)
    caller, lifecycle = context.caller, context.services.lifecycle
    if OFFICER not in caller.roles:
        raise refusal(context.rules.policy, Reason.PURPOSE_NOT_HELD)
    name = grant.operator
    return Reviewer(
        caller.client.client_id, caller.institution, lifecycle.person(caller.institution, name), person(context, name),
        context.rules.policy.revision, lambda institution: lifecycle.person(institution, name),
    )  # fmt: skip


def person(context: RequestContext, name: str | None) -> str:
    """The pseudonym of a reviewer by name.

    Raises:
        InputError: when no person is named.
    """
    return person_of(context.services.lifecycle.indexer.alias_hash, name)


def cases(context: RequestContext) -> ReviewCases:
    """The review cases.

    Raises:
        UnavailableError: where none are handled.
    """
    found = context.services.cases
    if found is None:
        raise UnavailableError(
            "Review cases are not handled here.", message_zh="此处不能办理审查案件。"
        )  # fmt: skip
    return found
