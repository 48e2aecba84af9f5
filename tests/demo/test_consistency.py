"""The rules of time and consistency that synthetic records keep among themselves."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from hub.catalog.types import Domain, SubjectKind
from hub.demo.codes import months_after, working_days_after
from hub.demo.generator import Generator
from hub.demo.record import DemoRecord
from hub.demo.records_lists import serious_dishonesty
from hub.model.identifiers import birth_date

from .demo_worlds import SEED, TODAY, catalog, of, sample

SHORTEST = {"MINOR": 0, "GENERAL": 3, "SERIOUS": 12}
LONGEST = {"MINOR": 3, "GENERAL": 12, "SERIOUS": 36}


def day(record: DemoRecord, name: str) -> date:
    return date.fromisoformat(str(record.values[name]))


def event(record: DemoRecord) -> date | None:
    text = record.values.get(catalog().datasets[record.dataset].event_date)
    return date.fromisoformat(str(text) if len(str(text)) == 10 else f"{text}-01") if text else None


def test_nothing_happens_before_the_subject_exists_or_after_today() -> None:
    began = {r.identifier: day(r, "establishedOn") for r in of("government.registration")}
    for record in sample():
        happened = event(record)
        if happened is None:
            continue
        assert happened <= TODAY
        if record.kind is SubjectKind.ORG:
            assert happened.replace(day=1) >= began[record.identifier].replace(day=1), record
        else:
            assert happened >= months_after(birth_date(record.identifier), 14 * 12), record


def test_no_end_lies_before_its_beginning() -> None:
    ends = (
        "validTo",
        "dueOn",
        "settledOn",
        "decidedOn",
        "removedOn",
        "liftedOn",
        "confirmedOn",
        "paidOn",
        "effectiveOn",
    )
    for record in sample():
        began = event(record)
        for name in ends:
            if name in record.values and began is not None:
                assert day(record, name) >= began, record


def test_penalties_are_uploaded_after_the_decision_and_mostly_within_seven_working_days() -> None:
    penalties = of("government.penalty")
    assert all(day(r, "decisionDate") <= day(r, "receivedOn") <= TODAY for r in penalties)
    in_time = [r for r in penalties if day(r, "receivedOn") <= working_days_after(day(r, "decisionDate"), 7)]
    assert 0.82 < len(in_time) / len(penalties) <= 1


def test_publication_keeps_to_the_periods_of_the_severity() -> None:
    negative = [r for r in sample() if "publicationEndDate" in r.values]
    assert negative
    for record in negative:
        began, severity = event(record), str(record.values["severity"])
        assert began is not None
        assert months_after(began, SHORTEST[severity]) <= day(record, "publicationEndDate"), record
        assert day(record, "publicationEndDate") <= months_after(began, LONGEST[severity]), record


def test_some_negative_records_are_still_shown_and_some_are_not() -> None:
    ends = [day(r, "publicationEndDate") >= TODAY for r in of("government.penalty")]
    assert 0.1 < sum(ends) / len(ends) < 0.9


def test_removal_comes_after_the_shortest_period_and_ends_publication() -> None:
    for record in sample():
        for name in ("removedOn", "liftedOn"):
            if name in record.values:
                began = event(record)
                assert began is not None
                assert (
                    months_after(began, SHORTEST[str(record.values["severity"])])
                    <= day(record, name)
                    <= TODAY
                )
                assert day(record, "publicationEndDate") <= day(record, name)


def test_fines_fit_severity_and_law() -> None:
    heavy = {"REVOKE_LICENCE", "RESTRICT_EMPLOYMENT", "ORDER_CLOSURE"}
    for record in of("government.penalty"):
        types, fine = record.values["penaltyTypes"], record.values.get("fineAmount")
        limit = 300_000 if record.kind is SubjectKind.ORG else 20_000
        assert isinstance(types, list)
        assert (fine is not None) == ("FINE" in types)
        assert ("confiscatedAmount" in record.values) == ("CONFISCATE_GAINS" in types)
        match record.values["severity"]:
            case "MINOR":
                assert not heavy & set(types)
                assert fine is None or (isinstance(fine, int) and fine <= limit)
            case "GENERAL":
                assert not heavy & set(types)
                assert isinstance(fine, int)
                assert fine > limit
            case _:
                assert heavy & set(types)


def test_every_serious_entry_has_a_document_an_authority_a_basis_and_a_responsible_person() -> None:
    generator = Generator(6_000, 0, SEED, TODAY)
    entries = [e for org in generator.organisations() for e in serious_dishonesty(generator.world, org)]
    assert 5 < len(entries) < 40
    for record in entries:
        for name in ("documentNo", "listingAuthority", "legalBasis", "responsiblePersonName"):
            assert record.values[name]


def test_every_dishonest_judgment_debt_rests_on_a_judgment_and_brings_a_restriction() -> None:
    judgments = {(r.identifier, r.values["caseNo"]) for r in of("judicial.judgment")}
    restrictions = {(r.identifier, r.values["caseNo"]) for r in of("judicial.consumption_restriction")}
    debts = of("judicial.dishonest_judgment_debt")
    assert debts
    for debt in debts:
        assert (debt.identifier, debt.values["basisDocumentNo"]) in judgments
        assert (debt.identifier, debt.values["caseNo"]) in restrictions
        assert ("removedOn" in debt.values) == (debt.values["performance"] == "FULL")


def test_an_approved_application_is_followed_by_a_loan_of_the_same_bank_and_amount() -> None:
    loans = {(r.identifier, r.values["lenderUscc"], r.values["principal"]) for r in of("financial.loan")}
    approved = [r for r in of("financial.loan_application") if r.values["decision"] == "APPROVED"]
    assert approved
    for record in approved:
        assert (record.identifier, record.values["lenderUscc"], record.values["approvedAmount"]) in loans


def test_lenders_report_to_the_financial_domain_only_and_are_the_source_of_what_they_report() -> None:
    banks = {bank.uscc: bank.name for bank in Generator(1, 1, SEED, TODAY).world.institutions.banks}
    for record in sample():
        if catalog().datasets[record.dataset].domain is Domain.FINANCIAL:
            lender = record.values.get("lenderUscc", record.values.get("creditorUscc"))
            assert record.source_unit == lender
            assert banks[str(lender)] == record.values.get("lender", record.values.get("creditor"))
        else:
            assert record.source_unit not in banks


def test_debtors_of_guarantees_are_organisations_of_the_same_world() -> None:
    names = {r.name for r in of("government.registration")} | {"海口屿帆物流有限公司（演示）"}
    assert {r.values["debtorName"] for r in of("financial.guarantee")} <= names


def test_those_who_ended_report_nothing_afterwards() -> None:
    generator = Generator(1_200, 0, SEED, TODAY)
    ended = {o.identifier: o.until for o in generator.organisations() if o.state != "ACTIVE"}
    assert ended
    for record in sample():
        if record.identifier in ended and record.values.get("period"):
            assert str(record.values["period"]) < ended[record.identifier].isoformat()


def test_monthly_series_have_no_gaps() -> None:
    months: dict[str, list[str]] = defaultdict(list)
    for record in of("government.social_insurance"):
        months[record.identifier].append(str(record.values["period"]))
    for periods in months.values():
        first = date.fromisoformat(f"{periods[0]}-01")
        assert periods == [f"{months_after(first, n):%Y-%m}" for n in range(len(periods))]
