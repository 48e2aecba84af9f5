"""Two worlds that differ only in what the caller may not see give the same answers for the same work.

For each caller a pair of worlds is filled (`common_records`, `variation`: what is varied, what is not, and why), and both
are asked the same random requests (`curious`, `documents`): subjects alone and in lists, as one answer or line by
line, registers beside them, filters and pages, cursors of earlier answers, trusted documents, and everything that is
refused. `paired` says what is compared. On a difference `hunt` prints the smallest request that shows it.

The number of requests over all callers is GENERATED_DOCUMENTS, their seed GENERATED_SEED.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter

import pytest

from .askers import ASKERS
from .conftest import Pairs
from .curious import Curious, Request
from .hunt import hunt, shrink
from .oracles import ORACLES

REQUESTS = int(os.environ.get("GENERATED_DOCUMENTS", "220"))
SEED = int(os.environ.get("GENERATED_SEED", "1"))
_UNTIL_FOUND = 150


@pytest.mark.parametrize("name", ASKERS)
def test_what_a_caller_may_not_see_changes_neither_bytes_nor_work(
    name: str, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = -(-REQUESTS // len(ASKERS))
    came = asyncio.run(hunt(pairs.of(name), monkeypatch, share, SEED))
    print(
        f"\n{name}: {came.asked} asked, {came.shown} disclosed, {came.unsealed} opened, {came.seconds:.0f} s"
    )
    assert not came.found, f"\n{came.found[0]}"
    assert came.shown > came.asked // 6


def test_together_the_worlds_differ_in_all_that_can_be_hidden(pairs: Pairs) -> None:
    varied: Counter[str] = Counter()
    for name in ASKERS:
        if name not in pairs.varied:
            pairs.of(name)
        own = pairs.varied[name]
        for what in ("withheld value", "value absent", "record dropped", "record added", "state"):
            assert own[what] > 20, (name, what)
        varied += own
    for what, least in {
        "natural key": 150, "event date": 20, "masked value": 80, "generalised value": 5, "summed value": 10,
    }.items():  # fmt: skip
        assert varied[what] >= least, what


def test_the_same_seed_gives_the_same_requests(pairs: Pairs) -> None:
    prepared = pairs.of("a subject about itself")
    one, same, other = ([curious.request() for _ in range(40)] for curious in (
        Curious(prepared.schema, prepared.reach, seed) for seed in (7, 7, 8)
    ))  # fmt: skip
    assert one == same != other


@pytest.mark.parametrize("name", ORACLES)
def test_the_hunt_finds_a_planted_oracle(name: str, pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = ORACLES[name]
    prepared = pairs.of(planted.asker)
    planted.plant(monkeypatch)
    came = asyncio.run(hunt(prepared, monkeypatch, _UNTIL_FOUND, SEED, attempts=30))
    assert came.found, f"not found in {came.asked} requests"
    assert planted.shows_in in came.found[0].what, came.found[0]


def test_the_smallest_request_that_shows_a_difference_is_found() -> None:
    large = Request(
        "query Q($u: USCC!, $n: Int, $p: PersonIdentifier!) { ...F organization(uscc: $u) { name government { penalties(first: $n) "
        "{ nodes { id documentNo fineAmount { amount currency } } pageInfo { hasNextPage } } } } } "
        "fragment F on Query { person(id: $p) { name ... on NaturalPerson { phone @include(if: true) } } }",
        {"u": "91460100DEM000014C", "n": 3, "p": "469999198506159993"},
    )

    async def differs(request: Request) -> str:
        return "differs" if "fineAmount" in request.text and "$u" in request.text else ""

    smallest = asyncio.run(shrink(large, differs))
    assert " ".join(smallest.text.split()) == (
        "query Q($u: USCC!) { organization(uscc: $u) { government { penalties { nodes { fineAmount {} } } } } }"
    )
    assert smallest.variables == {"u": "91460100DEM000014C"}
