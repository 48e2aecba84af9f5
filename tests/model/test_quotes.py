"""Which values of a record a text quotes."""

from __future__ import annotations

import pytest

from hub.model.quotes import hidden_in, quoted

VALUES = {
    "name": "示范公司", "amount": 1_000_000, "fee": 123_456, "count": 7, "day": "2026-03-05", "kinds": ["罚款", "警告"],
    "flag": True, "mark": "x", "number": "469999199001011234",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fields"),
    {
        "nothing": ("并无此事", set()),
        "a name": ("我方示范公司不服", {"name"}),
        "a name with blanks": ("示 范 公 司", {"name"}),
        "an amount in yuan": ("罚了10000元", {"amount"}),
        "with separators": ("共10,000.00元", {"amount"}),
        "in units of ten thousand": ("共1万元", {"amount"}),
        "as a part of a longer number": ("共110000元、11万元、100000元", set()),
        "with a fraction": ("手续费1234.56元", {"fee"}),
        "a small number": ("有7次", set()),
        "a date as it is stored": ("2026-03-05的决定", {"day"}),
        "a date in Chinese": ("2026年3月5日的决定", {"day"}),
        "one of a list": ("只是警告", {"kinds"}),
        "a truth value or a single letter": ("True x", set()),
        "digits in full width": ("４６９９９９１９９００１０１１２３４", {"number"}),
    }.values(),
)
def test_a_value_is_found_as_it_would_be_read(text: str, fields: set[str]) -> None:
    assert quoted(text, VALUES) == fields


@pytest.mark.parametrize(
    ("text", "found"),
    {
        "as it is": ("证件469999199001011234", True),
        "with hyphens": ("469999-1990-0101-1234", True),
        "with dots and blanks": ("469999.1990 0101·1234", True),
        "behind another digit": ("0469999199001011234", True),
        "before another digit": ("4699991990010112345", True),
        "in part": ("尾号1234", False),
        "another number": ("469999199001011243", False),
    }.values(),
)
def test_a_value_that_nobody_may_read_is_found_with_separators_and_inside_something_longer(
    text: str, found: bool
) -> None:
    assert hidden_in(text, {"number": VALUES["number"]}) is found
