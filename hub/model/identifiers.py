"""Identifiers of credit subjects, one door to all of them.

Rules
- The kind of an identifier is declared, never guessed from its check character: a unified social credit code
  of digits only can also satisfy the check of a citizen identity number.
- Every identifier is normalised before it is checked, and stored in its normal form.
- Messages never hold the identifier.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

from hub.errors import IdentifierError
from hub.model.normal import normalise
from hub.model.organisation_ids import (
    Uscc,
    is_plain_uscc,
    organisation_check_character,
    organisation_code_valid,
    parse_uscc,
    uscc_check_character,
)
from hub.model.resident_ids import (
    ResidentId,
    birth_date,
    parse_resident_id,
    resident_check_character,
    upgrade_first_generation,
)

__all__ = [
    "CertificateKind",
    "LegacyKind",
    "ResidentId",
    "Uscc",
    "birth_date",
    "is_plain_uscc",
    "normalise",
    "organisation_check_character",
    "organisation_code_valid",
    "parse_certificate",
    "parse_legacy_id",
    "parse_resident_id",
    "parse_uscc",
    "resident_check_character",
    "upgrade_first_generation",
    "uscc_check_character",
]


class LegacyKind(StrEnum):
    """Codes 2 to 6 of a counterparty in dual publication; values are the field names of the catalogue."""

    BUSINESS_REGISTRATION = "legacyBusinessRegistrationNo"
    ORGANIZATION_CODE = "legacyOrganizationCode"
    TAX_REGISTRATION = "legacyTaxRegistrationNo"
    PUBLIC_INSTITUTION = "legacyPublicInstitutionNo"
    SOCIAL_ORGANIZATION = "legacySocialOrganizationNo"


class CertificateKind(StrEnum):
    """Kinds of certificate of a natural person: 01 to 05 of the dual publication standard, and two more."""

    RESIDENT_ID = "RESIDENT_ID"
    PASSPORT = "PASSPORT"
    HK_MACAO_TRAVEL_PERMIT = "HK_MACAO_TRAVEL_PERMIT"
    TAIWAN_TRAVEL_PERMIT = "TAIWAN_TRAVEL_PERMIT"
    FOREIGN_PERMANENT_RESIDENT_ID = "FOREIGN_PERMANENT_RESIDENT_ID"
    HMT_RESIDENCE_PERMIT = "HMT_RESIDENCE_PERMIT"
    MILITARY_ID = "MILITARY_ID"


_LIKE_RESIDENT_ID = (CertificateKind.RESIDENT_ID, CertificateKind.HMT_RESIDENCE_PERMIT)
_CERTIFICATE = re.compile(r"[0-9A-Z\u4e00-\u9fff()-]{5,30}")
_LEGACY = re.compile(r"[0-9A-Z\u4e00-\u9fff()-]{6,50}")


def parse_certificate(kind: CertificateKind, text: str, *, today: date, demo: bool) -> str:
    """The normal form of a natural person's certificate number.

    Raises:
        IdentifierError: as `parse_resident_id` for resident cards and permits; ALPHABET for other kinds when
            the number is shorter than 5 or longer than 30 characters or holds signs that no certificate has.
    """
    if kind in _LIKE_RESIDENT_ID:
        return parse_resident_id(text, today=today, demo=demo).text
    number = normalise(text)
    if not _CERTIFICATE.fullmatch(number):
        raise IdentifierError(
            "The certificate number is not well formed.",
            detail="ALPHABET",
            hint="Write it as on the certificate, letters and digits only.",
            message_zh="证件号码格式不正确。",
        )
    return number


def parse_legacy_id(kind: LegacyKind, text: str) -> str:
    """The normal form of one of the codes that organisations had before the unified social credit code.

    Raises:
        IdentifierError: ALPHABET when it is not well formed, CHECKSUM_MISMATCH for a wrong organisation code.
    """
    code = normalise(text)
    if kind is LegacyKind.ORGANIZATION_CODE:
        code = code.replace("-", "")
        if not organisation_code_valid(code):
            raise IdentifierError(
                "The organisation code is wrong.",
                detail="CHECKSUM_MISMATCH",
                hint="It has eight characters and a check character.",
                message_zh="组织机构代码不正确。",
            )
    elif not _LEGACY.fullmatch(code):
        raise IdentifierError(
            "The legacy code of the counterparty is not well formed.",
            detail="ALPHABET",
            hint="Write it as on the certificate, or leave it empty.",
            message_zh="行政相对人代码格式不正确。",
        )
    return code
