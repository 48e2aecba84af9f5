"""Planted oracles: mistakes of the kinds that have been made in such systems, to show that the hunt finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import hub.disclosure.gate as gate
from hub.catalog.types import Field, SubjectKind
from hub.demo import story_facts as facts
from hub.disclosure import plan as plan_module
from hub.disclosure.leaves import build_leaf
from hub.disclosure.plan import PlanCompiler, Slot
from hub.disclosure.rows import RECORD_ID, Row, Shown, SlotReader
from hub.disclosure.selection import Selected
from hub.disclosure.shapes import Changed
from hub.model.outcome import Outcome

_HIDDEN = "SELECT count(*) FROM record WHERE subject_id = $1 AND state <> 'VALID'"
_ALL = "SELECT count(*) FROM record WHERE subject_id = $1"


def length(patch: pytest.MonkeyPatch) -> None:
    """A leaf that shows how long a withheld value is."""

    def leaky(item: Field, kind: SubjectKind, outcome: Outcome, selected: Selected, shown: Shown) -> Any:
        if outcome >= Outcome.GENERALISED or item.is_sealed(kind):
            return build_leaf(item, kind, outcome, selected, shown)
        return Changed(shown.place(item.name, sealed=False), lambda value: len(str(value)))

    patch.setattr(plan_module, "build_leaf", leaky)


def work(patch: pytest.MonkeyPatch) -> None:
    """A leaf that opens a withheld value and throws it away."""

    def eager(item: Field, kind: SubjectKind, outcome: Outcome, selected: Selected, shown: Shown) -> Any:
        if outcome >= Outcome.GENERALISED or not item.is_sealed(kind):
            return build_leaf(item, kind, outcome, selected, shown)
        return Changed(shown.place(item.name, sealed=True), lambda _value: None)

    patch.setattr(plan_module, "build_leaf", eager)


def statements(patch: pytest.MonkeyPatch) -> None:
    """A look at each withdrawn record, after which nothing of it is shown."""
    read = gate.read_report

    async def looking(connection: Any, kind: str, today: Any, now: Any, wanted: Any, *more: Any) -> Any:
        rows = await read(connection, kind, today, now, wanted, *more)
        for _ in range(await connection.fetchval(_HIDDEN, wanted.subject_id)):
            await connection.fetchval("SELECT 1")
        return rows

    patch.setattr(gate, "read_report", looking)


def order(patch: pytest.MonkeyPatch) -> None:
    """Lists that are ordered by their date also where the date is withheld."""
    slot_of = PlanCompiler._slot

    def ordered(self: PlanCompiler, plan: Any, dataset: Any, *more: Any) -> int:
        number = slot_of(self, plan, dataset, *more)
        slot = plan.slots[number]
        parts = {name: getattr(slot, name) for name in Slot.__dataclass_fields__}
        plan.slots[number] = Slot(**{**parts, "dated": not dataset.profile})
        return number

    patch.setattr(PlanCompiler, "_slot", ordered)


def error_text(patch: pytest.MonkeyPatch) -> None:
    """A refusal that is worded otherwise where the subject has records."""

    async def worded(request: Any, connection: Any, part: Any) -> None:
        if part.error is not None and await connection.fetchval(_ALL, part.subject_id):
            part.error = {**part.error, "message": "There is something, but not for you."}

    _after_each(patch, worded)


def count(patch: pytest.MonkeyPatch) -> None:
    """A note that says how many records there are, shown or not."""

    async def counted(request: Any, connection: Any, part: Any) -> None:
        number = await connection.fetchval(_ALL, part.subject_id)
        if part.shown:
            part.ranges = (*part.ranges, {"records": number})

    _after_each(patch, counted)


def existence(patch: pytest.MonkeyPatch) -> None:
    """A subject that is known to everybody as soon as any record of it is stored."""
    patch.setattr(PlanCompiler, "opened", lambda _self: None)


def others(patch: pytest.MonkeyPatch) -> None:
    """Quotas that all institutions share."""
    uses = gate.quota_uses

    def shared(counters: Any, subject_id: bytes, _institution: str, purpose: str, now: Any) -> Any:
        return uses(counters, subject_id, facts.BANK_QZB, purpose, now)

    patch.setattr(gate, "quota_uses", shared)


def version(patch: pytest.MonkeyPatch) -> None:
    """Ids of records that tell how often a record was corrected."""
    read = SlotReader.read

    def numbered(
        self: SlotReader, key: Any, subject_id: bytes, record_id: bytes, number: int, *more: Any
    ) -> Row:
        row = read(self, key, subject_id, record_id, number, *more)
        row[RECORD_ID] = record_id + bytes([number])
        return row

    patch.setattr(SlotReader, "read", numbered)


def _after_each(patch: pytest.MonkeyPatch, act: Any) -> None:
    """Do something more after each subject that is asked about alone."""
    one = gate._Request.one

    async def and_more(self: Any, connection: Any, root: Any, name: Any, part: Any) -> None:
        await one(self, connection, root, name, part)
        await act(self, connection, part)

    patch.setattr(gate._Request, "one", and_more)


@dataclass(frozen=True)
class Planted:
    """An oracle, who comes upon it, and in what."""

    plant: Any
    asker: str
    shows_in: str


_BANK, _DEPARTMENT = "a bank with a narrow consent", "a department that supervises"
ORACLES: Mapping[str, Planted] = {
    "the length of a withheld value": Planted(length, _BANK, "text"),
    "the work of opening a withheld value": Planted(work, _BANK, "unsealed"),
    "an order by a withheld date": Planted(order, _BANK, "text"),
    "how often a record was corrected": Planted(version, _BANK, "text"),
    "one more statement for each hidden record": Planted(statements, _DEPARTMENT, "statements"),
    "an error that is worded by what is stored": Planted(error_text, _DEPARTMENT, "text"),
    "a count of all records": Planted(count, _DEPARTMENT, "text"),
    "the existence of hidden records": Planted(existence, _DEPARTMENT, "text"),
    "what other institutions have read": Planted(others, _DEPARTMENT, "text"),
}
