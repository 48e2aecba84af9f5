"""What is taken back leaves nothing behind."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.audit.entry import EntryOutcome, SubjectPart
from hub.audit.reservation import ConsentUse, QuotaUse
from hub.disclosure.report import Part, Report
from hub.disclosure.text import NULLS
from hub.errors import DisclosureRefusedError

SUBJECT = b"\x01" * 16
_KEPT = {"questioned", "path", "subject_id", "entry", "error", "purpose", "spooled"}
"""What a part still holds when it was taken back."""


def a_shown_part() -> Part:
    compiled: Any = object()
    return Part(
        ("a",), SUBJECT, (b'{"name":"x"}', b'{"name":"x"}'), None,
        SubjectPart(SUBJECT, EntryOutcome.DISCLOSED), compiled, (b'{"path":"a.name"}',), ({"from": "2024-01-01"},), ({"index": 0},),
        ConsentUse(SUBJECT, "c_1", 1),
        (QuotaUse(SUBJECT, "i", "P", "", "DAY", datetime(2026, 1, 1, tzinfo=UTC), 1, 5),), "P",
    )  # fmt: skip


def test_a_part_shown_has_something_in_every_place() -> None:
    empty = Part(("a",), SUBJECT)
    shown = a_shown_part()
    left = {f.name for f in dataclasses.fields(Part) if getattr(shown, f.name) == getattr(empty, f.name)}
    assert left <= {"path", "subject_id", "error", "spooled", "questioned"}


@pytest.mark.parametrize("refused", [False, True], ids=["void", "refused at the last moment"])
def test_a_part_taken_back_keeps_only_its_reason(refused: bool) -> None:
    part = a_shown_part()
    if refused:
        part.refuse(DisclosureRefusedError("No.", reason="CONSENT_WITHDRAWN"))
    else:
        part.void("CONSENT_WITHDRAWN")
    empty = Part(("a",), SUBJECT)
    for field in dataclasses.fields(Part):
        if field.name not in _KEPT:
            assert getattr(part, field.name) == getattr(empty, field.name), field.name
    assert (part.text, part.shown) == (NULLS, False)
    assert part.decided == SubjectPart(SUBJECT, EntryOutcome.REFUSED, "CONSENT_WITHDRAWN")
    assert (part.error is not None) == refused


def test_a_void_report_shows_nothing() -> None:
    report = Report({"a": a_shown_part(), "b": [a_shown_part(), a_shown_part()]})
    report.void()
    assert report.finished() == {"a": None, "b": [None, None]}
    assert not any(part.shown or part.error for part in report.parts())
