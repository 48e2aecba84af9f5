"""Many companies by one request: the same selection, the same answers, and sums that are right."""

import dataclasses
from pathlib import Path

import pytest
from graphql import print_ast
from graphql.language import FieldNode, InlineFragmentNode, parse

from hub.api.schema import build_schema
from hub.bench.batch import BATCH, SINGLE, Memory, Outcome, Plan, run
from hub.bench.document import batch_body, batch_text, report_text
from hub.bench.machine import Placement
from hub.bench.measure import Sample
from hub.catalog.loader import load_catalog
from hub.cli.bench_tables import show_batch
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import InputError
from hub.folders import locate

BAD_PLANS = {
    "no companies": {"subjects": 0},
    "more companies than a request holds": {"subjects": 1_001},
    "no connections": {"connections": 0},
    "no rounds": {"rounds": 0},
}


@pytest.mark.parametrize("what", BAD_PLANS)
def test_a_plan_that_makes_no_sense_is_refused(what: str):
    with pytest.raises(InputError):
        dataclasses.replace(Plan(), **BAD_PLANS[what]).checked()


def _root(text: str) -> FieldNode:
    return parse(text).definitions[0].selection_set.selections[0]


def test_the_batch_asks_for_the_same_selection_as_the_report():
    batch, report = _root(batch_text()), _root(report_text())
    (fragment,) = batch.selection_set.selections
    assert batch.name.value == "subjects"
    assert isinstance(fragment, InlineFragmentNode)
    assert fragment.type_condition.name.value == "Organization"
    assert print_ast(fragment.selection_set) == print_ast(report.selection_set)


def test_the_body_names_every_company():
    assert b'"ids":["A","B"]' in batch_body(["A", "B"])


def _outcome() -> Outcome:
    single = [Sample(rate, 20.0, 30.0, 2.0, 1_000, 0, 8_000) for rate in (500.0, 400.0)]
    batch = [Sample(rate, 900.0, 900.0, 1_000.0, 1, 0, 8_000_000) for rate in (1.0, 1.2)]
    memory = {SINGLE: Memory(1, 2), BATCH: None}
    return Outcome(Plan(), Placement(), {SINGLE: single, BATCH: batch}, memory, "")


def test_a_batch_counts_as_many_companies_as_it_holds():
    outcome = _outcome()
    assert outcome.subjects_per_second[SINGLE].high == 500
    assert outcome.subjects_per_second[BATCH].high == 1_200
    assert (outcome.ratio.low, outcome.ratio.high) == (2.0, 3.0)
    assert outcome.cpu_ms[SINGLE].median == 2.0
    assert outcome.cpu_ms[BATCH].median == 1.0


def test_memory_that_the_system_does_not_tell_is_left_open(capsys: pytest.CaptureFixture[str]):
    show_batch(_outcome(), None)
    assert "batch : single, companies a second: 2.50 [2.00 3.00]" in capsys.readouterr().out
    assert _outcome().json()["memory_bytes"][BATCH] is None


def _answered() -> bool:
    return "subjects(" in build_schema(load_catalog(locate("schema"))).as_str()


@pytest.mark.skipif(not _answered(), reason="the schema has no field for many subjects yet")
def test_a_run_measures_both_ways(database_url: str, tmp_path: Path):
    plan = Plan(subjects=5, connections=2, repeats=2, rounds=1)
    outcome = run(Settings(database_url=database_url), SystemClock(), plan, lambda _: None)
    assert outcome.errors == 0
    assert [s.requests for s in outcome.samples[SINGLE]] == [10]
    assert [s.requests for s in outcome.samples[BATCH]] == [2]
    show_batch(outcome, tmp_path / "batch.json")
    assert (tmp_path / "batch.json").exists()
