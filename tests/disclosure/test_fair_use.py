"""What an answer counts against, and what is remembered of quotas that are spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from hub.audit.reservation import ConsentUse, QuotaUse, Refusal
from hub.catalog.types import Label
from hub.clock import CST
from hub.disclosure.fair_use import SpentQuotas, counters, quota_uses
from hub.model.outcome import Reason
from hub.policies.fair_use import MOST_READS
from hub.policies.model import Beyond, DatasetCaps, FairUse, Rate, Unit

SUBJECT, BANK, PURPOSE = b"\x01" * 16, "91460000DEM00001XX", "LOAN_APPLICATION"
NOW = datetime(2026, 3, 4, 17, 30, tzinfo=UTC)
DAY, MONTH = datetime(2026, 3, 5, tzinfo=CST), datetime(2026, 3, 1, tzinfo=CST)
TEMPLATE = FairUse(
    id="FU-TEST",
    purpose=PURPOSE,
    title=Label("测试", "Test"),
    max_consent_days=365,
    range_months=36,
    data_life_days=90,
    subjects_per_request=10,
    reads_of_subject=(Rate(Unit.DAY, 20), Rate(Unit.MONTH, 200)),
    reads_in_all=(Rate(Unit.DAY, 20_000),),
    over_consent_days=Beyond.REFUSE,
    over_range=Beyond.CLAMP,
    over_subjects=Beyond.REFUSE,
    datasets={
        "financial.loan": DatasetCaps("financial.loan", 24, 30, (Rate(Unit.DAY, 5),)),
        "government.penalty": DatasetCaps("government.penalty", 24),
        "market.commitment": DatasetCaps("market.commitment", reads_of_subject=(Rate(Unit.DAY, 1),)),
    },
    source="test",
    verified=False,
)
IN_ALL = QuotaUse(b"", BANK, PURPOSE, "", "DAY", DAY, 1, 20_000)
OF_SUBJECT = QuotaUse(SUBJECT, BANK, PURPOSE, "", "DAY", DAY, 1, 20)
IN_MONTH = QuotaUse(SUBJECT, BANK, PURPOSE, "", "MONTH", MONTH, 1, 200)
OF_LOANS = QuotaUse(SUBJECT, BANK, PURPOSE, "financial.loan", "DAY", DAY, 1, 5)


PLAIN = replace(TEMPLATE, id="FU-PLAIN", datasets={}, reads_of_subject=(Rate(Unit.DAY, 10),), reads_in_all=())
Signed = Mapping[str, Mapping[str, int]]


def uses(
    *datasets: str, now: datetime = NOW, signed: Signed = MappingProxyType({}), template: FairUse = TEMPLATE
) -> list[QuotaUse]:
    of_purpose = (TEMPLATE, PLAIN) if template is PLAIN else (TEMPLATE,)
    return quota_uses(counters(template, of_purpose, datasets, signed), SUBJECT, BANK, PURPOSE, now)


def test_an_answer_counts_for_all_subjects_for_its_own_and_for_capped_datasets_it_shows() -> None:
    assert uses("government.penalty", "financial.loan") == [IN_ALL, OF_SUBJECT, IN_MONTH, OF_LOANS]


def test_a_dataset_that_is_not_shown_or_has_no_cap_of_its_own_is_not_counted() -> None:
    assert uses() == uses("government.penalty", "government.registration") == [IN_ALL, OF_SUBJECT, IN_MONTH]


def test_a_consent_signed_for_fewer_reads_or_by_another_unit_is_kept_to() -> None:
    found = uses(signed={"": {"DAY": 7, "MONTH": 900, "HOUR": 2}})
    assert {(use.unit, use.most) for use in found if use.subject_id} == {
        ("DAY", 7), ("MONTH", 200), ("HOUR", 2),
    }  # fmt: skip


def test_a_consent_signed_for_fewer_reads_of_a_dataset_is_kept_to_where_that_is_shown() -> None:
    signed = {"financial.loan": {"DAY": 3, "MONTH": 9}, "government.penalty": {"DAY": 1}}
    found = uses("financial.loan", signed=signed)
    assert {(use.unit, use.most) for use in found if use.dataset} == {("DAY", 3), ("MONTH", 9)}


def test_what_another_template_of_the_purpose_caps_is_counted_without_a_limit() -> None:
    found = uses("financial.loan", "government.penalty", template=PLAIN)
    assert sorted(use.key for use in found) == sorted(use.key for use in uses("financial.loan"))
    assert {(use.dataset, use.unit): use.most for use in found if use.subject_id} == {
        ("", "DAY"): 10, ("", "MONTH"): MOST_READS, ("financial.loan", "DAY"): MOST_READS,
    }  # fmt: skip


def test_the_window_is_the_civil_one_of_the_request() -> None:
    before = [use.window_start for use in uses(now=datetime(2026, 3, 4, 15, 59, 59, tzinfo=UTC))]
    assert before == [DAY - timedelta(days=1), DAY - timedelta(days=1), MONTH]
    assert [use.window_start for use in uses(now=datetime(2026, 3, 4, 16, tzinfo=UTC))] == [DAY, DAY, MONTH]


def refusal(use: QuotaUse | ConsentUse, left: int = 0) -> Refusal:
    return Refusal(use, Reason.FAIR_USE_FREQUENCY, left)


def test_a_refused_quota_with_nothing_left_is_spent_whatever_the_next_request_would_use() -> None:
    spent = SpentQuotas()
    assert spent.first_spent(uses()) is None
    spent.remember([refusal(OF_SUBJECT._replace(uses=7)), refusal(OF_LOANS)])
    assert spent.first_spent(uses("financial.loan")) == OF_SUBJECT
    assert spent.first_spent([IN_ALL, OF_LOANS]) == OF_LOANS
    assert spent.first_spent([IN_ALL, IN_MONTH]) is None


def test_a_spent_quota_is_open_again_in_the_next_window_and_under_a_larger_limit() -> None:
    spent = SpentQuotas()
    spent.remember([refusal(OF_SUBJECT)])
    assert spent.first_spent([OF_SUBJECT._replace(window_start=DAY + timedelta(days=1))]) is None
    assert spent.first_spent([OF_SUBJECT._replace(most=21)]) is None
    assert spent.first_spent([OF_SUBJECT._replace(subject_id=b"\x02" * 16)]) is None


def test_consents_and_quotas_with_something_left_are_not_remembered() -> None:
    spent = SpentQuotas()
    spent.remember([refusal(ConsentUse(SUBJECT, "c_1", 1)), refusal(OF_SUBJECT, left=1)])
    assert spent.first_spent(uses()) is None


def test_only_the_spent_quotas_met_last_are_remembered() -> None:
    spent = SpentQuotas(2)
    spent.remember([refusal(OF_SUBJECT), refusal(OF_LOANS)])
    assert spent.first_spent([OF_SUBJECT]) == OF_SUBJECT
    spent.remember([refusal(IN_ALL)])
    assert spent.first_spent([OF_LOANS]) is None
    assert spent.first_spent([OF_SUBJECT]) == OF_SUBJECT
    assert spent.first_spent([IN_ALL]) == IN_ALL
