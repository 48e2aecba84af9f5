"""From a stored value to the value of a GraphQL leaf, by field type and outcome.

A withheld leaf is a constant: its function never looks at the row, so it cannot depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.catalog.types import Field, FieldType, SubjectKind
from hub.disclosure.masks import Mask, mask_for
from hub.disclosure.rows import Row
from hub.disclosure.selection import Selected
from hub.model.money import yuan
from hub.model.outcome import Outcome

Leaf = Callable[[Row], Any]

CURRENCY = "CNY"


def withheld(_row: Row) -> None:
    """The leaf that shows nothing, whatever the row holds."""
    return


def build_leaf(field: Field, kind: SubjectKind, outcome: Outcome, selected: Selected) -> Leaf:
    """The function that takes a row to this field's value.

    Args:
        field: the catalogue field.
        kind: kind of the subject the row belongs to; decides whether the field is sealed.
        outcome: the decision; anything below MASKED gives null.
        selected: the selection, whose children say which parts of a money value are asked for.
    """
    if outcome < Outcome.MASKED:
        return withheld
    read = _read(field, kind)
    if outcome is not Outcome.CLEAR:
        read = _masked(read, mask_for(field.mask))
    return _money(read, selected) if field.type is FieldType.MONEY else read


def _read(field: Field, kind: SubjectKind) -> Leaf:
    name = field.name
    if field.is_sealed(kind):
        return lambda row: row.unseal(name)
    return lambda row: row.clear.get(name)


def _masked(read: Leaf, mask: Mask) -> Leaf:
    def leaf(row: Row) -> Any:
        value = read(row)
        if value is None:
            return None
        return [mask(v) for v in value] if isinstance(value, list) else mask(value)

    return leaf


def _money(read: Leaf, selected: Selected) -> Leaf:
    parts = [(c.key, c.name) for c in selected.children]

    def leaf(row: Row) -> Any:
        value = read(row)
        if value is None:
            return None
        shown = {"amount": yuan(value), "currency": CURRENCY, "__typename": "Money"}
        return {key: shown[name] for key, name in parts}

    return leaf
