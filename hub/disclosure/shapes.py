"""Shapes: compiled once from a selection, they take what was read to the objects of the answer.

An object of an answer is one `zip` of its response keys with the values of a row, wherever that is all it needs:
values that are shown differently, made or nested are put in front of the row first, and picked from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

Function = Callable[[Any], Any]
Shape = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Fixed:
    """A value that is the same for every subject."""

    value: Any = None


@dataclass(frozen=True)
class Stored:
    """A stored value as it is."""

    place: int
    """Its place in the row; counted from the back where it is negative."""


@dataclass(frozen=True)
class Changed:
    """A stored value that is shown differently; null stays null."""

    place: int
    function: Function


@dataclass(frozen=True)
class Made:
    """A value made from the source."""

    function: Function


@dataclass(frozen=True)
class Fields:
    """An object, by response keys in the order of the selection."""

    entries: tuple[tuple[str, Node], ...]


Node = Fixed | Stored | Changed | Made | Fields


def compile_shape(node: Fields, row: Callable[[Any], Sequence[Any]] | None = None) -> Shape:
    """The function that takes a source to its object.

    Args:
        node: the shape.
        row: takes the source to the row that stored values come from; None: the source is the row.
    """
    fixed: list[Any] = []
    changed: list[tuple[int, Function]] = []
    made: list[Function] = []
    places: list[tuple[list[Any] | None, int]] = []
    for _, entry in node.entries:
        if isinstance(entry, Stored):
            places.append((None, entry.place))
            continue
        if isinstance(entry, Fixed):
            kept: list[Any] = fixed
            kept.append(entry.value)
        elif isinstance(entry, Changed):
            kept = changed
            kept.append((entry.place, entry.function))
        else:
            kept = made
            kept.append(compile_shape(entry, row) if isinstance(entry, Fields) else entry.function)
        places.append((kept, len(kept) - 1))
    before = {id(fixed): 0, id(changed): len(fixed), id(made): len(fixed) + len(changed)}
    in_front = len(fixed) + len(changed) + len(made)
    order = [before[id(kept)] + n if kept is not None else n if n < 0 else in_front + n for kept, n in places]
    keys = tuple(key for key, _ in node.entries)
    return _runner(keys, _picker(order), tuple(fixed), changed, made, row)


def _runner(
    keys: tuple[str, ...],
    pick: Callable[[Sequence[Any]], Iterable[Any]],
    fixed: tuple[Any, ...],
    changed: Sequence[tuple[int, Function]],
    made: Sequence[Function],
    row: Callable[[Any], Sequence[Any]] | None,
) -> Shape:
    """The function for what a shape needs and nothing more."""
    if row is None and not fixed and not changed and not made:
        return lambda values: dict(zip(keys, pick(values), strict=False))

    def run(source: Any) -> dict[str, Any]:
        values = source if row is None else row(source)
        vector = [*fixed]
        for place, change in changed:
            value = values[place]
            vector.append(None if value is None else change(value))
        vector += [make(source) for make in made]
        vector += values
        return dict(zip(keys, pick(vector), strict=False))

    return run


def _picker(order: list[int]) -> Callable[[Sequence[Any]], Iterable[Any]]:
    if len(order) > 1:
        return itemgetter(*order)
    return lambda vector: [vector[n] for n in order]
