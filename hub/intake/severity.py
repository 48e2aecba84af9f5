"""How serious a negative record is, and how long it may be shown.

Rules
- What the source marks counts (`SOURCE`). Without a mark it is derived (`DERIVED`).
- Penalties, by type (Administrative Penalty Law, art. 9): warning or criticism only, or a fine within the limits
  of the simplified procedure (art. 51: 200 CNY for persons, 3,000 CNY for organisations): MINOR. Revoked licence,
  ban from an occupation, order to close, detention: SERIOUS. All else: GENERAL.
- Entries on a list of seriously dishonest subjects, dishonest judgment debts and consumption restrictions are
  SERIOUS, so are major tax violations, which are such a
  list; entries on an abnormal list and all other findings are GENERAL. Every negative dataset is named here.
- Longest publication, from the day of the decision: MINOR 3 months, GENERAL 1 year, SERIOUS 3 years.

Example: a decision of 2026-03-05 that is GENERAL is shown up to and including 2027-03-05.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any

from hub.catalog.types import Dataset, SubjectKind


class Severity(StrEnum):
    """Severity of dishonest conduct."""

    MINOR = "MINOR"
    GENERAL = "GENERAL"
    SERIOUS = "SERIOUS"


LONGEST_MONTHS = {Severity.MINOR: 3, Severity.GENERAL: 12, Severity.SERIOUS: 36}
"""Longest publication period in months."""
SIMPLIFIED_FINE = {SubjectKind.PERSON: 200_00, SubjectKind.ORG: 3_000_00}
"""Highest fine under the simplified procedure, in 分."""
_LIGHT = {"WARNING", "CRITICISM"}
_HEAVY = {"REVOKE_LICENCE", "RESTRICT_EMPLOYMENT", "ORDER_CLOSURE", "DETENTION"}
_BY_DATASET = {
    "government.serious_dishonesty": Severity.SERIOUS,
    "judicial.dishonest_judgment_debt": Severity.SERIOUS,
    "judicial.consumption_restriction": Severity.SERIOUS,
    "government.tax_violation": Severity.SERIOUS,
    "government.procurement_misconduct": Severity.GENERAL,
    "government.abnormal_list": Severity.GENERAL,
    "government.institution_abnormal": Severity.GENERAL,
    "government.social_org_abnormal": Severity.GENERAL,
    "government.bidding_violation": Severity.GENERAL,
    "government.construction_misconduct": Severity.GENERAL,
    "government.labour_violation": Severity.GENERAL,
    "government.safety_accident": Severity.GENERAL,
}


def has_rule(dataset: Dataset) -> bool:
    """Whether a rule here names a dataset, by its id or by its types of penalty."""
    return dataset.id in _BY_DATASET or "penaltyTypes" in dataset.by_name


def derive_severity(dataset: Dataset, kind: SubjectKind, values: Mapping[str, Any]) -> Severity:
    """The severity of a record that its source did not mark; `values` are in stored form."""
    if "penaltyTypes" not in dataset.by_name:
        return _BY_DATASET.get(dataset.id, Severity.GENERAL)
    types = set(values.get("penaltyTypes") or ())
    if types & _HEAVY:
        return Severity.SERIOUS
    fine = values.get("fineAmount")
    small = isinstance(fine, int) and fine <= SIMPLIFIED_FINE[kind]
    if types and types <= (_LIGHT | {"FINE"} if small else _LIGHT):
        return Severity.MINOR
    return Severity.GENERAL


@lru_cache(maxsize=4096)
def last_shown(decided: date, severity: Severity) -> date:
    """The last civil date on which a record may be shown."""
    return add_months(decided, LONGEST_MONTHS[severity])


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last of that month when it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
