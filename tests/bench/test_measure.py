"""Medians, ranges and ratios."""

import pytest

from hub.bench.measure import Contestant, Sample, Spread, ratio, ratios, rotated, summarise


def _sample(rate: float, *, cpu: float | None = 1.0, p99: float = 10.0) -> Sample:
    return Sample(rate, 1.0, p99, cpu, 100, 0, 7000)


def test_a_summary_gives_the_median_and_the_range_over_the_rounds():
    spread = summarise([_sample(300), _sample(100), _sample(200)]).requests_per_second
    assert (spread.median, spread.low, spread.high) == (200, 100, 300)


def test_cpu_is_left_out_when_one_round_does_not_know_it():
    assert summarise([_sample(1), _sample(1, cpu=None)]).cpu_ms is None


def test_errors_of_all_rounds_are_added():
    bad = Sample(1.0, 1.0, 1.0, 1.0, 1, 3, 10)
    assert summarise([bad, bad]).errors == 6


def _samples(**rates: list[float]) -> dict[tuple[str, int], list[Sample]]:
    return {(name, 16): [_sample(rate, cpu=1000 / rate) for rate in each] for name, each in rates.items()}


def test_ratios_hold_the_hub_against_floor_and_stock_at_the_headline():
    found = ratios(_samples(floor=[1000], stock=[50], hub=[500]), 16)
    assert found["hub_to_floor"] == 0.5
    assert found["hub_to_stock"] == 10
    assert found["cpu_hub_to_floor"] == 2
    assert found["p99_hub_to_floor"] == 1
    assert found["by_connections"]["16"]["hub_to_floor"] == 0.5


def test_ratios_are_taken_within_rounds_so_that_a_slow_round_does_not_bend_them():
    assert ratios(_samples(floor=[1000, 100, 1000], hub=[500, 50, 480]), 16)["hub_to_floor"] == 0.5


@pytest.mark.parametrize("alone", ["floor", "hub"])
def test_a_contestant_alone_has_no_ratios(alone: str):
    assert ratios(_samples(**{alone: [100]}), 16) == {"by_connections": {}}


def test_a_ratio_states_its_range_over_the_rounds():
    one, other = ([_sample(rate) for rate in rates] for rates in ([100, 300, 220], [100, 100, 100]))
    assert ratio(one, other, lambda s: s.requests_per_second) == Spread(2.2, 1, 3)


def test_a_ratio_of_what_nobody_knows_is_none():
    unknown = [_sample(1, cpu=None)]
    assert ratio(unknown, unknown, lambda s: s.cpu_ms or 0.0) is None


def test_every_round_begins_with_another_contestant():
    three = [Contestant(name, ()) for name in "abc"]
    firsts = [[c.name for c in rotated(three, number)] for number in range(4)]
    assert firsts == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]
