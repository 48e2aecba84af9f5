"""The budget of questions: how much one institution may ask about one subject within a window.

- A question is counted before its records are read, in a statement of its own that is durable when it returns;
  a request that breaks off afterwards has spent it.
- Counting and checking are one upsert on one row, so that requests at once, on any number of processes, never
  get more than the budget; a question over it is refused and not counted.
- A repeated question counts again as a question, but its threshold counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import asyncpg

from hub.clock import civil_date
from hub.consent.artefact import Consent
from hub.disclosure.questions import Question
from hub.model.outcome import Reason
from hub.policies.predicates import Budget
from hub.store.database import Database

_EPOCH = date(1970, 1, 1)

SPEND = """
INSERT INTO question_count AS q (subject_id, institution, window_start, asked, thresholds)
VALUES ($1, $2, $3, 1, ARRAY[$4 || $5])
ON CONFLICT (subject_id, institution, window_start) DO UPDATE
SET asked = q.asked + 1,
    thresholds = CASE WHEN $4 || $5 = ANY (q.thresholds) THEN q.thresholds ELSE q.thresholds || ($4 || $5) END
WHERE q.asked < $6
  AND ($4 || $5 = ANY (q.thresholds)
       OR (SELECT count(*) FROM unnest(q.thresholds) AS t WHERE starts_with(t, $4)) < $7)
RETURNING asked
"""
"""$1 subject, $2 institution, $3 first day of the window, $4 family and a space, $5 question and threshold,
$6 most questions, $7 most thresholds of a family. No row: over the budget."""


_PURGE = """
DELETE FROM question_count WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM question_count WHERE window_start < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
))
"""
KEEP = timedelta(days=366)
"""How long counts are kept after their window."""
AT_ONCE = 10_000
"""Rows deleted at once at most."""


class QuestionCounts:
    """The counts as rows that expire."""

    def __init__(self, database: Database, budget: Callable[[], Budget]) -> None:
        """Set up.

        Args:
            database: where they lie.
            budget: gives the limits in force, which say how long a window is.
        """
        self._database = database
        self._budget = budget

    async def purge(self, now: datetime, most: int = AT_ONCE) -> int:
        """Forget counts of windows that ended more than `KEEP` before `now`.

        Args:
            now: the instant.
            most: how many are forgotten at most; the rest is left to the next call.

        Returns:
            How many were forgotten.

        Raises:
            UnavailableError: when the database is away.
        """
        before = window_of(self._budget(), civil_date(now - KEEP))
        async with self._database.connection() as connection:
            done = await connection.execute(_PURGE, before, most)
        return int(done.rpartition(" ")[2])


def window_of(budget: Budget, today: date) -> date:
    """First day of the window in which a civil date lies."""
    return today - timedelta(days=(today - _EPOCH).days % budget.window_days)


async def spend(
    connection: asyncpg.Connection,
    budget: Budget,
    subject_id: bytes,
    institution: str,
    question: Question,
    today: date,
) -> bool:
    """Count a question, if the budget allows it.

    Args:
        connection: outside of any transaction, so that the count is durable at once.
        budget: the limits.
        subject_id: whom the question is about.
        institution: who asks, by the organisation behind the client.
        question: an open question.
        today: civil date of the request.

    Returns:
        Whether it may be answered.
    """
    counted = await connection.fetchval(
        SPEND,
        subject_id,
        institution,
        window_of(budget, today),
        f"{question.family} ",
        f"{question.code}:{question.threshold}",
        budget.questions,
        budget.thresholds,
    )
    return counted is not None


async def shut_questions(
    connection: asyncpg.Connection,
    budget: Budget,
    subject_id: bytes,
    institution: str,
    questions: Sequence[Question],
    consent: Consent | None,
    earliest: Callable[[str, date], date],
    today: date,
) -> dict[int, Reason]:
    """Which of a plan's open questions this request may not have answered, by number, and why.

    A question whose period is not wholly within the range of data that the consent covers and the fair-use
    template allows is not answered from a part of it, and is not counted; the others are counted one by one.

    Args:
        connection: as for `spend`, like the other arguments.
        budget: the limits.
        subject_id: whom the questions are about.
        institution: who asks.
        questions: of the plan.
        consent: the ground; None: no consent is needed.
        earliest: gives the first date of a dataset that may be read on a day.
        today: civil date of the request.
    """
    shut: dict[int, Reason] = {}
    for number, question in enumerate(questions):
        if question.refusal is not None:
            continue
        if consent is not None and question.ranged and not _covers(consent, question.period(today)):
            shut[number] = Reason.CONSENT_SCOPE
        elif question.ranged and question.period(today)[0] < earliest(question.dataset, today):
            shut[number] = Reason.FAIR_USE_RANGE
        elif not await spend(connection, budget, subject_id, institution, question, today):
            shut[number] = Reason.PREDICATE_BUDGET
    return shut


def _covers(consent: Consent, period: tuple[date, date]) -> bool:
    return consent.date_from <= period[0] and period[1] <= consent.date_to


def asked_json(questions: Sequence[Question], shut: Mapping[int, Reason]) -> tuple[Mapping[str, str], ...]:
    """The questions as the audit entry names them: nothing in it depends on an answer."""
    return tuple(
        {
            "code": question.code,
            "outcome": "refused" if question.refusal is not None or number in shut else "answered",
            "threshold": question.threshold,
        }
        for number, question in enumerate(questions)
    )
