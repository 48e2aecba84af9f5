from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.demo.codes import (
    FIRST_INSTITUTION,
    MOST_PERSONS,
    months_after,
    organisation_number,
    phone,
    resident_id,
    uscc,
    working_days_after,
)
from hub.demo.institutions import Institutions
from hub.errors import InputError
from hub.model.identifiers import parse_resident_id, parse_uscc

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    "code",
    [
        "91460100DEM000014C", "91460105DEM000022F", "91460106DEM000030Q", "91460200DEM0000494",
        "92460106DEM001017G", "93469007DEM00201XH", "12460100DEM0030121", "11460000DEM0050180",
    ],
)  # fmt: skip
def test_codes_written_down_elsewhere_come_out_the_same(code: str) -> None:
    assert uscc(code[:2], code[2:8], code[11:16]) == code


@given(st.integers(0, 15_000_000))
def test_every_organisation_number_gives_a_valid_synthetic_code(index: int) -> None:
    code = uscc("91", "460100", organisation_number(index))
    assert parse_uscc(code, demo=True).organisation_code.startswith("DEM")


def test_organisation_numbers_never_meet_each_other_or_institutions() -> None:
    indexes = [*range(FIRST_INSTITUTION - 50, FIRST_INSTITUTION + 50), *range(100_000, 140_000, 7)]
    numbers = [organisation_number(i) for i in indexes]
    assert len(set(numbers)) == len(numbers)
    assert not any(n.isdigit() and 80_000 <= int(n) < 90_000 for n in numbers)


def test_organisation_numbers_beyond_the_range_are_refused() -> None:
    with pytest.raises(InputError):
        organisation_number(40_000_000)


@given(st.integers(0, MOST_PERSONS - 1), st.integers(0, 1), st.floats(0, 0.999999))
def test_every_resident_id_is_valid_in_the_reserved_region_and_inside_its_window(
    index: int, line: int, chance: float
) -> None:
    window = date(1980, 1, 1), date(1990, 12, 31)
    number, born = resident_id(index, line, *window, chance)
    parsed = parse_resident_id(number, today=TODAY, demo=True)
    assert parsed.division == "469999"
    assert parsed.birth_date == born
    assert window[0] <= born <= window[1]
    assert number[14:17] not in ("000", "999")


def test_resident_ids_never_meet_even_when_chance_is_always_the_same() -> None:
    window = date(1984, 1, 1), date(1987, 12, 31)
    numbers = {resident_id(i, line, *window, 0.0)[0] for i in range(20_000) for line in (0, 1)}
    assert len(numbers) == 40_000


def test_more_persons_than_there_are_numbers_are_refused() -> None:
    with pytest.raises(InputError):
        resident_id(MOST_PERSONS, 0, date(1980, 1, 1), date(1990, 1, 1), 0.5)


def test_telephone_numbers_cannot_ring() -> None:
    assert phone(0.123).startswith("100")
    assert len(phone(0.0)) == 11


def test_months_end_where_the_shorter_month_ends() -> None:
    assert months_after(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_after(date(2026, 3, 31), -13) == date(2025, 2, 28)
    assert months_after(date(2026, 12, 5), 3) == date(2027, 3, 5)


def test_seven_working_days_pass_over_a_weekend() -> None:
    assert working_days_after(date(2026, 11, 20), 7) == date(2026, 12, 1)


def test_institutions_have_valid_codes_that_differ() -> None:
    everyone = Institutions().everyone
    codes = {i.uscc for i in everyone}
    assert len(codes) == len(everyone)
    assert all(parse_uscc(code, demo=True) for code in codes)
