"""Identifiers: the published samples, the check characters, and every way to be wrong."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import IdentifierError
from hub.model.identifiers import (
    CertificateKind,
    LegacyKind,
    birth_date,
    normalise,
    organisation_check_character,
    organisation_code_valid,
    parse_certificate,
    parse_legacy_id,
    parse_resident_id,
    parse_uscc,
    resident_check_character,
    upgrade_first_generation,
    uscc_check_character,
)
from hub.model.organisation_ids import ALPHABET
from hub.model.resident_ids import holds_resident_id

TODAY = date(2026, 11, 21)

PUBLISHED = [
    "914403001922038216",
    "91440300192317458F",
    "9144030071526726XG",
    "91440300708461136T",
    "9144030010001686XA",
    "91440300100012316L",
    "91100000100003962T",
    "91440400192548256N",
    "91330100799655058B",
    "91350900587527783P",
    "91360000625912173B",
    "914600006200251612",
    "91350100M000100Y43",
]

SYNTHETIC = [
    "11460000DEM0050180",
    "91460100DEM000014C",
    "91460105DEM000022F",
    "91460106DEM000030Q",
    "91460200DEM0000494",
    "91460400DEM0000579",
    "91469007DEM0000654",
    "91469025DEM0000731",
    "92460106DEM001017G",
    "93469007DEM00201XH",
    "12460100DEM0030121",
    "51460200DEM004015M",
]

BAD_USCC = {
    "Z is not in the alphabet": ("91350100M000100Y4Z", "ALPHABET"),
    "the check character is wrong": ("914403001922038217", "CHECKSUM_MISMATCH"),
    "two digits are swapped": ("91440300129317458F", "CHECKSUM_MISMATCH"),
    "the letter O stands for the check character": ("9144030071526726XO", "ALPHABET"),
    "the letter O stands inside the division": ("914403O01922038216", "ALPHABET"),
    "one character is missing": ("91440300192317458", "LENGTH"),
    "one character is too many": ("914403001923174585F", "LENGTH"),
    "the authority class does not exist": ("01440300192317458F", "ALPHABET"),
    "nothing is there": ("", "LENGTH"),
    "an early code that was issued with a wrong check": ("91350211M0000XUF46", "CHECKSUM_MISMATCH"),
    "another early code that was issued with a wrong check": ("91350100M0001TGQXM", "CHECKSUM_MISMATCH"),
}

RESIDENTS = [
    "469999199003070019",
    "469999201202290022",
    "469999201606010031",
    "469999198506150139",
    "46999919781231124X",
    "469999200810012056",
    "469999196601013168",
    "469999199001010012",
    "469999199001010020",
    "469999199001010039",
    "469999199001010047",
    "469999199001010055",
    "469999199001010063",
    "469999199001010071",
    "46999919900101008X",
    "469999199001010098",
    "469999199001010186",
    "469999199001010194",
]

BAD_RESIDENT = {
    "the check character is wrong": ("469999199003070010", "CHECKSUM_MISMATCH"),
    "30 February does not exist": ("469999199002300011", "BAD_DATE"),
    "one character is missing": ("46999919900307001", "LENGTH"),
    "the year is 2990": ("469999299003070019", "BAD_DATE"),
    "a letter other than X": ("46999919900307001A", "ALPHABET"),
    "X stands inside": ("4699991990030X0019", "ALPHABET"),
    "a first-generation number is no identity document now": ("469999900307001", "LENGTH"),
}


@pytest.mark.parametrize("code", PUBLISHED)
def test_a_published_code_is_accepted_in_production(code):
    assert parse_uscc(code, demo=False).text == code
    assert organisation_code_valid(code[8:17])


@pytest.mark.parametrize("code", SYNTHETIC)
def test_a_synthetic_code_is_accepted_in_demo_mode_only(code):
    assert parse_uscc(code, demo=True).class_known
    with pytest.raises(IdentifierError) as caught:
        parse_uscc(code, demo=False)
    assert caught.value.detail == "DEMO_ONLY"


@pytest.mark.parametrize(("code", "detail"), BAD_USCC.values(), ids=BAD_USCC)
def test_a_wrong_code_is_refused_with_its_reason(code, detail):
    with pytest.raises(IdentifierError) as caught:
        parse_uscc(code, demo=True)
    assert caught.value.detail == detail
    assert not code or code not in str(caught.value) + caught.value.message_zh


def test_a_code_is_read_in_lower_case_full_width_and_with_spaces():
    assert str(parse_uscc(" 9135 0100ｍ０００１００y43\n", demo=False)) == "91350100M000100Y43"


def test_a_code_says_who_registered_what_and_where():
    code = parse_uscc("93469007DEM00201XH", demo=True)
    assert (code.authority, code.entity_class, code.division, code.organisation_code) == (
        "9",
        "3",
        "469007",
        "DEM00201X",
    )


def test_the_inner_check_must_hold_although_the_outer_one_does():
    body = "91460100DEM00002" + "4"
    forged = body + uscc_check_character(body)
    assert organisation_check_character(forged[8:16]) != forged[16]
    with pytest.raises(IdentifierError, match="check character"):
        parse_uscc(forged, demo=True)


def test_a_class_outside_the_table_is_a_warning_only():
    body = "17460100DEM00001"
    body += organisation_check_character(body[8:])
    assert not parse_uscc(body + uscc_check_character(body), demo=True).class_known


@given(st.sampled_from(PUBLISHED), st.integers(0, 17), st.sampled_from(ALPHABET))
def test_any_single_changed_character_is_found(code, place, character):
    changed = code[:place] + character + code[place + 1 :]
    if changed == code:
        assert parse_uscc(changed, demo=True).text == code
    else:
        with pytest.raises(IdentifierError):
            parse_uscc(changed, demo=True)


@given(st.text(max_size=40))
def test_whatever_is_typed_only_the_declared_error_comes_out(text):
    for read in (
        lambda: parse_uscc(text, demo=True),
        lambda: parse_resident_id(text, today=TODAY, demo=True),
        lambda: upgrade_first_generation(text, today=TODAY, demo=True),
        lambda: [parse_legacy_id(kind, text) for kind in LegacyKind],
    ):
        try:
            read()
        except IdentifierError:
            continue


@pytest.mark.parametrize("number", RESIDENTS)
def test_a_synthetic_identity_number_is_accepted_in_demo_mode_only(number):
    parsed = parse_resident_id(number.lower(), today=TODAY, demo=True)
    assert parsed.text == number
    assert parsed.birth_date == birth_date(number)
    with pytest.raises(IdentifierError) as caught:
        parse_resident_id(number, today=TODAY, demo=False)
    assert caught.value.detail == "DEMO_ONLY"


@pytest.mark.parametrize(("number", "detail"), BAD_RESIDENT.values(), ids=BAD_RESIDENT)
def test_a_wrong_identity_number_is_refused_with_its_reason(number, detail):
    with pytest.raises(IdentifierError) as caught:
        parse_resident_id(number, today=TODAY, demo=True)
    assert caught.value.detail == detail
    assert number not in str(caught.value) + caught.value.message_zh


def test_the_sample_of_the_standard_is_accepted():
    sample = parse_resident_id("11010519491231002x", today=TODAY, demo=False)
    assert (sample.text[-1], sample.division, sample.male, sample.region_known) == (
        "X",
        "110105",
        False,
        True,
    )


def test_an_identity_number_from_the_future_is_refused_until_its_day():
    with pytest.raises(IdentifierError) as caught:
        parse_resident_id("469999201606010031", today=date(2016, 5, 31), demo=True)
    assert caught.value.detail == "FUTURE_DATE"
    assert parse_resident_id("469999201606010031", today=date(2016, 6, 1), demo=True)


def test_an_unknown_region_is_a_warning_only():
    body = "99999919900307001"
    assert not parse_resident_id(body + resident_check_character(body), today=TODAY, demo=False).region_known


def test_age_counts_full_years_also_for_a_leap_day():
    leap = parse_resident_id("469999201202290022", today=TODAY, demo=True)
    assert leap.age(date(2026, 2, 28)) == 13
    assert leap.age(date(2026, 3, 1)) == 14


def test_a_first_generation_number_is_converted_for_legacy_records():
    assert upgrade_first_generation("469999900307001", today=TODAY, demo=True).text == "469999199003070019"
    with pytest.raises(IdentifierError) as caught:
        upgrade_first_generation("46999990030700A", today=TODAY, demo=True)
    assert caught.value.detail == "ALPHABET"


def test_a_code_of_digits_is_not_taken_for_an_identity_number_by_its_check_alone():
    code = "914600006200251612"
    assert resident_check_character(code[:17]) == code[17]
    with pytest.raises(IdentifierError):
        parse_resident_id(code, today=TODAY, demo=False)


def test_certificates_are_checked_by_their_kind():
    read = parse_certificate
    assert read(CertificateKind.PASSPORT, " e1234 5678", today=TODAY, demo=True) == "E12345678"
    assert read(CertificateKind.RESIDENT_ID, "46999919781231124x", today=TODAY, demo=True)[-1] == "X"
    for kind, text in ((CertificateKind.PASSPORT, "E1*"), (CertificateKind.RESIDENT_ID, "E12345678")):
        with pytest.raises(IdentifierError):
            read(kind, text, today=TODAY, demo=True)


def test_legacy_codes_are_normalised_and_organisation_codes_checked():
    assert parse_legacy_id(LegacyKind.ORGANIZATION_CODE, "dem00001-4") == "DEM000014"
    assert parse_legacy_id(LegacyKind.BUSINESS_REGISTRATION, "４６０１００000000001") == "460100000000001"
    with pytest.raises(IdentifierError) as caught:
        parse_legacy_id(LegacyKind.ORGANIZATION_CODE, "DEM00001-5")
    assert caught.value.detail == "CHECKSUM_MISMATCH"


def test_normal_form_is_reached_in_one_step():
    assert normalise("\ufeffａｂ c\u3000x") == "ABCX"
    assert normalise(normalise("ｘ Ⅷ")) == normalise("ｘ Ⅷ")


@pytest.mark.parametrize(
    "text",
    [
        "469999199001010012", "案号469999199001010012号", "469999 19900101 0012", "469999-19900101-001x",
        "４６９９９９１９９００１０１００１２", "٤٦٩٩٩٩١٩٩٠٠١٠١٠٠١٢", "12" + "46999919900101001" + resident_check_character("46999919900101001"),
    ],
)  # fmt: skip
def test_a_text_that_holds_a_number_of_a_person_is_known_for_it(text: str) -> None:
    assert holds_resident_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "〔2026〕演0001号", "91469900DEM0000017", "914699000000000017", "469999199013010012", "20261122" * 8,
        "sub_" + "a1" * 16, "2026-11-22T08:00:00.000+08:00",
    ],
)  # fmt: skip
def test_other_numbers_are_not_taken_for_one_of_a_person(text: str) -> None:
    assert not holds_resident_id(text)
