"""One table of a policy TOML file, read key by key.

A missing, mistyped or unknown key is an error that names its place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from hub.catalog.types import Label
from hub.errors import PolicyError

T = TypeVar("T")


class Entry:
    """A table being read; `close` refuses keys nobody asked for."""

    def __init__(self, file: str, name: str, table: Mapping[str, Any]) -> None:
        self.file = file
        self.name = name
        self._rest = dict(table)

    def error(self, key: str, message: str, hint: str) -> PolicyError:
        """The error of one key of this entry."""
        return PolicyError(f"{self.file}, entry {self.name}, key {key}: {message}.", hint=hint)

    def has(self, key: str) -> bool:
        """Whether an optional key is there."""
        return key in self._rest

    def text(self, key: str) -> str:
        """A text that is not blank."""
        value = self._take(key, str, "a text in quotes")
        if not value.strip():
            raise self.error(key, "the text is blank", "Write it.")
        return value.strip()

    def known(self, key: str, words: Mapping[str, T], what: str) -> T:
        """What a word stands for in a registry called `what`."""
        return self._known(key, self.text(key), words, what)

    def word(self, key: str, words: Mapping[str, Any], what: str) -> str:
        """A word that stands in a registry called `what`."""
        value = self.text(key)
        self._known(key, value, words, what)
        return value

    def words(self, key: str, words: Mapping[str, Any], what: str) -> tuple[str, ...]:
        """One or more different words that all stand in a registry called `what`."""
        values = self.texts(key)
        for value in values:
            self._known(key, value, words, what)
        return values

    def texts(self, key: str) -> tuple[str, ...]:
        """One or more different texts."""
        values = self._take(key, list, "a list of texts")
        if not values or len(set(map(str, values))) != len(values):
            raise self.error(key, "the list is empty or names something twice", "Name each entry once.")
        return tuple(str(value) for value in values)

    def whole(self, key: str) -> int:
        """A whole number, 0 or more."""
        value = self._take(key, int, "a whole number")
        if isinstance(value, bool) or value < 0:
            raise self.error(key, "the number is not 0 or more", "Write a whole number without quotes.")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        return self._take(key, bool, "true or false without quotes")

    def label(self, key: str) -> Label:
        """The texts under `key_zh` and `key_en`."""
        return Label(self.text(f"{key}_zh"), self.text(f"{key}_en"))

    def tables(self, key: str) -> Iterator[Entry]:
        """The tables of a list, in file order."""
        for number, table in enumerate(self._take(key, list, "a list of tables"), start=1):
            if not isinstance(table, dict):
                raise self.error(key, f"item {number} is not a table", "Write { key = value }.")
            yield Entry(self.file, f"{self.name}.{key}.{number}", table)

    def table(self, key: str) -> Entry:
        """The table `[NAME.key]` below this one."""
        return Entry(self.file, f"{self.name}.{key}", self._take(key, dict, "a table"))

    def close(self) -> None:
        """Refuse what is left over.

        Raises:
            PolicyError: when the table has a key that nothing reads.
        """
        for key in self._rest:
            raise self.error(key, "nothing reads this key", "Correct its spelling or delete it.")

    def _take(self, key: str, kind: type[T], form: str) -> T:
        value = self._rest.pop(key, None)
        if not isinstance(value, kind):
            what = "the key is missing" if value is None else f"the value is not {form}"
            raise self.error(key, what, f"Write {key} = {form}.")
        return value

    def _known(self, key: str, value: str, words: Mapping[str, T], what: str) -> T:
        if value not in words:
            raise self.error(key, f"{value[:60]!r} is not in {what}", f"Use one of: {', '.join(words)}.")
        return words[value]


def parse(file: str, text: str) -> dict[str, Any]:
    """A TOML file as tables.

    Raises:
        PolicyError: when it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{file} is not TOML: {error}.", hint="Correct the line it names.") from error


def named(file: str, text: str) -> Iterator[Entry]:
    """The tables `[NAME]` of a file, in file order."""
    for name, table in parse(file, text).items():
        if not isinstance(table, dict):
            raise PolicyError(
                f"{file}: {name} is not a table.", hint=f"Write [{name}] and its keys below it."
            )
        yield Entry(file, name, table)


def listed(file: str, text: str, key: str) -> Iterator[Entry]:
    """The tables `[[key]]` of a file, in file order."""
    top = Entry(file, "(file)", parse(file, text))
    yield from top.tables(key)
    top.close()
