"""An answer of the hub as rows for people: what came in clear, what was masked, what was withheld and why.

Lists become one row with a line for each node; an amount becomes `20000.00 CNY`; a missing value becomes `–`.

Example:
    >>> clear_rows({"organization": {"name": "A", "taxGrades": {"nodes": [{"year": 2025, "grade": "B"}]}}}, set())
    [('organization.name', 'A'), ('organization.taxGrades', '2025 · B')]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

MOST_LINES = 3
_NONE = "–"
Row = tuple[str, str]


def clear_rows(data: Mapping[str, Any], noted: Set[str]) -> list[Row]:
    """Path and value of everything that came, without the paths in `noted`."""
    return [row for name, value in data.items() for row in _rows(name, value, noted)]


def values_at(data: Any, path: str) -> str:
    """What stands at a path of `extensions.disclosure`, through lists; different values are joined."""
    found = dict.fromkeys(_text(value) for value in _walk(data, path.split(".")))
    return "、".join(found) or _NONE


def _rows(path: str, value: Any, noted: Set[str]) -> Iterator[Row]:
    if path in noted:
        return
    if _is_list(value):
        lines = [_line(node, f"{path}.nodes", noted) for node in value["nodes"]]
        more = [f"… {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
        yield path, "\n".join([*lines[:MOST_LINES], *more]) or "无记录 no records"
    elif isinstance(value, Mapping) and not _is_amount(value):
        for name, inner in value.items():
            yield from _rows(f"{path}.{name}", inner, noted)
    else:
        yield path, _text(value)


def _line(node: Mapping[str, Any], path: str, noted: Set[str]) -> str:
    return " · ".join(
        text for name, value in node.items() for _, text in _rows(f"{path}.{name}", value, noted)
    )


def _walk(value: Any, names: Sequence[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, names)
    elif not names:
        yield value
    elif isinstance(value, Mapping):
        yield from _walk(value.get(names[0]), names[1:])


def _is_list(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("nodes"), list)


def _is_amount(value: Mapping[str, Any]) -> bool:
    return set(value) == {"amount", "currency"}


def _text(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, Mapping) and _is_amount(value):
        return f"{value['amount']} {value['currency']}"
    if isinstance(value, list):
        return "、".join(map(_text, value))
    return str(value)
