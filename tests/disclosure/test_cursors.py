"""Cursors name a place in a list and nothing else gets through."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.disclosure.cursors import START_DATE, Position, decode_cursor, encode_cursor
from hub.errors import InputError

IDS = st.binary(min_size=16, max_size=16)


@given(st.dates(), IDS)
def test_a_cursor_reads_back(day: date, record_id: bytes) -> None:
    place = Position(day, record_id)
    assert decode_cursor(encode_cursor(place, dated=True), dated=True) == place


@given(st.dates(), st.dates(), IDS)
def test_an_undated_cursor_holds_no_date(one: date, other: date, record_id: bytes) -> None:
    text = encode_cursor(Position(one, record_id), dated=False)
    assert text == encode_cursor(Position(other, record_id), dated=False)
    assert decode_cursor(text, dated=False) == Position(START_DATE, record_id)


@given(st.dates(), IDS, st.booleans())
def test_a_cursor_of_the_other_kind_of_list_is_refused(day: date, record_id: bytes, dated: bool) -> None:
    text = encode_cursor(Position(day, record_id), dated=dated)
    with pytest.raises(InputError, match="not one of this list"):
        decode_cursor(text, dated=not dated)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_with_one_message(text: str) -> None:
    message = ""
    try:
        decode_cursor(text, dated=True)
    except InputError as error:
        message = error.message
    assert message in ("", "The cursor is not one of this list.")
