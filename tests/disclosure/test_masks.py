"""Masks show less of a value and keep its type."""

from __future__ import annotations

from typing import Any

import pytest

from hub.disclosure.masks import MASKS, mask_for
from hub.errors import CatalogError

SHOWN: dict[str, tuple[str, Any, Any]] = {
    "a name keeps its surname": ("name", "张三丰", "张*"),
    "a compound surname stays whole": ("name", "欧阳海", "欧阳*"),
    "a two-character name that looks like a compound surname shows one character": ("name", "欧阳", "欧*"),
    "a resident id keeps first six and last four": ("id", "469999199003070019", "469999********0019"),
    "a short document number shows nothing": ("id", "E1234567", "********"),
    "a phone keeps first three and last four": ("phone", "10012341234", "100****1234"),
    "a short phone shows nothing": ("phone", "12345", "*****"),
    "an account keeps its last four whatever its length": ("account", "622202123456789", "****6789"),
    "a short account shows nothing": ("account", "12345", "****"),
    "an address stops at the township": (
        "address",
        "海南省白沙黎族自治县牙叉镇某路1号",
        "海南省白沙黎族自治县牙叉镇*****",
    ),
    "an address without township keeps three characters": ("address", "海口市1号楼", "海口市*****"),
    "an amount keeps its first digit": ("amount", 123_456, 100_000),
    "a negative amount keeps its sign": ("amount", -9_876, -9_000),
    "a single digit stays": ("amount", 7, 7),
    "nothing stays nothing": ("amount", 0, 0),
    "a date keeps its year": ("date", "2026-03-05", "2026-01-01"),
    "a month keeps its year": ("date", "2026-03", "2026-01"),
    "a text shows that there is one": ("text", "违法事实若干", "*****"),
}


@pytest.mark.parametrize("case", SHOWN, ids=lambda c: c)
def test_a_mask_shows(case: str) -> None:
    name, value, shown = SHOWN[case]
    assert mask_for(name)(value) == shown
    assert type(mask_for(name)(value)) is type(value)


def test_every_mask_is_covered_and_an_unknown_one_is_refused() -> None:
    assert {name for name, _, _ in SHOWN.values()} == set(MASKS)
    with pytest.raises(CatalogError, match="no mask"):
        mask_for("blur")
