"""The list of countries is whole, in order, and tells the regions of China apart."""

from __future__ import annotations

from hub.model.countries import MAINLAND, countries, country_named


def test_the_list_holds_every_code_of_the_standard_once_and_each_has_both_names() -> None:
    found = countries()
    assert len(found) == 249
    assert list(found) == sorted(found)
    for code, country in found.items():
        assert code == country.code
        assert len(code) == 2
        assert code.isascii()
        assert code.isupper()
        assert country.zh
        assert country.en


def test_hong_kong_macao_and_taiwan_have_codes_of_their_own_and_are_named_as_regions_of_china() -> None:
    for code in ("HK", "MO", "TW"):
        assert code != MAINLAND
        assert country_named(code).zh.startswith("中国")
        assert country_named(code).en.endswith(", China")


def test_a_code_that_the_list_does_not_have_stands_for_itself() -> None:
    assert country_named("XX") == ("XX", "XX", "XX")
