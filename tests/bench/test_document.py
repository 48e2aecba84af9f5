"""The report document is as large as the benchmark says."""

from hub.bench.dataset import Company
from hub.bench.document import leaves, read_plan
from hub.catalog.loader import load_catalog
from hub.disclosure.rules import Rules
from hub.folders import locate
from hub.policies.files import load_policies


def _rules() -> Rules:
    catalog = load_catalog(locate("schema"))
    return Rules(catalog, load_policies(locate("policies"), catalog))


def test_the_report_reads_eight_datasets_and_opens_at_least_sixteen_sealed_values():
    plan = read_plan(_rules(), 100, Company.of(0).uscc)
    assert len(set(plan.datasets)) == 8
    assert plan.unsealed == 21


def test_the_plan_does_not_depend_on_the_company():
    rules = _rules()
    assert read_plan(rules, 100, Company.of(0).uscc) == read_plan(rules, 100, Company.of(1).uscc)


def test_leaves_are_found_below_objects_and_lists_by_path():
    data = {"a": {"b": [{"c": 1}, {"c": None}]}, "d": "x"}
    assert leaves(data) == {"a.b.0.c": 1, "a.b.1.c": None, "d": "x"}
