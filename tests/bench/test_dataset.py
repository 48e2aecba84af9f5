"""The benchmark's records: always the same, as many for every company, and such as intake would take."""

from collections import Counter
from datetime import date

from hub.bench.dataset import EVENTS, MONTHS, RECORDS, Company, records
from hub.bench.plain import ORDER, TABLES
from hub.catalog.loader import load_catalog
from hub.folders import locate
from hub.model.identifiers import parse_uscc

TODAY = date(2026, 11, 20)


def test_the_same_company_on_the_same_day_has_the_same_records():
    assert list(records(Company.of(7), TODAY)) == list(records(Company.of(7), TODAY))


def test_two_companies_have_different_codes_and_amounts():
    one, two = Company.of(1), Company.of(2)
    assert one.uscc != two.uscc
    assert all(a != b for a, b in zip(records(one, TODAY), records(two, TODAY), strict=True))


def test_every_company_has_as_many_records_of_each_dataset():
    expected = {d: MONTHS for d in TABLES if ORDER[d] == "period"} | {"government.registration": 1}
    for index in (0, 1, 9_999):
        counts = Counter(dataset for dataset, _ in records(Company.of(index), TODAY))
        assert counts == {d: expected.get(d, EVENTS) for d in TABLES}
        assert counts.total() == RECORDS


def test_company_codes_are_valid_synthetic_codes():
    for index in (0, 599, 79_000, 200_000):
        assert str(parse_uscc(Company.of(index).uscc, demo=True)) == Company.of(index).uscc


def test_records_hold_known_fields_and_every_required_one():
    catalog = load_catalog(locate("schema"))
    for dataset, values in records(Company.of(3), TODAY):
        known = catalog.datasets[dataset].by_name
        assert set(values) <= set(known), dataset
        open_ends = {"validTo"}
        required = {f.name for f in known.values() if f.required in ("Y", "O")} - open_ends
        assert required <= set(values), dataset


def test_plain_tables_hold_fields_that_the_records_have():
    for dataset, values in records(Company.of(3), TODAY):
        assert set(TABLES[dataset]) <= set(values), dataset
        assert ORDER[dataset] in TABLES[dataset]
