"""A workbook with an endless cell is refused while its archive is checked, before anything of it is held in memory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from hub.errors import IntakeError
from hub.intake import xlsx_file
from hub.intake.xlsx_file import open_xlsx

from .intake_world import DOCUMENT, penalty, table, write_xlsx

_SIZE = 3 << 20
ENDLESS: dict[str, bytes] = {
    "one text": b"<is><t>" + b"x" * _SIZE + b"</t></is>",
    "many runs of text": b"<is>" + (b"<r><t>" + b"x" * 1000 + b"</t></r>") * (_SIZE // 1000) + b"</is>",
    "runs with empty elements": b"<is>"
    + (b"<r><rPr><b/></rPr><t>" + b"x" * 1000 + b"</t></r>") * (_SIZE // 1000)
    + b"</is>",
    "a character section that feigns ends": b"<is><t><![CDATA[" + b"</c>" * (_SIZE // 4) + b"]]></t></is>",
    "an attribute": b'<is><t x="' + b"y" * _SIZE + b'">a</t></is>',
    "a comment that feigns ends": b"<!--" + b"</c>" * (_SIZE // 4) + b"-->",
}


def known(header: str) -> bool:
    return header == DOCUMENT or header.startswith("行政")


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_cell_refuses_the_workbook(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_file, "_MAX_UNENDED_BYTES", 1 << 20)
    monkeypatch.setattr(xlsx_file, "_BLOCK", 1 << 16)
    monkeypatch.setattr(xlsx_file, "load_workbook", None)  # it is never come to
    with pytest.raises(IntakeError):
        open_xlsx(with_cell(tmp_path, ENDLESS[name]), known)


def test_many_rows_of_empty_cells_are_not_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "_MAX_UNENDED_BYTES", 1 << 20)
    monkeypatch.setattr(xlsx_file, "_BLOCK", 1 << 16)
    empty = b"".join(b'<row r="%d" spans="1:2"/>' % n for n in range(3, 60_000))
    book = open_xlsx(with_cell(tmp_path, b"<is><t>a</t></is>", behind=empty), known)
    assert len(list(book.rows())) == 1


def with_cell(folder: Path, inner: bytes, behind: bytes = b"") -> Path:
    """A workbook of one good row with one more cell in it."""
    plain, made = write_xlsx(folder / "plain.xlsx", table([penalty(1)])), folder / "made.xlsx"
    cell = b'<c r="ZZ2" t="inlineStr">' + inner + b"</c></row>" + behind + b"</sheetData>"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            data = source.read(part)
            if part.filename.startswith("xl/worksheets/"):
                data = data.replace(b"</row></sheetData>", cell)
            target.writestr(part, data)
    return made
