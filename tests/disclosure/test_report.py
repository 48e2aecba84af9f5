"""What is taken back leaves nothing behind."""

from __future__ import annotations

import dataclasses

from hub.audit.entry import EntryOutcome, SubjectPart
from hub.audit.reservation import ConsentUse
from hub.disclosure.gate import Report
from hub.errors import DisclosureRefusedError

SUBJECT = b"\x01" * 16


def a_finished_report() -> Report:
    report = Report()
    report.data["a"] = {"name": "示范公司"}
    report.notes["a"] = (b'{"path":"a.name"}',)
    report.ranges["a"] = {"from": "2024-01-01", "path": "a", "to": "2026-01-01"}
    report.uses["a"] = ConsentUse(SUBJECT, "c_1", 1)
    report.parts["a"] = SubjectPart(SUBJECT, EntryOutcome.DISCLOSED)
    return report


def test_a_void_answer_keeps_no_data_note_range_or_use() -> None:
    report = a_finished_report()
    report.void()
    assert (report.data, report.notes, report.ranges, report.uses) == ({}, {}, {}, {})
    assert report.parts["a"].outcome is EntryOutcome.REFUSED


def test_a_root_refused_at_the_last_moment_keeps_only_its_reason() -> None:
    report = a_finished_report()
    report.refuse("a", SUBJECT, DisclosureRefusedError("No.", reason="CONSENT_WITHDRAWN"))
    assert report.data == {"a": None}
    assert (report.notes, report.ranges, report.uses) == ({}, {}, {})
    assert report.parts["a"] == SubjectPart(SUBJECT, EntryOutcome.REFUSED, "CONSENT_WITHDRAWN")


def test_every_part_of_a_report_by_key_is_known_to_this_test() -> None:
    kept_by_key = {f.name for f in dataclasses.fields(Report) if str(f.type).startswith("dict[")}
    assert kept_by_key == {"data", "parts", "notes", "ranges", "uses"}
