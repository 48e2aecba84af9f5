"""Of the caps that were signed and those in force, the tighter hold, for the subject at all and for each dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.catalog.types import Label, SubjectKind
from hub.clock import months_before
from hub.consent.artefact import Consent
from hub.consent.request import Terms, rate_documents
from hub.disclosure.fair_use import counters
from hub.disclosure.read import SlotArrays
from hub.policies.fair_use import MOST_READS
from hub.policies.model import (
    Beyond,
    ConsentItem,
    ConsentTemplate,
    DatasetCaps,
    FairUse,
    LawfulBasis,
    Purpose,
    Rate,
    Unit,
)

PURPOSE, TODAY, NOW = "LOAN_APPLICATION", date(2026, 11, 20), datetime(2026, 11, 20, tzinfo=UTC)
DATASETS = ("financial.loan", "government.tax_payment", "government.penalty")
TITLE = Label("测试", "Test")

rates = st.dictionaries(st.sampled_from(Unit), st.integers(1, 500), max_size=3).map(
    lambda found: tuple(Rate(unit, most) for unit, most in found.items())
)
months = st.integers(0, 60)
caps = st.fixed_dictionaries({d: st.tuples(months, rates) for d in DATASETS})


def template(whole: tuple[int, tuple[Rate, ...]], own: Mapping[str, tuple[int, tuple[Rate, ...]]]) -> FairUse:
    """A fair-use template with a range and reads for the subject at all and for each dataset."""
    return FairUse(
        "FU-TEST", PURPOSE, TITLE, 365, whole[0], 0, 10, whole[1], (), Beyond.REFUSE, Beyond.CLAMP,
        Beyond.REFUSE, {d: DatasetCaps(d, m, 0, r) for d, (m, r) in own.items() if m or r}, "test", False,
    )  # fmt: skip


def signed_under(fair_use: FairUse) -> Consent:
    """A consent with the items and reads of an artefact made under a template."""
    notice = ConsentTemplate(
        "C", 1, PURPOSE, SubjectKind.ORG, tuple(ConsentItem(d, False) for d in DATASETS), 0, 365, 20, 90, False,
        TITLE, TITLE, TITLE,
    )  # fmt: skip
    purpose = Purpose(PURPOSE, TITLE, LawfulBasis.CONSENT, True, False, ("bank",), "test", False)
    terms = Terms(purpose, notice, fair_use, DATASETS, NOW, NOW, date.min, date.max, 1)
    whole = rate_documents(fair_use.reads_of_subject)
    artefact: dict[str, Any] = {
        "items": [terms.item(d, ()) for d in DATASETS],
        "dataLife": {"unit": "DAY", "value": 90},
        **({"frequency": whole} if whole else {}),
    }
    return Consent(b"s" * 16, "c_1", 1, "I", PURPOSE, NOW, NOW, 1, 0, False, None, artefact)


def by_unit(fair_use: FairUse, dataset: str) -> dict[str, int]:
    """The reads that a template itself allows of a dataset, or of the subject at all."""
    if not dataset:
        return {rate.unit.value: rate.most for rate in fair_use.reads_of_subject}
    own = fair_use.datasets.get(dataset)
    return {rate.unit.value: rate.most for rate in own.reads_of_subject} if own else {}


@given(st.tuples(months, rates), caps, st.tuples(months, rates), caps)
def test_reads_and_ranges_are_held_to_the_tighter_of_signed_and_current_caps(
    old_whole: Any, old_own: Any, new_whole: Any, new_own: Any
) -> None:
    old, new = template(old_whole, old_own), template(new_whole, new_own)
    consent = signed_under(old)
    found = {(c.dataset, c.unit): c.most for c in counters(new, (new,), DATASETS, consent.frequency)}
    expected: dict[tuple[str, str], int] = {}
    for dataset in ("", *DATASETS):
        before, after = by_unit(old, dataset), by_unit(new, dataset)
        for unit in before.keys() | after.keys():
            expected[dataset, unit] = min(t[unit] for t in (before, after) if unit in t)
    assert found == expected
    arrays = SlotArrays((), new, consent.range_months)
    for dataset in DATASETS:
        own = old.datasets[dataset].range_months if dataset in old.datasets else 0
        limits = [m for m in (own, new.range_months_of(dataset)) if m]
        assert arrays.earliest(dataset, TODAY) == (months_before(TODAY, min(limits)) if limits else date.min)


@given(st.tuples(months, rates), caps, st.tuples(months, rates), caps)
def test_the_same_is_counted_under_every_template_of_a_purpose(
    one_whole: Any, one_own: Any, other_whole: Any, other_own: Any
) -> None:
    one = template(one_whole, one_own)
    other = replace(template(other_whole, other_own), id="FU-OTHER")
    both = (one, other)
    under = {t.id: {c[:3]: c.most for c in counters(t, both, DATASETS, {})} for t in both}
    assert under[one.id].keys() == under[other.id].keys()
    for used in both:
        own = {(True, d, unit): most for d in ("", *DATASETS) for unit, most in by_unit(used, d).items()}
        assert all(most == own.get(key, MOST_READS) for key, most in under[used.id].items())
