"""Typed reading of one TOML table: every key is asked for by type, and a key nobody asked for is an error.

Rules
- An error names the file, the key and what to write instead; it never shows the value found.
- A table that was read to the end is closed with `done`, so a mistyped key cannot be silently ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from hub.catalog.types import Label
from hub.errors import CatalogError

_E = TypeVar("_E", bound=StrEnum)


def fail(file: str, key: str, problem: str, hint: str) -> NoReturn:
    """Refuse the catalogue.

    Raises:
        CatalogError: always, with the file (relative to the catalogue), the key, the problem and the hint.
    """
    raise CatalogError(
        f"Catalogue file {file}, key {key}: {problem}.",
        hint=hint,
        message_zh=f"目录文件 {file} 的 {key} 不符合规则。",
    )


class Table:
    """One TOML table being read, with its place for error messages."""

    def __init__(self, file: str, key: str, data: Mapping[str, Any]) -> None:
        self.file = file
        self.key = key
        self._rest = dict(data)

    def at(self, key: str) -> str:
        """Full name of a key of this table, for messages."""
        return f"{self.key}.{key}" if self.key else key

    def fail(self, key: str, problem: str, hint: str) -> NoReturn:
        """Refuse the catalogue because of this key.

        Raises:
            CatalogError: always.
        """
        fail(self.file, self.at(key), problem, hint)

    def _take(self, key: str, kind: type, default: Any, article: str) -> Any:
        if key not in self._rest:
            if default is None:
                self.fail(key, "is missing", f"Add {key} with {article}.")
            return default
        value = self._rest.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, "has the wrong type", f"Write {article}.")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it must be present and not empty."""
        value = str(self._take(key, str, default, "a text in quotes"))
        if default is None and not value.strip():
            self.fail(key, "is empty", "Write a text.")
        return value

    def whole(self, key: str, default: int | None = None, *, low: int = 0, high: int = 1_000_000) -> int:
        """A whole number between `low` and `high`."""
        value = int(self._take(key, int, default, "a whole number"))
        if not low <= value <= high:
            self.fail(key, "is out of range", f"Write a whole number from {low} to {high}.")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """A boolean."""
        return bool(self._take(key, bool, default, "true or false"))

    def label(self, key: str, *, required: bool = True) -> Label | None:
        """A label in both languages, or None when it is absent and not required."""
        data = self._take(key, dict, None if required else {}, 'a table { zh = "…", en = "…" }')
        if not data and not required:
            return None
        inner = Table(self.file, self.at(key), data)
        label = Label(inner.text("zh"), inner.text("en"))
        inner.done()
        return label

    def both(self, key: str) -> Label:
        """A label in both languages that must be there."""
        label = self.label(key)
        assert label is not None
        return label

    def words(self, key: str, *, required: bool = True) -> tuple[str, ...]:
        """A list of non-empty texts."""
        items = self._take(key, list, None if required else [], 'a list of texts, for example ["a", "b"]')
        if not all(isinstance(i, str) and i.strip() for i in items):
            self.fail(
                key, "holds something other than non-empty texts", "Write each item as a text in quotes."
            )
        return tuple(items)

    def tables(self, key: str, *, required: bool = False) -> list[Table]:
        """A list of tables."""
        items = self._take(key, list, None if required else [], f"one or more [[{key}]] tables")
        if not all(isinstance(i, dict) for i in items):
            self.fail(key, "holds something other than tables", f"Write each item as a [[{key}]] table.")
        return [Table(self.file, f"{self.at(key)}[{n}]", i) for n, i in enumerate(items, 1)]

    def choice(self, key: str, kind: type[_E]) -> _E:
        """A member of an enumeration, by its value."""
        return self.member(key, self.text(key), kind)

    def member(self, key: str, value: str, kind: type[_E]) -> _E:
        """The member of an enumeration that a text already read stands for."""
        try:
            return kind(value)
        except ValueError:
            self.fail(key, "is not one of the known values", f"Use one of: {', '.join(kind)}.")

    def one_of(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        """A text out of a fixed set."""
        value = self.text(key, default)
        if value not in allowed:
            self.fail(key, "is not one of the known values", f"Use one of: {', '.join(sorted(allowed))}.")
        return value

    def done(self) -> None:
        """Close the table.

        Raises:
            CatalogError: when a key was left over, that is, one the catalogue does not know.
        """
        if self._rest:
            key = sorted(self._rest)[0]
            self.fail(key, "is not a known key", "Remove it or correct its spelling.")
