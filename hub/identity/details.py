"""What a token is for: `authorization_details` of type `credit_disclosure` (RFC 9396).

A client asks with identifiers it knows; the token carries pseudonyms only:

    asked:  [{"type": "credit_disclosure", "purpose": "LOAN_APPLICATION",
              "subjects": ["91460000DEM00001X9"], "consent": "c_7Q", "reference": "贷2026-118"}]
    token:  [{"type": "credit_disclosure", "purpose": "LOAN_APPLICATION",
              "subjects": ["sub_5b0c..."], "consent": "c_7Q", "reference": "贷2026-118"}]

For many subjects, each with a consent of its own, `consents` stands beside `subjects`, one for each or null:

    asked:  [{"type": "credit_disclosure", "purpose": "LOAN_REVIEW_POST",
              "subjects": ["91460000DEM00001X9", "91460000DEM000026R"], "consents": ["c_7Q", "c_8R"]}]

- Whatever is not known is refused: other types, other members, other purposes (RFC 9396 section 5).
- No subjects means no subject, never every subject; a subject stands under one purpose only, so that there is
  never a choice on which basis a request runs.
- `consent` holds the id of a consent (`c_…`), or of an emergency grant (`e_…`) where the purpose rests on one.
- `template` names the fair-use template that the request is to run under; left out: the purpose's default.
- A resident identity number is not let into the free text either.
- The same rights are always written the same way: details that differ only in subjects and consents are one,
  with subjects in order. So reading what was written gives the same grants, and writing them the same details.
- Details over `hub.identity.portfolio.INLINE_BYTES` do not stand in the token; it names them by digest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from hub.errors import IdentifierError, InputError
from hub.identity.jose import strict_json
from hub.model.resident_ids import holds_resident_id
from hub.model.words import fit_words

TYPE = "credit_disclosure"
MAX_DETAILS = 20
"""Most details in one request or token."""
MAX_SUBJECTS = 1000
"""Most subjects in all details of one request or token together."""

SubjectResolver = Callable[[str], bytes]
"""Gives the 16-byte subject id of a USCC or resident identity number; raises `IdentifierError`."""

_MEMBERS = frozenset(
    {"type", "purpose", "subjects", "consent", "consents", "matter", "reference", "operator", "template"}
)
_Consented = Mapping[bytes, str | None]
"""Subjects and the consent of each."""
_PSEUDONYM = re.compile(r"sub_[0-9a-f]{32}")
_CONSENT = re.compile(r"[ce]_[A-Za-z0-9_-]{1,64}")
_MATTER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TEMPLATE = re.compile(r"[A-Z0-9-]{3,32}")
_LABEL_CHARS = {"reference": 128, "operator": 64}


@dataclass(frozen=True, slots=True)
class Grant:
    """One purpose a token is good for, and the subjects it is bound to."""

    purpose: str
    subject_ids: frozenset[bytes]
    """The only subjects that may be asked about; empty: none."""
    consent_id: str | None = None
    matter: str | None = None
    """Code of the government matter on the published list."""
    reference: str | None = None
    """The caller's own file number."""
    operator: str | None = None
    """The caller's own name for the person who asks."""
    template: str | None = None
    """Id of the fair-use template; None: the default one of the purpose."""


def pseudonym(subject_id: bytes) -> str:
    """A subject id as it is written in tokens, audit and API: `sub_` and 32 hexadecimal digits."""
    return f"sub_{subject_id.hex()}"


def read_request(
    text: str, purposes: AbstractSet[str], resolve_subject: SubjectResolver
) -> tuple[Grant, ...]:
    """Read the `authorization_details` parameter of a token request.

    Args:
        text: the parameter, JSON.
        purposes: known purpose codes.
        resolve_subject: turns an identifier into a subject id.

    Raises:
        InputError: when it is not JSON or holds anything unknown, malformed or over a limit.
    """
    try:
        details = strict_json(text)
    except ValueError:
        raise _wrong("authorization_details is not JSON.") from None
    return read(details, purposes, resolve_subject)


def read(details: object, purposes: AbstractSet[str], resolve_subject: SubjectResolver) -> tuple[Grant, ...]:
    """Read details whose subjects are identifiers or pseudonyms.

    Raises:
        InputError: when they hold anything unknown, malformed or over a limit.
    """
    if not isinstance(details, list) or not details:
        raise _wrong("authorization_details is not a list of at least one object.")
    if len(details) > MAX_DETAILS:
        raise _wrong(f"There are more than {MAX_DETAILS} authorization details.")
    checked = [_members(detail) for detail in details]
    if sum(len(detail.get("subjects", ())) for detail in checked) > MAX_SUBJECTS:
        raise _wrong(f"There are more than {MAX_SUBJECTS} subjects.")
    read_details = [_detail(detail, purposes, resolve_subject) for detail in checked]
    if sum(len(consented) for _, consented in read_details) > len(
        {subject_id for _, consented in read_details for subject_id in consented}
    ):
        raise _wrong("A subject stands in more than one authorization detail.")
    return tuple(
        grant for terms, consented in _together(read_details).items() for grant in _granted(terms, consented)
    )


def read_token(details: object, purposes: AbstractSet[str]) -> tuple[Grant, ...]:
    """Read the details of a token of ours, whose subjects are pseudonyms.

    Raises:
        InputError: when they are not such details.
    """
    return read(details, purposes, _pseudonyms_only)


def write(grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """Grants as details for a token or a token response; subjects are pseudonyms, in order.

    Grants that differ only in subjects and consents become one detail.
    """
    apart = ((_terms(grant), dict.fromkeys(grant.subject_ids, grant.consent_id)) for grant in grants)
    return [_written(terms, consented) for terms, consented in _together(apart).items()]


def _terms(grant: Grant) -> Grant:
    """All of a grant but its subjects and their consent."""
    return replace(grant, subject_ids=frozenset(), consent_id=None) if grant.subject_ids else grant


def _together(apart: Iterable[tuple[Grant, _Consented]]) -> dict[Grant, dict[bytes, str | None]]:
    """Subjects under the same terms, in the order in which the terms first come."""
    together: dict[Grant, dict[bytes, str | None]] = {}
    for terms, consented in apart:
        together.setdefault(terms, {}).update(consented)
    return together


def _granted(terms: Grant, consented: _Consented) -> tuple[Grant, ...]:
    """One grant where all subjects share a consent or need none, otherwise one for each subject."""
    consents = set(consented.values()) or {terms.consent_id}
    if len(consents) == 1:
        return (replace(terms, subject_ids=frozenset(consented), consent_id=consents.pop()),)
    return tuple(
        Grant(
            terms.purpose,
            frozenset((subject_id,)),
            consented[subject_id],
            terms.matter,
            terms.reference,
            terms.operator,
            terms.template,
        )
        for subject_id in sorted(consented)
    )


def _written(terms: Grant, consented: _Consented) -> dict[str, Any]:
    subject_ids = sorted(consented)
    consents = [consented[subject_id] for subject_id in subject_ids] or [terms.consent_id]
    shared = len(set(consents)) == 1
    members = {
        "consent": consents[0] if shared else None,
        "consents": None if shared else consents,
        "matter": terms.matter,
        "reference": terms.reference,
        "operator": terms.operator,
        "template": terms.template,
    }
    return {
        "type": TYPE,
        "purpose": terms.purpose,
        "subjects": [pseudonym(subject_id) for subject_id in subject_ids],
        **{name: value for name, value in members.items() if value is not None},
    }


def _members(detail: object) -> dict[str, Any]:
    if not isinstance(detail, dict) or detail.get("type") != TYPE:
        raise _wrong(f"An authorization detail is not of type {TYPE}.")
    if not detail.keys() <= _MEMBERS:
        raise _wrong("An authorization detail has an unknown member.")
    subjects = detail.get("subjects", [])
    if not isinstance(subjects, list) or not all(isinstance(subject, str) for subject in subjects):
        raise _wrong("The subjects of an authorization detail are not a list of texts.")
    return detail


def _detail(
    detail: dict[str, Any], purposes: AbstractSet[str], resolve_subject: SubjectResolver
) -> tuple[Grant, _Consented]:
    """The terms of a detail, and its subjects each with its consent."""
    purpose = detail.get("purpose")
    if not isinstance(purpose, str) or purpose not in purposes:
        raise _wrong("An authorization detail states no known purpose.")
    consent = _code(detail, "consent", _CONSENT)
    subject_ids = [_subject(text, resolve_subject) for text in detail.get("subjects", ())]
    own_each = "consents" in detail
    consented = _pairs(detail, subject_ids) if own_each else dict.fromkeys(subject_ids, consent)
    terms = Grant(
        purpose=purpose,
        subject_ids=frozenset(),
        consent_id=None if consented else consent,
        matter=_code(detail, "matter", _MATTER),
        reference=_label(detail, "reference"),
        operator=_person(_label(detail, "operator")),
        template=_code(detail, "template", _TEMPLATE),
    )
    return terms, consented


def _pairs(detail: dict[str, Any], subject_ids: list[bytes]) -> _Consented:
    consents = detail["consents"]
    if "consent" in detail:
        raise _wrong("An authorization detail has both consent and consents.")
    if not isinstance(consents, list) or not consents or len(consents) != len(subject_ids):
        raise _wrong("The consents of an authorization detail are not one for each subject.")
    if not all(c is None or (isinstance(c, str) and _CONSENT.fullmatch(c)) for c in consents):
        raise _wrong("One of the consents of an authorization detail is not well formed.")
    consented = dict(zip(subject_ids, consents, strict=True))
    if len(consented) != len(subject_ids):
        raise _wrong("A subject stands twice beside the consents of an authorization detail.")
    return consented


def _subject(text: str, resolve_subject: SubjectResolver) -> bytes:
    if _PSEUDONYM.fullmatch(text):
        return bytes.fromhex(text[4:])
    try:
        return resolve_subject(text)
    except IdentifierError:
        raise _wrong("A subject identifier is not well formed.") from None


def _pseudonyms_only(_text: str) -> bytes:
    raise _wrong("A subject is not a pseudonym.")


def _code(detail: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    value = detail.get(name)
    if name in detail and not (isinstance(value, str) and pattern.fullmatch(value)):
        raise _wrong(f"The {name} of an authorization detail is not well formed.")
    return value


def _label(detail: dict[str, Any], name: str) -> str | None:
    value = detail.get(name)
    if name not in detail:
        return None
    if not isinstance(value, str) or not value or len(value) > _LABEL_CHARS[name] or not value.isprintable():
        raise _wrong(f"The {name} of an authorization detail is not a short printable text.")
    if holds_resident_id(value):
        raise _wrong(f"The {name} of an authorization detail looks like a resident identity number.")
    return value


def _person(name: str | None) -> str | None:
    """The name of a person in one form: who must be another person is no other by a blank, width or case.

    Raises:
        InputError: when nothing is left of it.
    """
    if name is None:
        return None
    found = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not found or len(found) > _LABEL_CHARS["operator"]:
        raise _wrong("The operator of an authorization detail is not a short printable text.")
    return found


def person_named(text: str) -> str:
    """The name of a person in the form in which tokens state it.

    Raises:
        InputError: when it is no short printable text, or looks like a resident identity number.
    """
    try:
        return _person(_label({"operator": text}, "operator")) or ""
    except InputError:
        raise InputError(
            "This is no name of a person acting.",
            hint="Write it as tokens name it: up to 64 printable characters, no resident identity number.",
            message_zh="经办人姓名应为不超过64字的可打印文字，且不得含公民身份号码。",
        ) from None


def fit_reference(text: str) -> bool:
    """Whether a text may stand as a case or file number: short, printable, no resident identity number."""
    return fit_words(text, _LABEL_CHARS["reference"])


def _wrong(message: str) -> InputError:
    return InputError(message, hint="RFC 9396 and the purposes list say what may be asked for.")
