"""Yes/no questions about what the caller may not see (可用不可见): opened by the plan, answered from the records.

- A question opens when the caller's decision on every field it reads is PREDICATE or more, and its threshold is
  declared; else it is answered with null, for a reason that depends on rules, consent and question alone.
- An answer is YES, NO or UNKNOWN. UNKNOWN is said where the records do not settle it: a value is missing, there
  are more than `MOST_ROWS` records, or there is none and the question says that absence is no answer.
- Every record of the period is read in full before anything is judged, so that the work does not depend on values.

Worked example: `TAX_PAID_12M_AT_LEAST` with "500K", asked on 2026-11-20, adds up `amount` of the records from
December 2025 to November 2026 and says YES from 500,000.00 yuan on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from hub.catalog.types import Catalog, Field, FieldType, Nature, SubjectKind
from hub.disclosure.leaves import RowFunction, stored_value
from hub.disclosure.rows import EVENT_DATE, Row, Shown
from hub.disclosure.selection import Selected
from hub.model.outcome import Decision, Outcome, Reason
from hub.policies.predicates import Answer, Filter, Predicate, PredicateTest, Questionnaire

MOST_ROWS = 600
"""Records of a question's period that are judged at most; with more the answer is UNKNOWN."""
NO_QUESTION = Decision(Outcome.WITHHELD, "DEFAULT", Reason.NO_RULE)


@dataclass(frozen=True)
class Question:
    """A question as one request asks it."""

    code: str
    threshold: str
    """The declared threshold's code; empty when none is declared or the asked one is not."""
    path: str
    """Where it stands in the answer."""
    stated: str | None
    """The threshold as the caller wrote it; goes back to the caller and nowhere else."""
    predicate: Predicate | None
    refusal: Decision | None = None
    """Why it is not answered; None: the plan opens it."""
    monthly: bool = False
    """Whether its dataset is by month."""
    ranged: bool = False
    """Whether the consent's range of data applies to its dataset."""

    @property
    def family(self) -> str:
        """What shares its budget of thresholds."""
        return self.predicate.family if self.predicate else ""

    @property
    def dataset(self) -> str:
        """Id of the dataset it reads."""
        return self.predicate.dataset if self.predicate else ""

    def period(self, today: date) -> tuple[date, date]:
        """First and last event date that the question looks at.

        Args:
            today: civil date of the request.
        """
        assert self.predicate is not None
        if not self.monthly:
            return _months_before(today, self.predicate.months) + timedelta(days=1), today
        last = _months_before(today.replace(day=1), self.predicate.lag_months)
        return _months_before(last, self.predicate.months - 1), last


class Asking(Protocol):
    """What an answer is shaped from."""

    @property
    def rows(self) -> list[list[Row]]:
        """The rows of each slot."""
        ...

    @property
    def today(self) -> date:
        """Civil date of the request."""
        ...

    @property
    def shut(self) -> Collection[int]:
        """Numbers of open questions that this request may not have answered."""
        ...


@dataclass(frozen=True, slots=True)
class Fact:
    """One record of the period, as a question sees it."""

    day: date
    counts: bool | None
    """Whether the filter takes it; None: the value that would tell is missing."""
    value: int | None = None


def open_question(
    catalog: Catalog,
    questionnaire: Questionnaire,
    kind: SubjectKind,
    decide: Callable[[Field], Decision],
    asked: Mapping[str, Any],
    path: str,
) -> Question:
    """A question with what the plan can say of it before any record is read.

    Args:
        catalog: the datasets.
        questionnaire: declared questions.
        kind: kind of the subject asked about.
        decide: the decision on a field, rules and consent together.
        asked: `code` (a member of the schema's enumeration or its value) and `threshold`, as asked.
        path: where the question stands in the answer.
    """
    code, stated = str(getattr(asked["code"], "value", asked["code"])), asked.get("threshold")
    predicate = questionnaire.predicates.get(code)
    if predicate is None or kind not in predicate.subjects:
        return Question(code, "", path, stated, None, NO_QUESTION)
    declared = str(stated) if stated in predicate.thresholds else ""
    dataset = catalog.datasets[predicate.dataset]
    monthly = dataset.by_name[dataset.event_date].type is FieldType.MONTH
    decisions = [decide(dataset.by_name[name]) for name in predicate.reads(dataset)]
    refusals = [d for d in decisions if d.outcome < Outcome.PREDICATE]
    # a rule before the consent: a reason that a wider consent would not mend comes first
    refusal = min(refusals, key=lambda d: d.reason is Reason.CONSENT_SCOPE, default=None)
    if refusal is None and (declared != (stated or "") or bool(declared) != bool(predicate.thresholds)):
        refusal = Decision(Outcome.WITHHELD, code, Reason.PREDICATE_THRESHOLD)
    ranged = dataset.nature is not Nature.BASIC
    return Question(code, declared, path, stated, predicate, refusal, monthly, ranged)


def answerer(
    catalog: Catalog, question: Question, kind: SubjectKind, needs: Shown
) -> Callable[[Sequence[Row], date], Answer]:
    """What takes a slot's rows and the civil date to the answer of an open question.

    Args:
        catalog: the datasets.
        question: an open question.
        kind: kind of the subject asked about.
        needs: told which stored fields the question needs.
    """
    predicate = question.predicate
    assert predicate is not None
    fields = catalog.datasets[predicate.dataset].by_name
    summed = stored_value(fields[predicate.summed], kind, needs) if predicate.summed else None
    marked = stored_value(fields[predicate.where.field], kind, needs) if predicate.where else None
    threshold = predicate.thresholds.get(question.threshold)

    def answer(rows: Sequence[Row], today: date) -> Answer:
        start, end = question.period(today)
        judged = rows[:MOST_ROWS]
        if len(rows) > MOST_ROWS and judged[-1][EVENT_DATE] >= start:
            return Answer.UNKNOWN
        facts = [
            _fact(row, predicate.where, marked, summed) for row in judged if start <= row[EVENT_DATE] <= end
        ]
        return judge(predicate, threshold, facts, _months(start, end) if question.monthly else ())

    return answer


def question_shape(
    node: Selected,
    question: Question,
    number: int,
    slot: int = -1,
    answer: Callable[[Sequence[Row], date], Answer] | None = None,
) -> Callable[[Asking], dict[str, Any]]:
    """What shapes one answer; null where the question does not open, or not for this request.

    Args:
        node: the selection of `predicates`.
        question: the question.
        number: its number in the plan.
        slot: the slot its records are read into.
        answer: from `answerer`; None when the question does not open.
    """
    echo = {"code": question.code, "threshold": question.stated, "__typename": node.type_name}
    keys = [(child.key, child.name) for child in node.children]

    def shape(asking: Asking) -> dict[str, Any]:
        found = echo
        if answer is not None and number not in asking.shut:
            said = answer(asking.rows[slot], asking.today)
            found = {**echo, "answer": said.value, "asOf": asking.today.isoformat()}
        return {key: found.get(name) for key, name in keys}

    return shape


def judge(
    predicate: Predicate, threshold: int | None, facts: Sequence[Fact], months: Iterable[date] = ()
) -> Answer:
    """The answer to a question.

    Args:
        predicate: the question.
        threshold: in stored units (分 for money); None when the question takes none.
        facts: the records of its period.
        months: first days of the months of the period, of a question by month.
    """
    return _JUDGES[predicate.test](facts, threshold or 0, set(months)) if facts else predicate.empty


def _fact(row: Row, where: Filter | None, marked: RowFunction | None, summed: RowFunction | None) -> Fact:
    mark = marked(row) if marked else None
    return Fact(row[EVENT_DATE], _counts(where, mark), summed(row) if summed else None)


def _counts(where: Filter | None, value: Any) -> bool | None:
    if where is None:
        return True
    if value is None:
        return None
    if where.least is not None:
        return bool(value >= where.least)
    return not where.codes.isdisjoint(value if isinstance(value, list) else (value,))


def _at_least(facts: Sequence[Fact], threshold: int, _months: set[date]) -> Answer:
    sure = [f for f in facts if f.counts]
    if sum(f.value for f in sure if f.value is not None) >= threshold:
        return Answer.YES
    doubtful = any(f.counts is None for f in facts) or any(f.value is None for f in sure)
    return Answer.UNKNOWN if doubtful else Answer.NO


def _at_most(facts: Sequence[Fact], threshold: int, _months: set[date]) -> Answer:
    sure, possible = sum(f.counts is True for f in facts), sum(f.counts is not False for f in facts)
    return Answer.NO if sure > threshold else Answer.YES if possible <= threshold else Answer.UNKNOWN


def _none(facts: Sequence[Fact], _threshold: int, months: set[date]) -> Answer:
    return _at_most(facts, 0, months)


def _exists(facts: Sequence[Fact], _threshold: int, months: set[date]) -> Answer:
    return _OPPOSITE[_none(facts, 0, months)]


def _every_month(facts: Sequence[Fact], _threshold: int, months: set[date]) -> Answer:
    if any(f.counts is False for f in facts) or not months <= {f.day for f in facts}:
        return Answer.NO
    return Answer.UNKNOWN if any(f.counts is None for f in facts) else Answer.YES


def _latest(facts: Sequence[Fact], threshold: int, _months: set[date]) -> Answer:
    newest = max(f.day for f in facts)
    return _every_month([f for f in facts if f.day == newest], threshold, set())


_OPPOSITE: Mapping[Answer, Answer] = {
    Answer.YES: Answer.NO,
    Answer.NO: Answer.YES,
    Answer.UNKNOWN: Answer.UNKNOWN,
}
_JUDGES: Mapping[PredicateTest, Callable[[Sequence[Fact], int, set[date]], Answer]] = {
    PredicateTest.SUM_AT_LEAST: _at_least,
    PredicateTest.COUNT_AT_MOST: _at_most,
    PredicateTest.NONE_OF: _none,
    PredicateTest.EXISTS_IN_PERIOD: _exists,
    PredicateTest.IN_EVERY_MONTH: _every_month,
    PredicateTest.LATEST_IN: _latest,
}


def _months_before(day: date, months: int) -> date:
    """The same day some months earlier; the last of the month where there is no such day."""
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day.day, (following - timedelta(days=1)).day))


def _months(start: date, end: date) -> list[date]:
    count = (end.year - start.year) * 12 + end.month - start.month
    return [_months_before(end, n) for n in range(count + 1)]
