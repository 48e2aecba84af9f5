"""What the generator yields, and the columns by which every record names its subject and its source."""

from __future__ import annotations

from typing import NamedTuple

from hub.catalog.types import SubjectKind
from hub.catalog.values import StoredValue
from hub.demo.institutions import Institution

Values = dict[str, StoredValue]
"""Field values of one record in their stored form, by field name; absent fields are left out."""


class DemoRecord(NamedTuple):
    """One synthetic record."""

    kind: SubjectKind
    identifier: str
    """USCC or citizen identity number of the subject."""
    name: str
    dataset: str
    values: Values
    source_unit: str
    """USCC of the source unit."""


class Draft(NamedTuple):
    """A record before its subject is known: dataset, own values, source unit."""

    dataset: str
    values: Values
    source: Institution
