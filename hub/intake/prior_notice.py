"""Adverse personal data needs a notice to the person before it is supplied.

Regulation on the credit reporting industry, art. 15: whoever supplies a person's adverse information tells the person
beforehand, unless the information is published under law. Adverse is what art. 44 no. 5 names.

- Datasets that are public under the catalogue (penalties, court lists) rest on such a publication and need no notice.
- In the others a row about a person is adverse where a rule below says so; it states the day of the notice, which does
  not lie after the day of receipt, or goes to quarantine. A row that is not adverse needs none.
- A negative dataset about persons that is not public, and has no rule here, has every row as adverse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.catalog.types import Dataset, Nature, Role, Sharing, SubjectKind

_LATE_LOAN = frozenset(("OVERDUE", "WRITTEN_OFF"))


def _overdue(values: Mapping[str, Any]) -> bool:
    return (
        values.get("status") in _LATE_LOAN
        or bool(values.get("overdueDays"))
        or bool(values.get("overdueAmount"))
    )


def _called(values: Mapping[str, Any]) -> bool:
    return values.get("status") == "CALLED"


_ADVERSE: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "financial.loan": _overdue,
    "financial.guarantee": _called,
}


def notice_field(dataset: Dataset) -> str:
    """Name of the field with the day of the notice; empty where the dataset needs none."""
    if dataset.sharing is Sharing.PUBLIC or SubjectKind.PERSON not in dataset.subjects:
        return ""
    return next((field.name for field in dataset.role(Role.PRIOR_NOTICE)), "")


def is_adverse(dataset: Dataset, values: Mapping[str, Any]) -> bool:
    """Whether a row about a person is adverse; `values` are in stored form."""
    rule = _ADVERSE.get(dataset.id)
    return rule(values) if rule is not None else dataset.nature is Nature.NEGATIVE
