"""Reads `rules.csv` row by row, so strictly that Casbin and this reader cannot understand a row differently.

- One rule a line, eight values after `p`; one inheritance a line, two roles after `g`; `#` starts a comment.
- Plain ASCII in rows: no quotes, tabs, full-width commas or spaces at the end; spaces after a comma are
  padding.
- Casbin skips a line it does not know and ignores an effect it does not know. Here each is an error.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from hub.catalog.types import SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Outcome
from hub.policies.model import ANY, Effect, Rule
from hub.policies.patterns import WELL_FORMED

FILE = "rules.csv"
COLUMNS = ("p", "id", "role", "purpose", "object", "level", "kind", "outcome", "eft")
"""Columns of a rule row, `p` first."""
MAX_LEVEL = 5

_ID = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+")
_KINDS = (*(kind.value for kind in SubjectKind), ANY)
_STRANGE = {
    "，": "a full-width comma; type an ASCII comma",
    '"': "a quotation mark; write values without quotes",
    "\t": "a tab; use spaces",
    "\ufeff": "a byte order mark; save as UTF-8 without BOM",
}


@dataclass(frozen=True, slots=True)
class Link:
    """One inheritance row: `role` has all rules of `parent`."""

    role: str
    parent: str
    row: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words a row may use."""

    roles: Container[str]
    purposes: Container[str]


def row_error(row: int, column: str, message: str, hint: str) -> PolicyError:
    """The error of one cell of `rules.csv`."""
    where = f"{FILE} row {row}, column {column}" if column else f"{FILE} row {row}"
    return PolicyError(f"{where}: {message}.", hint=hint)


def read_rows(text: str, words: Vocabulary) -> tuple[tuple[Rule, ...], tuple[Link, ...]]:
    """Every rule and inheritance of the file, in file order.

    Raises:
        PolicyError: when a row is not well formed, an id is used twice, or there is no rule at all.
    """
    rules: list[Rule] = []
    links: list[Link] = []
    rows_by_id: dict[str, int] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        cells = _cells(line, number)
        if cells[0] == "g":
            links.append(_link(cells, number, words))
            continue
        rule = _rule(cells, number, words)
        if rule.id in rows_by_id:
            message = f"the id {rule.id} stands already in row {rows_by_id[rule.id]}"
            raise row_error(number, "id", message, "Give each rule an id of its own.")
        rows_by_id[rule.id] = number
        rules.append(rule)
    if not rules:
        raise PolicyError(f"{FILE} holds no rule.", hint="Restore the rules; an empty rule set is refused.")
    return tuple(rules), tuple(links)


def _cells(line: str, number: int) -> list[str]:
    for mark, words in _STRANGE.items():
        if mark in line:
            raise row_error(
                number, "", f"the row holds {words.split(';')[0]}", f"{words.split('; ')[1].capitalize()}."
            )
    if not line.isascii() or not line.isprintable():
        raise row_error(
            number, "", "the row holds a character other than plain ASCII", "Put notes on a # line."
        )
    if line != line.strip():
        raise row_error(number, "", "the row starts or ends with a space", "Delete it.")
    cells = [cell.strip() for cell in line.split(",")]
    if cells[0] not in ("p", "g"):
        raise row_error(number, "p", f"{cells[0]!r} is not a kind of row", "Start with p, g or #.")
    return cells


def _link(cells: list[str], number: int, words: Vocabulary) -> Link:
    if len(cells) != 3:
        raise row_error(
            number, "", f"an inheritance row has 3 values, this one {len(cells)}", "Write g,role,parent."
        )
    for column, role in zip(("role", "parent"), cells[1:], strict=True):
        if role not in words.roles:
            raise row_error(number, column, f"{role!r} is not a role", "Use a role of roles.toml.")
    return Link(cells[1], cells[2], number)


def _rule(cells: list[str], number: int, words: Vocabulary) -> Rule:
    if len(cells) != len(COLUMNS):
        message = f"a rule has {len(COLUMNS)} values, this row {len(cells)}"
        raise row_error(number, "", message, "Write " + ",".join(COLUMNS) + ".")
    _, rule_id, role, purpose, pattern, level, kind, outcome, effect = cells
    for column, value, known, hint in (
        ("id", rule_id, _ID.fullmatch(rule_id), "Write capitals and digits joined by -, such as B-LOAN-01."),
        ("role", role, role in words.roles, "Use a role of roles.toml."),
        ("purpose", purpose, purpose == ANY or purpose in words.purposes, "Use a purpose of purposes.toml."),
        (
            "object",
            pattern,
            WELL_FORMED.fullmatch(pattern),
            "Write segments joined by dots, * for a whole segment.",
        ),
        (
            "level",
            level,
            re.fullmatch(f"[1-{MAX_LEVEL}]", level),
            f"Write a whole number from 1 to {MAX_LEVEL}.",
        ),
        ("kind", kind, kind in _KINDS, "Write ORG, PERSON or *."),
        ("outcome", outcome, outcome in _openings(), f"Write one of {', '.join(_openings())}."),
        ("eft", effect, effect in list(Effect), "Write allow or deny."),
    ):
        if not known:
            raise row_error(number, column, f"{value[:60]!r} is not allowed here", hint)
    return Rule(rule_id, role, purpose, pattern, int(level), kind, Outcome[outcome], Effect(effect), number)


def _openings() -> list[str]:
    """Words for an outcome; WITHHELD needs no rule to hold, and to shut a field is to shut PREDICATE."""
    return [outcome.name for outcome in sorted(Outcome, reverse=True) if outcome is not Outcome.WITHHELD]
