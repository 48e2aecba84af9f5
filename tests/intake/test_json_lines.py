"""JSON Lines: what lands, what refuses a row, and what refuses the file."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.catalog.types import Catalog
from hub.errors import IntakeError
from hub.intake import json_lines
from hub.intake.headers import QUARANTINE_COLUMNS, is_known
from hub.intake.json_lines import open_json_lines
from hub.intake.quarantine import guard
from hub.intake.readers import Format, open_source
from hub.intake.source import WHOLE_ROW, CellFault, SourceFile

from .intake_world import CODES, DECIDED, DOCUMENT, World, penalty, person_penalty, read_table, write_csv

GOOD = [penalty(1), penalty(2, 备注='引号"、反斜线\\与\n换行'), person_penalty(3)]


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def save(folder: Path, content: str | bytes, encoding: str = "utf-8", name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(path: Path, catalog: Catalog) -> SourceFile:
    return open_source(path, lambda header: is_known(catalog.datasets["government.penalty"], header))


def raw(**values: str) -> str:
    """One line of which some members are given as JSON text."""
    members = {k: json.dumps(v, ensure_ascii=False) for k, v in penalty(1).items()} | values
    return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {v}" for k, v in members.items()) + "}\n"


NAMES = {"official names": str, "column codes": lambda h: CODES[h]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("rename", NAMES.values(), ids=NAMES)
def test_the_same_rows_land_as_from_csv(world: World, encoding: str, rename: Any) -> None:
    rows = [{rename(k): v for k, v in row.items()} for row in GOOD]
    report = world.ingest(save(world.folder, lines(*rows), encoding))
    assert (report.inserted, report.quarantined) == (3, 0)
    again = world.ingest(write_csv(world.folder / "a.csv", GOOD))
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 3)


def test_members_may_be_named_by_field_and_stand_in_any_order(world: World) -> None:
    dataset = world.catalog.datasets["government.penalty"]
    official = {c: f.name for f in dataset.fields for c in f.columns}
    row = {official[k]: v for k, v in reversed(penalty(1).items()) if v}
    assert world.ingest(save(world.folder, lines(row))).inserted == 1


def test_a_format_is_found_by_suffix_or_by_the_first_sign_of_the_text(
    tmp_path: Path, catalog: Catalog
) -> None:
    for name in ("rows.jsonl", "rows.ndjson", "rows.txt"):
        assert isinstance(read(save(tmp_path, lines(*GOOD), name=name), catalog), json_lines.JsonLinesFile)


def test_numbers_are_taken_as_written_and_null_is_an_empty_cell(tmp_path: Path, catalog: Catalog) -> None:
    path = save(tmp_path, raw(**{"罚款金额(万元)": "12.300000", "备注": "null", DECIDED: "20260305"}))
    source = read(path, catalog)
    (row,) = source.rows()
    cells = dict(zip(source.headers, row.cells, strict=True))
    assert (cells["罚款金额(万元)"], cells["备注"], cells[DECIDED]) == ("12.300000", "", "20260305")
    assert not row.faults


BAD_VALUES: dict[str, tuple[str, str]] = {
    "a whole number of 16 digits": ("1234567890123456", "DIGITS_LOST"),
    "a number of five thousand digits": ("9" * 5000, "DIGITS_LOST"),
    "an object": ('{"a": 1}', "NESTED_VALUE"),
    "a list with an object": ('[{"a": 1}]', "NESTED_VALUE"),
    "a list whose text holds the separator": ('["a;b"]', "NESTED_VALUE"),
    "half of a surrogate pair": ('"\\ud800"', "CONTROL_CHARACTER"),
    "an escaped NUL": ('"a\\u0000b"', "CONTROL_CHARACTER"),
    "a text beyond the limit of a cell": ('"' + "x" * ((1 << 20) + 1) + '"', "CELL_TOO_LARGE"),
}


@pytest.mark.parametrize(("text", "code"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_value_that_is_not_to_be_trusted_refuses_its_row(world: World, text: str, code: str) -> None:
    path = save(world.folder, raw(备注=text) + lines(penalty(2)))
    report = world.ingest(path, keep_findings=9)
    assert (report.inserted, report.quarantined) == (1, 1)
    assert [(f.row, f.column, f.code) for f in report.findings] == [(1, "备注", code)]


def test_a_member_that_stands_twice_refuses_its_row_though_both_say_the_same(world: World) -> None:
    line = raw()[:-2] + ', "备注": ""}\n'
    report = world.ingest(save(world.folder, line + lines(penalty(2))), keep_findings=9)
    assert [(f.row, f.column, f.code) for f in report.findings] == [(1, "备注", "REPEATED_VALUE")]
    assert report.inserted == 1


BAD_LINES: dict[str, str] = {
    "no JSON at all": "行政处罚",
    "a line cut off": '{"行政处罚决定书文号": "琼',
    "an array": '["a"]',
    "a number": "1",
    "two objects": "{} {}",
    "NaN": '{"备注": NaN}',
    "a comment": "// {}",
    "single quotes": "{'备注': 'a'}",
    "a hundred thousand levels": "[" * 100_000 + "]" * 100_000,
    "objects a hundred thousand levels deep": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a name that is half of a surrogate pair": '{"\\ud800": "a"}',
    "a raw control character": '{"备注": "a\x01"}',
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_a_line_that_is_no_object_is_one_refused_row_with_one_finding(world: World, line: str) -> None:
    path = save(world.folder, lines(penalty(1)) + "\n" + line + "\n" + lines(penalty(2)))
    report = world.ingest(path, keep_findings=9)
    assert (report.rows, report.inserted, report.quarantined) == (3, 2, 1)
    assert [(f.row, f.column, f.code) for f in report.findings] == [(3, "", "BAD_LINE")]


def test_a_huge_line_refuses_its_row_and_is_not_held_in_memory(tmp_path: Path, catalog: Catalog) -> None:
    huge = '{"备注": "' + "x" * (40 << 20) + '"}\n'
    path = save(tmp_path, lines(penalty(1)) + huge + lines(penalty(2)))
    tracemalloc.start()
    rows = list(read(path, catalog).rows())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [r.faults for r in rows] == [(), (CellFault(WHOLE_ROW, "LINE_TOO_LONG"),), ()]
    assert peak < 30 << 20


REFUSED: dict[str, tuple[bytes, str]] = {
    "an array around the objects": (json.dumps(GOOD).encode(), "one object per line"),
    "an object over many lines": (json.dumps(GOOD[0], indent=1).encode() + b"\n", "one object per line"),
    "objects of another dataset": (b'{"hobby": "x"}\n', "one object per line"),
    "a last line that breaks off": (lines(*GOOD).encode()[:-20], "truncated"),
    "a last line that breaks off in the middle of a character": (
        lines(*GOOD).encode()[: lines(*GOOD).encode().rindex("海".encode()) + 1],
        "is not UTF-8",
    ),
    "UTF-16": (lines(*GOOD).encode("utf-16"), "UTF-16"),
    "UTF-8 first, then GBK": (lines(GOOD[0]).encode() + lines(GOOD[2]).encode("gbk"), "mixes"),
    "a NUL byte": (lines(*GOOD).encode() + b"\0\n", "NUL"),
    "a member that the catalogue does not have": (lines(GOOD[0], GOOD[2] | {"爱好": "钓鱼"}).encode(), "爱好"),
    "two names of one field": (lines(GOOD[0], {CODES[DOCUMENT]: "x"}).encode(), "same field"),
    "a thousand different members": (
        b"".join(b'{"k%d": ""}\n' % n for n in range(1000)),
        "different members",
    ),
    "nothing": (b"", "empty"),
    "only blank lines": (b"\n \n\n", "one object per line"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_unreadable_as_a_whole_lands_nothing(world: World, content: bytes, words: str) -> None:
    with pytest.raises(IntakeError) as caught:
        world.ingest(save(world.folder, content))
    assert words in str(caught.value)
    assert not world.rows("SELECT 1 FROM record")
    assert not world.rows("SELECT 1 FROM intake_batch")


def test_a_mended_quarantine_file_may_come_back_as_csv_or_as_json_lines(world: World) -> None:
    path = save(
        world.folder, lines(penalty(1, 备注="+86 来电"), penalty(2, **{DECIDED: "2026-02-30", "备注": "+87"}))
    )
    report = world.ingest(path)
    assert report.quarantine_file is not None
    header, row = read_table(report.quarantine_file)
    assert tuple(header[:5]) == QUARANTINE_COLUMNS
    mended = ["2026-03-05" if cell == "2026-02-30" else cell for cell in row]
    assert guard("+87") in mended
    as_lines = save(world.folder, lines(dict(zip(header, mended, strict=True))), name="mended.jsonl")
    assert world.ingest(as_lines).inserted == 1
    with (world.folder / "mended.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, mended])
    assert world.ingest(world.folder / "mended.csv").unchanged == 1


def test_a_said_format_holds_even_against_the_suffix(tmp_path: Path, catalog: Catalog) -> None:
    known = catalog.datasets["government.penalty"]
    path = save(tmp_path, lines(*GOOD), name="rows.xml")
    source = open_source(path, lambda header: is_known(known, header), Format.JSONL)
    assert len(list(source.rows())) == 3


_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(
    st.lists(st.dictionaries(st.sampled_from(list(penalty(1))), _CELLS, max_size=6), min_size=1, max_size=5),
    st.booleans(),
)
def test_the_fast_way_and_the_careful_way_give_the_same_cells(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], escape: bool
) -> None:  # fmt: skip
    rows = [{DOCUMENT: "a"}, *rows]
    text = "".join(json.dumps(row, ensure_ascii=escape) + "\n" for row in rows)
    path = tmp_path_factory.getbasetemp() / "same.jsonl"
    path.write_text(text, encoding="utf-8", newline="")
    source = open_json_lines(path, lambda header: header == DOCUMENT)
    found = [dict(zip(source.headers, row.cells, strict=True)) for row in source.rows()]
    assert found == [dict.fromkeys(source.headers, "") | row for row in rows]
