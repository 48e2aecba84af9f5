"""What may not be collected: terms that no dataset, field or code of the catalogue may carry.

Rules
- The refusals are data, `refused.toml` in the schema folder, each with reason and source; without the file nothing
  loads.
- A Chinese term is found wherever it stands; an English one as whole words, with camelCase names taken apart.
- Descriptions may name what is refused, to say that it is not held; what a dataset holds is in its ids, titles,
  columns and codes, and those are searched.
- A dataset of persons alone is never public: there is no open search of persons (PIPL art. 25).

The terms catch a dataset that says what it is. Whether one that does not say so may be collected is for the review of
the catalogue entry, which names its legal basis.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from hub.catalog.reading import Table, fail
from hub.catalog.types import Dataset, Field, Label, Sharing, SubjectKind

FILE = "refused.toml"
NO_OPEN_SEARCH = "NO_OPEN_SEARCH_OF_PERSONS"
_RULE = re.compile(r"[A-Z][A-Z_]*")
_REF = re.compile(r"[RC]-[0-9]{2,3}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_GAP = re.compile(r"\s+")
_FOLDED = 32_768


class Scope(StrEnum):
    """Where a refused term is looked for."""

    DATASET = "DATASET"
    FIELD = "FIELD"
    BOTH = "BOTH"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of information that is not collected."""

    rule: str
    """Name of the rule, for example `BRIBERY_CRIME_FILE`; error messages say it."""
    refs: tuple[str, ...]
    """Rows of the requirements and of their conflict table that it answers."""
    scope: Scope
    persons: bool
    """Whether it holds only for datasets whose subjects may be persons."""
    terms: tuple[str, ...]
    reason: Label
    source: str

    def found_in(self, text: str) -> bool:
        """Whether the text carries one of the terms."""
        words, run = _words(text), _run(text)
        return any(_words(t) in words if t.isascii() else _run(t) in run for t in self.terms)

    def may_be_in(self, words: str, runs: str) -> bool:
        """Whether one of many texts, each folded on a line of its own, carries one of the terms."""
        return any(_words(t) in words if t.isascii() else _run(t) in runs for t in self.terms)


def read_refusals(content: bytes | None) -> tuple[Refusal, ...]:
    """The refusals from the bytes of their file; None: there is no file.

    Raises:
        CatalogError: when it is missing, is not UTF-8 TOML, is empty, or an entry breaks a rule or stands twice.
    """
    if content is None:
        fail(FILE, "(whole file)", "is missing", "Put back the file that says what may not be collected.")
    try:
        table = Table(FILE, "", tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        fail(FILE, "(whole file)", "is not valid TOML in UTF-8", "Correct the syntax.")
    refusals = tuple(_refusal(entry) for entry in table.tables("refused", required=True))
    table.done()
    names = [refusal.rule for refusal in refusals]
    if not names or len(set(names)) != len(names):
        fail(FILE, "rule", "is missing or stands twice", "Give every entry a name of its own.")
    return refusals


def refuse(dataset: Dataset, file: str, refusals: Iterable[Refusal]) -> None:
    """Refuse a dataset that holds what may not be collected.

    Raises:
        CatalogError: with the name of the rule and the key that carries the term.
    """
    if dataset.subjects == (SubjectKind.PERSON,) and dataset.sharing is Sharing.PUBLIC:
        hint = "Share it between departments or open it by authorised query."
        fail(file, "sharing", f"makes persons public, which {NO_OPEN_SEARCH} forbids", hint)
    texts = {scope: tuple(_texts(dataset, scope)) for scope in Scope}
    folded = {
        scope: ("\n".join(_words(t) for _, t in held), "\n".join(_run(t) for _, t in held))
        for scope, held in texts.items()
    }
    for refusal in refusals:
        if refusal.persons and SubjectKind.PERSON not in dataset.subjects:
            continue
        if not refusal.may_be_in(*folded[refusal.scope]):
            continue
        for key, text in texts[refusal.scope]:
            if refusal.found_in(text):
                fail(
                    file, key, f"names what {refusal.rule} refuses", f"{refusal.reason.en} ({refusal.source})"
                )


def _texts(dataset: Dataset, scope: Scope) -> Iterator[tuple[str, str]]:
    if scope is not Scope.FIELD:
        yield "id", dataset.id
        yield "title", dataset.title.zh
        yield "title", dataset.title.en
        yield "type", dataset.type_name
    if scope is not Scope.DATASET:
        for field in dataset.fields:
            yield from ((f"fields.{field.name}", text) for text in _field_texts(field))


def _field_texts(field: Field) -> Iterator[str]:
    yield from (field.name, field.path, field.label.zh, field.label.en, *field.columns)
    for value in field.values:
        yield from (value.code.lower(), value.label.zh, value.label.en, *value.aliases)


def _refusal(table: Table) -> Refusal:
    refusal = Refusal(
        rule=table.text("rule"),
        refs=table.words("refs", required=False),
        scope=table.choice("scope", Scope),
        persons=table.flag("persons", False),
        terms=table.words("terms"),
        reason=table.both("reason"),
        source=table.text("source"),
    )
    table.done()
    if not _RULE.fullmatch(refusal.rule):
        table.fail("rule", "is not well formed", "Use capitals and underscores.")
    if not all(_REF.fullmatch(ref) for ref in refusal.refs):
        table.fail("refs", "holds something other than row numbers", "Write R-000 or C-00.")
    if not refusal.terms or not all(_words(t).strip() if t.isascii() else _run(t) for t in refusal.terms):
        table.fail("terms", "is empty or holds no word", "Name the words by which it is recognised.")
    return refusal


@lru_cache(maxsize=_FOLDED)
def _words(text: str) -> str:
    """English words of a text in small letters, one space around each."""
    folded = _HUMP.sub(" ", unicodedata.normalize("NFKC", text)).casefold()
    return f" {_NO_WORD.sub(' ', folded).strip()} "


@lru_cache(maxsize=_FOLDED)
def _run(text: str) -> str:
    """A text without spaces, half-width, in small letters."""
    return _GAP.sub("", unicodedata.normalize("NFKC", text)).casefold()
