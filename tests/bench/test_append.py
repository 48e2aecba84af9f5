"""Appends: both ways run, and the entries stand in the log."""

from hub.bench.append import run
from hub.clock import SystemClock
from hub.config import Settings


def test_both_ways_of_appending_are_measured(database_url: str):
    outcome = run(
        Settings(database_url=database_url),
        SystemClock(),
        waiters=(2,),
        seconds=0.1,
        rounds=1,
        say=lambda _: None,
    )
    assert outcome.log[2].median > 0
    assert outcome.plain[2].median > 0
    assert outcome.json()["ratios"]["log_to_plain"]["2"] > 0
