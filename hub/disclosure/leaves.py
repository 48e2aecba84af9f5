"""From a stored value to the value of a GraphQL leaf, by field type and outcome.

A leaf is either the attribute of the decoded record that holds the value as it is shown, or a function of the
row. A withheld leaf is the attribute that is always None: it cannot depend on what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import orjson

from hub.catalog.types import Field, FieldType, SubjectKind
from hub.disclosure.generalise import generaliser_for
from hub.disclosure.masks import Mask, mask_for
from hub.disclosure.rows import ABSENT, Row, attribute
from hub.disclosure.selection import Selected
from hub.model.money import yuan
from hub.model.outcome import Outcome

CURRENCY = "CNY"

RowFunction = Callable[[Row], Any]
Leaf = str | RowFunction
"""An attribute of the decoded record, or a function of the row."""


@dataclass
class Shown:
    """Names of the fields of one slot that its leaves need."""

    clear: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)


def build_leaf(item: Field, kind: SubjectKind, outcome: Outcome, selected: Selected, shown: Shown) -> Leaf:
    """What takes a row to this field's value.

    Args:
        item: the catalogue field.
        kind: kind of the subject the row belongs to; decides whether the field is sealed.
        outcome: the decision; anything below GENERALISED gives null.
        selected: the selection, whose children say which parts of a money value are asked for.
        shown: told which stored field the leaf needs.
    """
    if outcome < Outcome.GENERALISED:
        return ABSENT
    leaf = _read(item, kind, shown)
    if outcome is Outcome.MASKED:
        leaf = _masked(as_function(leaf), mask_for(item.mask))
    elif outcome is Outcome.GENERALISED:
        leaf = _masked(as_function(leaf), generaliser_for(item))
    return _money(as_function(leaf), selected) if item.type is FieldType.MONEY else leaf


def stored_value(item: Field, kind: SubjectKind, shown: Shown) -> RowFunction:
    """What takes a row to this field's value in stored form, for questions whose answer is all that leaves."""
    return as_function(_read(item, kind, shown))


def as_function(leaf: Leaf) -> RowFunction:
    """The leaf as a function of the row."""
    if not isinstance(leaf, str):
        return leaf
    get = attrgetter(leaf)
    return lambda row: get(row.clear)


def build_object(entries: Sequence[tuple[str, Leaf]]) -> RowFunction:
    """The function that takes a row to an object of leaves, in the order of the selection."""
    keys = tuple(key for key, _ in entries)
    attributes = [leaf if isinstance(leaf, str) else ABSENT for _, leaf in entries]
    get = attrgetter(*attributes, ABSENT, ABSENT)  # at least two, so that it always gives a tuple
    functions = [(key, leaf) for key, leaf in entries if not isinstance(leaf, str)]
    if not functions:
        return lambda row: dict(zip(keys, get(row.clear), strict=False))

    def build(row: Row) -> dict[str, Any]:
        shaped = dict(zip(keys, get(row.clear), strict=False))
        for key, function in functions:
            shaped[key] = function(row)
        return shaped

    return build


def _read(item: Field, kind: SubjectKind, shown: Shown) -> Leaf:
    name = attribute(item.name)
    if not item.is_sealed(kind):
        shown.clear.add(item.name)
        return name
    shown.sealed.add(item.name)
    return sealed_leaf(attrgetter(name), item.name.encode())


def sealed_leaf(get: Callable[[Any], Any], aad_name: bytes) -> RowFunction:
    """The function that opens a sealed field and counts the opening.

    Args:
        get: takes the field's token from the decoded sealed part of a row.
        aad_name: the field's name as it stands in the additional data.
    """

    def leaf(row: Row) -> Any:
        token = get(row.sealed)
        if token is None:
            return None
        row.opened += 1
        return orjson.loads(row.unseal(row.prefix + aad_name, token))

    return leaf


def _masked(read: RowFunction, mask: Mask) -> RowFunction:
    def leaf(row: Row) -> Any:
        value = read(row)
        if value is None:
            return None
        return [mask(v) for v in value] if isinstance(value, list) else mask(value)

    return leaf


def _money(read: RowFunction, selected: Selected) -> RowFunction:
    fixed = {"currency": CURRENCY, "__typename": "Money"}
    parts = {child.key: fixed.get(child.name) for child in selected.children}
    amounts = [child.key for child in selected.children if child.name == "amount"]

    def leaf(row: Row) -> Any:
        value = read(row)
        if value is None:
            return None
        shown = parts.copy()
        for key in amounts:
            shown[key] = yuan(value)
        return shown

    return leaf
