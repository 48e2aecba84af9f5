"""Rows for people, from answers of the hub."""

from hub.demo.answer import clear_rows, values_at

AMOUNT = {"amount": "1.50", "currency": "CNY"}
LOANS = {
    "organization": {
        "name": "A",
        "loans": {"nodes": [{"no": "*1", "balance": AMOUNT}, {"no": "*2", "balance": None}]},
    }
}


def test_a_list_is_one_row_with_a_line_for_each_node() -> None:
    assert clear_rows(LOANS, set()) == [
        ("organization.name", "A"),
        ("organization.loans", "*1 · 1.50 CNY\n*2 · –"),
    ]


def test_what_has_a_note_is_not_among_the_clear_rows() -> None:
    rows = dict(clear_rows(LOANS, {"organization.name", "organization.loans.nodes.no"}))
    assert rows == {"organization.loans": "1.50 CNY\n–"}


def test_a_list_without_records_says_so() -> None:
    assert clear_rows({"o": {"nodes": []}}, set()) == [("o", "无记录 no records")]


def test_a_long_list_is_cut() -> None:
    nodes = [{"year": year} for year in range(2020, 2026)]
    assert clear_rows({"o": {"nodes": nodes}}, set()) == [("o", "2020\n2021\n2022\n… 3 more")]


def test_values_at_a_path_are_joined_through_lists() -> None:
    assert values_at(LOANS, "organization.loans.nodes.no") == "*1、*2"
    assert values_at(LOANS, "organization.loans.nodes.other") == "–"
