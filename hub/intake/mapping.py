"""The mapping file of `hub pull`: where rows are read and which column is which field.

Rules
- TOML; unknown keys are errors. No password and no SQL stand in it: a relation and columns are named, nothing else.
- Fields are named like columns of files: officially, by code or by field name. What the catalogue does not have, and
  what it requires and is not given, is refused before anything is read.
- Values are translated as texts; one that has no translation is passed on as it is.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hub.errors import InputError

MAX_BATCH_ROWS = 1_000_000
_KEYS = {
    "source": {"url", "password_env", "schema", "relation", "watermark", "batch_rows"},
    "target": {"dataset", "source_unit"},
}
_TABLES = {*_KEYS, "columns", "constants", "values"}


@dataclass(frozen=True, slots=True)
class PullMapping:
    """A mapping file."""

    url: str
    password_env: str
    schema: str
    relation: str
    watermark: str
    batch_rows: int
    dataset: str
    source_unit: str
    columns: Mapping[str, str]
    """Field to column of the relation."""
    constants: Mapping[str, str]
    """Field to a text that all rows have."""
    values: Mapping[str, Mapping[str, str]]
    """Field to translations of its values."""

    @property
    def key(self) -> str:
        """What tells this pull from others: place, relation, watermark column, dataset and source unit."""
        parts = (self.url, self.schema, self.relation, self.watermark, self.dataset, self.source_unit)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that rows will have."""
        return (*self.columns, *self.constants)


def read_mapping(path: Path) -> PullMapping:
    """Read a mapping file.

    Raises:
        InputError: naming the key at fault.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        _fail(
            "The mapping file cannot be read", "Check its name and that you may read it.", "映射文件无法读取"
        )
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        _fail("The mapping file is not TOML in UTF-8", "Correct its syntax.", "映射文件不是有效的 TOML")
    for name in sorted(data.keys() - _TABLES):
        _key(name, "is not known", f"The tables are {', '.join(sorted(_TABLES))}.")
    for name, known in _KEYS.items():
        given = data.get(name)
        if not isinstance(given, dict):
            _key(f"[{name}]", "is missing", f"Add it with {', '.join(sorted(known))}.")
        for key in sorted(given.keys() - known):
            _key(f"{name}.{key}", "is not known", f"The keys are {', '.join(sorted(known))}.")
    source, target = data["source"], data["target"]
    columns = _texts(data, "columns")
    if not columns:
        _key("[columns]", "is missing", "Write field = column for every column to be read.")
    values = data.get("values", {})
    if not isinstance(values, dict):
        _key("values", "is no table", "Write [values.FIELD] tables.")
    found = PullMapping(
        url=_text(source, "source.url"),
        password_env=_text(source, "source.password_env", ""),
        schema=_text(source, "source.schema", ""),
        relation=_text(source, "source.relation"),
        watermark=_text(source, "source.watermark", ""),
        batch_rows=_rows(source.get("batch_rows", 50_000)),
        dataset=_text(target, "target.dataset"),
        source_unit=_text(target, "target.source_unit"),
        columns=columns,
        constants=_texts(data, "constants"),
        values={name: _texts(values, name) for name in values},
    )
    for name in sorted(found.constants.keys() & columns.keys()):
        _key(f"constants.{name}", "has a column, too", "Keep one of the two.")
    for name in sorted(found.values.keys() - columns.keys()):
        _key(f"values.{name}", "translates a field without a column", "Add it to [columns], or remove it.")
    return found


def _text(table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key.rpartition(".")[2], default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        _key(key, "is missing or no text", "Write a text in quotes.")
    return value


def _texts(data: Mapping[str, Any], key: str) -> dict[str, str]:
    table = data.get(key, {})
    if not isinstance(table, dict) or not all(isinstance(v, str) and v for v in table.values()):
        _key(key, "holds something other than texts", "Write name = text, both in quotes.")
    return dict(table)


def _rows(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_BATCH_ROWS:
        _key("source.batch_rows", "is out of range", f"Write a whole number from 1 to {MAX_BATCH_ROWS}.")
    return value


def _key(key: str, problem: str, hint: str) -> NoReturn:
    _fail(f"Mapping file, {key}: {problem}", hint, f"映射文件 {key} 有误")


def _fail(message: str, hint: str, message_zh: str) -> NoReturn:
    raise InputError(f"{message}.", hint=hint, message_zh=f"{message_zh}。")
