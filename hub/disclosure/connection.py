"""The shape of a list: nodes, edges and page info over the rows of one slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hub.disclosure.cursors import Position, encode_cursor
from hub.disclosure.rows import EVENT_DATE, RECORD_ID, Row
from hub.disclosure.selection import Selected
from hub.disclosure.shapes import Fields, Fixed, Made, Node, Shape, compile_shape

RecordShape = Callable[[Selected, str], Fields]
"""The shape of a record, from its selection and where it stands below the list."""


class Page:
    """The rows of one list that are shown, and whether there are more."""

    __slots__ = ("more", "rows")

    def __init__(self, rows: Sequence[Row], *, more: bool) -> None:
        self.rows = rows
        self.more = more


_NO_PAGE = Page((), more=False)


def list_shape(
    node: Selected, slot: int | None, limit: int, *, dated: bool, record_shape: RecordShape
) -> Shape:
    """What shapes a list.

    Args:
        node: its selection.
        slot: where its rows are; None: it is empty for every subject.
        limit: rows shown at most; a row beyond it says that there are more.
        dated: whether it is ordered by date; else by record id.
        record_shape: gives the shape of a record.
    """
    shape = compile_shape(_fields(node, dated, record_shape), lambda _page: ())
    if slot is None:
        return lambda _source: shape(_NO_PAGE)

    def shaped(source: Any) -> dict[str, Any]:
        found = source.rows[slot]
        more = len(found) > limit
        return shape(Page(found[:limit] if more else found, more=more))

    return shaped


def _fields(node: Selected, dated: bool, record_shape: RecordShape) -> Fields:
    entries: list[tuple[str, Node]] = []
    for child in node.children:
        if child.name == "nodes":
            entries.append((child.key, Made(_each(compile_shape(record_shape(child, child.key))))))
        elif child.name == "edges":
            entries.append(
                (
                    child.key,
                    Made(_each(compile_shape(_edge(child, dated=dated, record_shape=record_shape)))),
                )
            )
        elif child.name == "pageInfo":
            entries.append((child.key, _page_info(child, dated=dated)))
        else:
            entries.append((child.key, Fixed(node.type_name)))
    return Fields(tuple(entries))


def _each(shape: Shape) -> Callable[[Page], list[dict[str, Any]]]:
    return lambda page: [shape(row) for row in page.rows]


def _cursor(row: Row, *, dated: bool) -> str:
    return encode_cursor(Position(row[EVENT_DATE], row[RECORD_ID]), dated=dated)


def _edge(node: Selected, *, dated: bool, record_shape: RecordShape) -> Fields:
    entries: list[tuple[str, Node]] = []
    for child in node.children:
        if child.name == "cursor":
            entries.append((child.key, Made(lambda row: _cursor(row, dated=dated))))
        elif child.name == "node":
            entries.append((child.key, record_shape(child, f"{node.key}.{child.key}")))
        else:
            entries.append((child.key, Fixed(node.type_name)))
    return Fields(tuple(entries))


def _page_info(node: Selected, *, dated: bool) -> Fields:
    def at(index: int) -> Callable[[Page], str | None]:
        return lambda page: _cursor(page.rows[index], dated=dated) if page.rows else None

    values: dict[str, Node] = {
        "hasNextPage": Made(lambda page: page.more),
        "hasPreviousPage": Fixed(False),
        "startCursor": Made(at(0)),
        "endCursor": Made(at(-1)),
        "__typename": Fixed(node.type_name),
    }
    return Fields(tuple((child.key, values[child.name]) for child in node.children))
