"""The stream repeats itself, larger worlds begin with smaller ones, and every value fits the catalogue."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import orjson
import pytest

from hub.catalog.types import Field, FieldType, SubjectKind
from hub.catalog.values import must_be_given, natural_key, read_value
from hub.demo.generator import Generator
from hub.demo.record import DemoRecord
from hub.demo.records_other import _SHAPES
from hub.model.identifiers import parse_resident_id, parse_uscc
from hub.model.money import in_unit

from .demo_worlds import SEED, TODAY, catalog, of, sample


def stream(generator: Generator) -> bytes:
    return b"\n".join(orjson.dumps(tuple(record)) for record in generator.records())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    first = stream(Generator(60, 60, 1, TODAY))
    assert stream(Generator(60, 60, 1, TODAY)) == first
    assert stream(Generator(60, 60, 2, TODAY)) != first


def test_a_larger_world_begins_with_the_smaller_one() -> None:
    small, large = Generator(40, 30, SEED, TODAY), Generator(400, 300, SEED, TODAY)
    assert list(islice(large.organisations(), 40)) == list(small.organisations())
    assert list(islice(large.persons(), 30)) == list(small.persons())
    assert list(large.records_of(large.organisation(17))) == list(small.records_of(small.organisation(17)))


def test_the_records_of_one_dataset_are_those_of_the_whole_stream() -> None:
    generator = Generator(50, 50, SEED, TODAY)
    named = list(generator.records("government.licence"))
    assert named
    assert named == [r for r in generator.records() if r.dataset == "government.licence"]


def test_all_datasets_of_the_catalogue_are_covered() -> None:
    """The rows of `_SHAPES` follow from the catalogue's entries; of two datasets the demo has no source."""
    no_source = {"market.credit_rating", "market.self_declaration"}
    assert {r.dataset for r in sample()} | set(_SHAPES) == set(catalog().datasets) - no_source


def _cell(field: Field, value: object) -> str:
    if field.type is FieldType.MONEY:
        assert isinstance(value, int)
        return in_unit(value, field.unit)
    return ";".join(value) if isinstance(value, list) else str(value)


def _faults(record: DemoRecord) -> list[str]:
    dataset = catalog().datasets[record.dataset]
    faults = [f"{record.dataset}: unknown {name}" for name in record.values if name not in dataset.by_name]
    if record.kind not in dataset.subjects:
        faults.append(f"{record.dataset}: not for {record.kind}")
    for field in dataset.fields:
        value = record.values.get(field.name)
        if value is None:
            if field.name in record.values:
                faults.append(f"{field.id}: holds nothing")
            elif must_be_given(field, record.kind) and field.type is not FieldType.OPEN_DATE:
                faults.append(f"{field.id}: missing")
        elif read_value(field, _cell(field, value), today=TODAY, demo=True) != value:
            faults.append(f"{field.id}: not in stored form")
    return faults


def test_every_value_is_in_the_stored_form_of_its_field_and_required_ones_are_there() -> None:
    monthly = [r for r in sample() if "period" in r.values][::8]
    others = [r for r in sample() if "period" not in r.values]
    faults = Counter(fault for record in (*monthly, *others) for fault in _faults(record))
    assert not faults


def test_natural_keys_tell_the_records_of_a_subject_apart() -> None:
    keys = Counter(
        (r.identifier, r.dataset, natural_key(catalog().datasets[r.dataset], r.values)) for r in sample()
    )
    assert [key for key, count in keys.items() if count > 1] == []


def test_identifiers_are_valid_unique_and_in_the_reserved_ranges() -> None:
    profiles = [r for r in sample() if catalog().datasets[r.dataset].profile]
    assert len({r.identifier for r in profiles}) == len(profiles) == 2_400
    for record in profiles:
        if record.kind is SubjectKind.ORG:
            assert parse_uscc(record.identifier, demo=True).organisation_code.startswith("DEM")
            assert str(record.values["legalRepresentativeIdNumber"]).startswith("469999")
            assert str(record.values["legalRepresentativePhone"]).startswith("100")
        else:
            parsed = parse_resident_id(record.identifier, today=TODAY, demo=True)
            assert parsed.division == "469999"
            assert parsed.birth_date.isoformat() == record.values["birthDate"]
            assert parsed.male == (record.values["gender"] == "MALE")
            assert str(record.values["phone"]).startswith("100")


def test_persons_and_representatives_never_share_a_number() -> None:
    registrations = [
        r for r in of("government.registration") if r.values["legalRepresentativeName"] != "符海澜"
    ]
    representatives = {r.values["legalRepresentativeIdNumber"] for r in registrations}
    assert len(representatives) == 1_199
    assert representatives.isdisjoint(r.identifier for r in of("government.person_profile"))


def test_names_of_organisations_and_numbers_of_documents_and_cases_are_marked_as_synthetic() -> None:
    for record in sample():
        if record.kind is SubjectKind.ORG:
            assert record.name.endswith("（演示）")
        for name in (
            "documentNo",
            "caseNo",
            "listingDocumentNo",
            "basisDocumentNo",
            "contractNo",
            "applicationNo",
        ):
            if name in record.values:
                assert "演" in str(record.values[name])


@pytest.mark.parametrize(
    ("dataset", "field", "code", "share", "tolerance"),
    [
        ("government.registration", "organizationType", "INDIVIDUAL_BUSINESS", 0.62, 0.05),
        ("government.registration", "organizationType", "ENTERPRISE", 0.34, 0.05),
        ("government.registration", "operatingStatus", "ACTIVE", 0.88, 0.04),
        ("government.registration", "operatingStatus", "DEREGISTERED", 0.07, 0.03),
        ("government.penalty", "severity", "MINOR", 0.62, 0.15),
        ("government.penalty", "severity", "GENERAL", 0.35, 0.15),
        ("government.tax_grade", "grade", "B", 0.55, 0.15),
        ("government.abnormal_list", "listingReason", "ANNUAL_REPORT_MISSING", 0.60, 0.18),
        ("market.commitment", "kind", "PROACTIVE", 0.50, 0.12),
        ("market.commitment", "status", "FULFILLED", 0.93, 0.04),
    ],
)
def test_codes_come_in_the_shares_that_were_asked_for(
    dataset: str, field: str, code: str, share: float, tolerance: float
) -> None:
    values = [r.values.get(field) for r in of(dataset)]
    assert abs(values.count(code) / len(values) - share) < tolerance


def test_between_three_and_eight_percent_of_businesses_have_a_penalty() -> None:
    firms = {
        r.identifier for r in of("government.registration") if r.values["organizationType"] == "ENTERPRISE"
    }
    punished = {r.identifier for r in of("government.penalty")} & firms
    assert 0.03 < len(punished) / len(firms) < 0.10


def test_about_three_percent_of_persons_are_under_fourteen_and_have_a_profile_only() -> None:
    profiles = of("government.person_profile")
    children = {
        r.identifier
        for r in profiles
        if parse_resident_id(r.identifier, today=TODAY, demo=True).age(TODAY) < 14
    }
    assert 0.015 < len(children) / len(profiles) < 0.05
    assert {r.dataset for r in sample() if r.identifier in children} == {"government.person_profile"}


def test_the_default_world_holds_about_a_hundred_thousand_records() -> None:
    count = sum(1 for _ in Generator(2_000, 3_000, 1, TODAY).records())
    assert 90_000 < count < 115_000
