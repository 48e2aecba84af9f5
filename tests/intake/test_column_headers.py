"""Headers of files against the catalogue: all or nothing."""

from __future__ import annotations

import pytest

from hub.catalog.types import Catalog
from hub.errors import IntakeError
from hub.intake.headers import QUARANTINE_COLUMNS, map_headers
from hub.intake.source import MAX_COLUMNS, known_columns

from .intake_world import CODES, DOCUMENT, PENALTY, USCC_COLUMN

OFFICIAL = list(PENALTY)


def fields(catalog: Catalog, headers: list[str]) -> dict[str, str]:
    return {f.name: h for _, h, f in map_headers(catalog.datasets["government.penalty"], headers).fields}


def test_official_names_codes_and_field_names_mean_the_same_fields(catalog: Catalog) -> None:
    by_name = fields(catalog, OFFICIAL)
    by_code = fields(catalog, [CODES[h] for h in OFFICIAL])
    assert list(by_name) == list(by_code) == list(fields(catalog, list(by_name)))


def test_width_case_spaces_and_asterisks_in_headers_do_not_matter(catalog: Catalog) -> None:
    changed = [
        f" *{h.replace('(', '（').replace(')', '）')}\n" if n % 2 else CODES[h].lower()
        for n, h in enumerate(OFFICIAL)
    ]
    assert list(fields(catalog, changed)) == list(fields(catalog, OFFICIAL))


REFUSED = {
    "an unknown column names the nearest known one": (
        [*OFFICIAL, "处罚决定日期啊"],
        "“处罚决定日期啊” (nearest: 处罚决定日期)",
    ),
    "every unknown column is named": ([*OFFICIAL, "宗教信仰", "血型"], "宗教信仰”, “血型"),
    "a required column is missing": ([h for h in OFFICIAL if h != DOCUMENT], DOCUMENT),
    "no column identifies a subject": (
        [h for h in OFFICIAL if "代码_" not in h and h != "证件号码"],
        USCC_COLUMN,
    ),
    "two columns of one field": ([*OFFICIAL, "CF_WSH"], "行政处罚决定书文号 + CF_WSH"),
}


@pytest.mark.parametrize(("headers", "words"), REFUSED.values(), ids=REFUSED)
def test_a_file_is_refused_as_a_whole_when(catalog: Catalog, headers: list[str], words: str) -> None:
    with pytest.raises(IntakeError) as refusal:
        fields(catalog, headers)
    assert words in refusal.value.message
    assert refusal.value.hint


def test_the_columns_of_a_quarantine_file_are_known_and_skipped(catalog: Catalog) -> None:
    dataset = catalog.datasets["government.penalty"]
    header = map_headers(dataset, [*QUARANTINE_COLUMNS, *OFFICIAL])
    assert header.quarantine
    assert [h for _, h in header.source_columns] == OFFICIAL
    assert not map_headers(dataset, OFFICIAL).quarantine


def test_a_second_header_row_is_recognised_in_names_and_codes_but_data_is_not(catalog: Catalog) -> None:
    header = map_headers(catalog.datasets["government.penalty"], OFFICIAL)
    assert header.repeats(OFFICIAL)
    assert header.repeats([CODES[h] for h in OFFICIAL])
    assert not header.repeats(list(PENALTY.values()))
    assert not header.repeats([""] * len(OFFICIAL))


def test_a_row_of_a_million_cells_is_not_searched_for_headers_to_its_end() -> None:
    asked: list[str] = []

    def recognise(header: str) -> bool:
        asked.append(header)
        return header == "a"

    assert known_columns(["a", *["x"] * 1_000_000], recognise) == 1
    assert len(asked) == MAX_COLUMNS
