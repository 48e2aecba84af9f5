"""From a stored value to the value of a GraphQL leaf, by field type and outcome.

A withheld leaf is null, whatever is stored: it does not even look at the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.catalog.types import Field, FieldType, SubjectKind
from hub.disclosure.generalise import generaliser_for
from hub.disclosure.masks import mask_for
from hub.disclosure.rows import Row, Shown
from hub.disclosure.selection import Selected
from hub.disclosure.shapes import Changed, Fields, Fixed, Made, Node, Stored
from hub.model.money import yuan
from hub.model.outcome import Outcome

CURRENCY = "CNY"

Change = Callable[[Any], Any]
"""From a value in stored form to the one that is shown."""
RowFunction = Callable[[Row], Any]


def build_leaf(item: Field, kind: SubjectKind, outcome: Outcome, selected: Selected, shown: Shown) -> Node:
    """What takes a row to this field's value.

    Args:
        item: the catalogue field.
        kind: kind of the subject the row belongs to; decides whether the field is sealed.
        outcome: the decision; anything below GENERALISED gives null.
        selected: the selection, whose children say which parts of a money value are asked for.
        shown: told which stored field the leaf needs.
    """
    if outcome < Outcome.GENERALISED:
        return Fixed()
    place = shown.place(item.name, sealed=item.is_sealed(kind))
    change = _CHANGES[outcome](item)
    if item.type is FieldType.MONEY:
        return Changed(place, _money(change, selected))
    return Stored(place) if change is None else Changed(place, _each(change))


def stored_value(item: Field, kind: SubjectKind, shown: Shown) -> RowFunction:
    """What takes a row to this field's value in stored form, for questions whose answer is all that leaves."""
    place = shown.place(item.name, sealed=item.is_sealed(kind))
    return lambda row: row[place]


def of_profile(node: Node) -> Node:
    """The leaf of a row, as a leaf of the subject whose profile that row is."""
    if isinstance(node, Made):
        made = node.function
        return Made(lambda shaping: made(shaping.profile))
    if isinstance(node, Fields):
        return Fields(tuple((key, of_profile(child)) for key, child in node.entries))
    return node


_CHANGES: Mapping[Outcome, Callable[[Field], Change | None]] = {
    Outcome.CLEAR: lambda _: None,
    Outcome.MASKED: lambda item: mask_for(item.mask),
    Outcome.GENERALISED: generaliser_for,
}


def _each(change: Change) -> Change:
    return lambda value: [change(v) for v in value] if isinstance(value, list) else change(value)


def _money(change: Change | None, selected: Selected) -> Change:
    """An object of amount and currency."""
    fixed = {"currency": CURRENCY, "__typename": "Money"}
    parts = {child.key: fixed.get(child.name) for child in selected.children}
    amounts = [child.key for child in selected.children if child.name == "amount"]

    def leaf(value: Any) -> dict[str, Any]:
        shown = parts.copy()
        for key in amounts:
            shown[key] = yuan(value if change is None else change(value))
        return shown

    return leaf
