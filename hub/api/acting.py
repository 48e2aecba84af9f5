"""Who acts about which record and when, from a request: shared by all rooms of the schema that act on records."""

from __future__ import annotations

import re

from hub.api.context import RequestContext
from hub.errors import InputError
from hub.identity.details import Grant
from hub.lifecycle.case import Actor, Capacity, RecordName
from hub.lifecycle.moment import Moment

SELF, SUPPLY, OPERATION = "SELF_QUERY", "DATA_SUPPLY", "OPERATION"
_CAPACITY = {SELF: Capacity.SUBJECT, SUPPLY: Capacity.SOURCE_UNIT, OPERATION: Capacity.OPERATOR}
_PREFIX = "rec_"
_RECORD = re.compile(r"rec_[0-9a-f]{32}")


def moment_of(context: RequestContext) -> Moment:
    """When the request acts, and under which rules."""
    return Moment(context.rules.policy, context.now)


def acting(context: RequestContext, grant: Grant, subject_id: bytes | None = None) -> Actor:
    """Who acts under a grant.

    Args:
        context: of the request.
        grant: one for SELF_QUERY, DATA_SUPPLY or OPERATION.
        subject_id: for whom; None: the client's own subject, else the institution as an organisation, so that
            nobody handles a record about its own institution.
    """
    caller = context.caller
    return Actor(
        _CAPACITY[grant.purpose],
        caller.client.client_id,
        caller.institution,
        grant.purpose,
        context.services.lifecycle.person(caller.institution, grant.operator),
        subject_id or caller.client.subject_id or context.services.lifecycle.organisation(caller.institution),
    )


def subject_acting(context: RequestContext) -> Actor:
    """The subject itself; its entry in the audit log is made, too.

    Raises:
        DisclosureRefusedError: when the token is for no subject of the client's own.
    """
    subject_id = context.own_subject()
    context.did(subject_id)
    grant = next(g for g in context.caller.grants if g.purpose == SELF and subject_id in g.subject_ids)
    return acting(context, grant, subject_id)


def handler_acting(context: RequestContext) -> Actor:
    """A source unit or the operator.

    Raises:
        DisclosureRefusedError: when the token is for neither.
    """
    return acting(context, context.require(SUPPLY, OPERATION))


def record_named(subject_id: bytes | None, dataset: str, record: str) -> RecordName:
    """The record that a request names; says nothing of whether it is there.

    Raises:
        InputError: when its id has not the form of one.
    """
    if subject_id is None or not _RECORD.fullmatch(record):
        raise InputError(
            "The id of a record is `rec_` and 32 hexadecimal digits.",
            hint="Take it from the field `id` of the record.",
            message_zh="记录标识由 rec_ 和32位十六进制数组成。",
        )
    return RecordName(subject_id, dataset, bytes.fromhex(record.removeprefix(_PREFIX)))
