"""The benchmark's policies differ from those in force in caps on reading alone."""

from pathlib import Path

from hub.bench.fairuse import FILE, SUBJECTS, ample, raised
from hub.catalog.loader import load_catalog
from hub.folders import locate
from hub.policies.files import load_policies

TEMPLATE = """
# most = 5 is written so
subjects_per_request = 10
reads_of_subject = [{ unit = "DAY", most = 5 }, { unit = "MONTH", most=1_500 }]
almost = 3
"""


def _copy(tmp_path: Path) -> Path:
    return ample(locate("policies"), tmp_path / "policies")


def test_small_caps_are_raised_a_million_times_and_all_keep_their_order():
    text = raised(TEMPLATE)
    assert "most = 5000000 }" in text
    assert "most=1000001500 }" in text
    assert f"subjects_per_request = {SUBJECTS}" in text
    assert "almost = 3" in text


def test_caps_stay_countable_in_four_bytes():
    assert all(int(cap) < 2**31 for cap in raised("most = 999\nmost = 1000000000").split()[2::3])


def test_the_copy_differs_in_the_fair_use_templates_alone(tmp_path: Path):
    source, target = locate("policies"), _copy(tmp_path)
    names = {path.name for path in source.iterdir()}
    assert names == {path.name for path in target.iterdir()}
    differing = {name for name in names if (source / name).read_bytes() != (target / name).read_bytes()}
    assert differing <= {FILE}


def test_the_copy_is_a_policy_that_passes_lint(tmp_path: Path):
    catalog = load_catalog(locate("schema"))
    policy = load_policies(_copy(tmp_path), catalog)
    assert policy.rules == load_policies(locate("policies"), catalog).rules
    for template in policy.fair_use.values():
        assert template.subjects_per_request == SUBJECTS
        assert all(rate.most >= 1_000_000 for rate in (*template.reads_of_subject, *template.reads_in_all))
