"""Several processes: each answers, all share one log, and what the database tells of it is right."""

import dataclasses
from pathlib import Path

import pytest

from hub.bench.machine import Placement
from hub.bench.measure import Measured, Sample, Spread
from hub.bench.workers import Outcome, Plan, run
from hub.cli.bench_tables import show_workers
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import InputError

SMALL = Plan(processes=(1, 2), connections=(2,), seconds=0.3, rounds=1, subjects=3)
BAD_PLANS = {
    "one number of processes": {"processes": (2,)},
    "no process": {"processes": (0, 1)},
    "numbers that do not grow": {"processes": (2, 1)},
    "a process without a connection": {"connections": (1,)},
    "no time": {"seconds": 0},
    "no companies": {"subjects": 0},
}
PINNED = Placement((0, 1), (2,), (3,))


@pytest.mark.parametrize("what", BAD_PLANS)
def test_a_plan_that_makes_no_sense_is_refused(what: str):
    with pytest.raises(InputError):
        dataclasses.replace(SMALL, **BAD_PLANS[what]).checked()


def _outcome(placement: Placement) -> Outcome:
    rates = {"1": 500.0, "2": 800.0}
    samples = {(n, 2): [Sample(rate, 1.0, 2.0, 1.0, 10, 0, 7)] for n, rate in rates.items()}
    each = {("1", 2): Spread(2, 2, 2), ("2", 2): Spread(1, 1, 1)}
    return Outcome(SMALL, placement, True, Measured(samples), each, {("2", 2): Spread(0.5, 0.5, 0.5)})


def test_the_ratio_is_that_of_requests_a_second():
    assert _outcome(PINNED).json()["ratios"] == {"2": {"2": {"median": 1.6, "low": 1.6, "high": 1.6}}}


def test_how_busy_the_database_is_follows_from_its_cost_of_a_request_and_its_cores():
    assert _outcome(PINNED).database_busy(2, 2) == pytest.approx(0.4)
    assert _outcome(PINNED).database_busy(1, 2) is None
    assert _outcome(Placement()).database_busy(2, 2) is None


def test_a_machine_without_cores_for_everyone_is_told_that_the_target_is_not_meant_for_it(
    capsys: pytest.CaptureFixture[str],
):
    show_workers(_outcome(Placement()), None)
    assert "no cores of their own" in capsys.readouterr().out
    show_workers(_outcome(PINNED), None)
    assert "no cores of their own" not in capsys.readouterr().out


def test_a_run_measures_one_process_and_two_on_one_log(database_url: str, tmp_path: Path):
    outcome = run(Settings(database_url=database_url), SystemClock(), SMALL, lambda _: None)
    document = outcome.json()
    assert outcome.measured.errors == 0
    assert all(by["2"]["requests"] > 0 for by in document["contestants"].values())
    assert set(document["requests_per_commit"]) == {"1", "2"}
    assert all(1 <= by["2"]["median"] <= 2 for by in document["requests_per_commit"].values())
    assert document["ratios"]["2"]["2"]["median"] > 0
    show_workers(outcome, tmp_path / "processes.json")
    assert (tmp_path / "processes.json").exists()
