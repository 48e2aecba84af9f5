"""Reads `predicates.toml`: the yes/no questions that may be asked about fields a caller may not see (可用不可见).

- A question is declared here with everything but the subject: dataset, field, period and thresholds. A caller
  picks a code and a declared threshold and nothing else, so the hub never compares a value with a caller's number.
- Who may ask is said by the ordinary rules: a question may be asked if every field it reads decides at least
  PREDICATE for role, purpose and kind.
- The budget bounds how many questions a caller may ask about a subject within a window, and with how many
  different thresholds of one family, so that a value cannot be found by halving.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hub.catalog.types import Catalog, Dataset, Field, FieldType, Label, SubjectKind
from hub.errors import PolicyError
from hub.policies.entries import Entry, parse

FILE = "predicates.toml"
_KINDS = {kind.value: kind for kind in SubjectKind}
_FEN = 100


class PredicateTest(StrEnum):
    """What a question asks of the records in its period that its filter accepts."""

    SUM_AT_LEAST = "sum_at_least"
    """Whether the field adds up to the threshold or more."""
    COUNT_AT_MOST = "count_at_most"
    """Whether there are no more records than the threshold."""
    NONE_OF = "none_of"
    """Whether there is no such record."""
    EXISTS_IN_PERIOD = "exists_in_period"
    """Whether there is such a record."""
    IN_EVERY_MONTH = "in_every_month"
    """Whether every month of the period has records, and all of them are such."""
    LATEST_IN = "latest_in"
    """Whether the newest record is such a one."""


class Answer(StrEnum):
    """What a question can be answered with."""

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"
    """The hub's records do not settle it."""


_TESTS = {test.value: test for test in PredicateTest}
_ANSWERS = {answer.value: answer for answer in Answer}
_WITH_THRESHOLD = (PredicateTest.SUM_AT_LEAST, PredicateTest.COUNT_AT_MOST)
_WITH_FILTER = (PredicateTest.LATEST_IN, PredicateTest.IN_EVERY_MONTH)
_NUMBERS = (FieldType.MONEY, FieldType.INTEGER)
_ENUMS = (FieldType.ENUM, FieldType.ENUM_LIST)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records a question is about: by the codes of a field, or by its least value."""

    field: str
    codes: frozenset[str] = frozenset()
    least: int | None = None
    """In stored units (分 for money)."""


@dataclass(frozen=True)
class Predicate:
    """One declared question."""

    code: str
    title: Label
    subjects: tuple[SubjectKind, ...]
    dataset: str
    test: PredicateTest
    months: int
    """Length of the period in months, counted back from the civil date of the request."""
    lag_months: int
    """Whole months left out at the end of the period, because their records are not in yet; monthly datasets only."""
    empty: Answer
    """The answer when the hub holds no record of the dataset in the period: absence is not always a no."""
    family: str
    """Questions of one family bound the same figure and share the budget of thresholds."""
    source: str
    verified: bool
    summed: str = ""
    """Name of the field that is summed."""
    where: Filter | None = None
    thresholds: Mapping[str, int] = field(default_factory=dict)
    """Declared thresholds by code, in stored units (分 for money); empty: the question takes none."""

    def reads(self, dataset: Dataset) -> tuple[str, ...]:
        """Names of the fields that decide the answer, the dataset's date first; `dataset` is the question's own."""
        names = (dataset.event_date, self.summed, self.where.field if self.where else "")
        return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one institution may ask about one subject."""

    window_days: int = 30
    """Length of a window in days; windows follow one another from 1970-01-01 in civil time."""
    questions: int = 1
    """Questions within a window, repeated ones counted each time."""
    thresholds: int = 1
    """Different thresholds of one family within a window."""


@dataclass(frozen=True)
class Questionnaire:
    """All declared questions and the budget for asking them."""

    predicates: Mapping[str, Predicate] = field(default_factory=dict)
    """Questions by code."""
    budget: Budget = Budget()


def read_predicates(text: str, catalog: Catalog) -> Questionnaire:
    """The questions of a text, from `predicates.toml`.

    Raises:
        PolicyError: when an entry is not well formed, or names what the catalogue does not have or cannot answer.
    """
    tables = parse(FILE, text)
    limits = tables.pop("budget", None)
    if not isinstance(limits, dict):
        raise PolicyError(f"{FILE} has no [budget].", hint="Write window_days, questions and thresholds.")
    entry = Entry(FILE, "budget", limits)
    budget = Budget(*(_positive(entry, key) for key in ("window_days", "questions", "thresholds")))
    entry.close()
    predicates: dict[str, Predicate] = {}
    for name, table in tables.items():
        if (
            not isinstance(table, dict)
            or not name.isascii()
            or not name.isidentifier()
            or name != name.upper()
        ):
            raise PolicyError(
                f"{FILE}: {name} is not a question.", hint="Write [CODE] in capitals and its keys."
            )
        entry = Entry(FILE, name, table)
        predicates[name] = _predicate(entry, catalog)
        entry.close()
    return Questionnaire(predicates, budget)


def _predicate(entry: Entry, catalog: Catalog) -> Predicate:
    dataset = entry.known("dataset", catalog.datasets, "the catalogue")
    test = entry.known("test", _TESTS, "the tests")
    kinds = entry.words("subjects", _KINDS, "the kinds")
    if dataset.profile or not {_KINDS[k] for k in kinds} <= set(dataset.subjects):
        raise entry.error(
            "subjects", "the dataset has no records of such subjects", "Correct one of the two."
        )
    summed = _number(entry, "field", dataset) if test is PredicateTest.SUM_AT_LEAST else None
    monthly = dataset.by_name[dataset.event_date].type is FieldType.MONTH
    if test is PredicateTest.IN_EVERY_MONTH and not monthly:
        raise entry.error("test", "the dataset is not by month", "Choose another test or dataset.")
    return Predicate(
        code=entry.name,
        title=entry.label("title"),
        subjects=tuple(_KINDS[k] for k in kinds),
        dataset=dataset.id,
        test=test,
        months=_positive(entry, "months"),
        lag_months=entry.whole("lag_months") if monthly and entry.has("lag_months") else 0,
        empty=entry.known("empty", _ANSWERS, "the answers"),
        family=entry.text("family") if entry.has("family") else entry.name,
        source=entry.text("source"),
        verified=entry.flag("verified"),
        summed=summed.name if summed else "",
        where=_filter(entry, dataset, needed=test in _WITH_FILTER),
        thresholds=_thresholds(entry, summed) if test in _WITH_THRESHOLD else {},
    )


def _positive(entry: Entry, key: str) -> int:
    value = entry.whole(key)
    if not value:
        raise entry.error(key, "it is 0", "Write 1 or more.")
    return value


def _number(entry: Entry, key: str, dataset: Dataset) -> Field:
    found = entry.known(key, dataset.by_name, f"the fields of {dataset.id}")
    if found.type not in _NUMBERS:
        raise entry.error(
            key, "the field is no amount and no count", "Name a field of type money or integer."
        )
    return found


def _filter(entry: Entry, dataset: Dataset, *, needed: bool) -> Filter | None:
    """The keys `where` with `in`, or `where` with `at_least`."""
    if not entry.has("where"):
        if needed:
            raise entry.error("where", "this test needs it", "Name the field that says which records count.")
        return None
    if entry.has("at_least"):
        found = _number(entry, "where", dataset)
        return Filter(found.name, least=entry.whole("at_least") * _unit(found))
    found = entry.known("where", dataset.by_name, f"the fields of {dataset.id}")
    if found.type not in _ENUMS:
        raise entry.error("where", "the field has no codes", "Name an enum field, or add at_least.")
    codes = entry.words("in", {v.code: v for v in found.values}, "the codes of the field")
    return Filter(found.name, frozenset(codes))


def _thresholds(entry: Entry, summed: Field | None) -> Mapping[str, int]:
    """Declared thresholds; amounts are written in yuan."""
    found: dict[str, int] = {}
    for item in entry.tables("thresholds"):
        code, value = item.text("code"), item.whole("value")
        if code in found or len(code) > 16 or not code.isascii() or not code.isalnum():
            raise item.error("code", "it stands twice or is no short plain code", "Write letters and digits.")
        found[code] = value * (_unit(summed) if summed else 1)
        item.close()
    if not found or sorted(found.values()) != list(found.values()):
        raise entry.error("thresholds", "there is none, or they do not rise", "Declare them in rising order.")
    return found


def _unit(number: Field) -> int:
    return _FEN if number.type is FieldType.MONEY else 1
