"""The short cut for CSV files without quotes gives what parsing gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.intake.csv_file import CsvFile, open_csv
from hub.intake.source import SourceRow

_LINE = st.lists(st.text("甲a1 ;\t\u3000\u2028\x0b\x0c", max_size=4), max_size=5).map(",".join)


def _opened(path: Path, lines: list[str], ends: list[str], encoding: str) -> CsvFile:
    text = "名称,code\n" + "".join(map("".join, zip(lines, ends, strict=True)))
    path.write_bytes(text.encode(encoding))
    return open_csv(path, lambda header: header in ("名称", "code"))


def _parsed(file: CsvFile) -> list[SourceRow]:
    """The rows by the way that files with quotes take."""
    return list(
        CsvFile(
            file.path, file.encoding, file.delimiter, file.headers, file.header_row, file.row_count, True
        ).rows()
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(_LINE, st.sampled_from(("\n", "\r\n", "\r"))), max_size=12),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "gb18030")),
)
def test_rows_and_their_number_are_those_that_parsing_gives(
    tmp_path: Path, lines: list[tuple[str, str]], encoding: str
) -> None:
    file = _opened(tmp_path / "a.csv", [line for line, _ in lines], [end for _, end in lines], encoding)
    assert not file.quoted
    rows = list(file.rows())
    assert rows == _parsed(file)
    assert len(rows) == file.row_count


@pytest.mark.parametrize("line", ['"甲",1', 'a,"1"', '甲"乙,1'])
def test_a_single_quote_anywhere_sends_the_whole_file_the_long_way(tmp_path: Path, line: str) -> None:
    file = _opened(tmp_path / "a.csv", ["甲,1"] * 3 + [line], ["\n"] * 4, "gb18030")
    assert file.quoted
    assert len(list(file.rows())) == file.row_count == 4
