"""Import templates of a dataset: a CSV and an XLSX file with the official column headers and no rows.

Rules
- The headers are the official ones, first of each field's columns, in catalogue order.
- CSV is UTF-8 with a byte order mark, so that spreadsheets read the Chinese.
- All cells of the workbook are text, so that codes of 18 digits keep their digits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from hub.catalog.types import Dataset, Field, FieldType

_ROWS = 2000
_LONGEST_LIST = 255
"""Spreadsheets refuse an inline list of values longer than this."""
_REQUIRED_FILL = PatternFill("solid", fgColor="FFE8B3")
_REQUIRED = {"Y": "必填", "O": "组织必填", "P": "自然人必填", "C": "有则必填", "N": "选填"}
_HOW = {
    FieldType.DATE: "日期，例如 2026-03-05",
    FieldType.OPEN_DATE: "日期，例如 2026-03-05；长期填 2099-12-31",
    FieldType.MONTH: "月份，例如 2026-03",
    FieldType.BOOLEAN: "是 或 否",
    FieldType.INTEGER: "整数",
    FieldType.DECIMAL: "数字",
    FieldType.USCC: "18位统一社会信用代码",
    FieldType.RESIDENT_ID: "18位公民身份号码",
    FieldType.TEXT_LIST: "文本，多项以分号分隔",
}


def official_headers(dataset: Dataset) -> list[str]:
    """The official column headers, in catalogue order."""
    return [f.columns[0] for f in dataset.fields]


def csv_template(dataset: Dataset) -> bytes:
    """A CSV file with the header row only, UTF-8 with byte order mark."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(official_headers(dataset))
    return text.getvalue().encode("utf-8-sig")


def xlsx_template(dataset: Dataset) -> bytes:
    """A workbook with a sheet for the rows, and one that explains the columns."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "数据"
    sheet.append(official_headers(dataset))
    sheet.freeze_panes = "A2"
    for number, field in enumerate(dataset.fields, 1):
        _prepare_column(sheet, number, field)
    _explain(book.create_sheet("填写说明"), dataset)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _prepare_column(sheet: Worksheet, number: int, field: Field) -> None:
    letter = get_column_letter(number)
    head = sheet.cell(1, number)
    head.font = Font(bold=True)
    if field.required == "Y":
        head.fill = _REQUIRED_FILL
    sheet.column_dimensions[letter].width = max(12, min(40, 2 * len(field.columns[0]) + 2))
    sheet.column_dimensions[letter].number_format = "@"
    names = ",".join(v.label.zh for v in field.values)
    if field.type is FieldType.ENUM and len(names) <= _LONGEST_LIST:
        choice = DataValidation("list", formula1=f'"{names}"', allow_blank=True, showErrorMessage=False)
        choice.add(f"{letter}2:{letter}{_ROWS}")
        sheet.add_data_validation(choice)


def _explain(sheet: Worksheet, dataset: Dataset) -> None:
    rows: list[Sequence[str]] = [("列名", "是否必填", "填写要求", "说明")]
    for field in dataset.fields:
        note = field.description.zh if field.description else ""
        rows.append((field.label.zh, _REQUIRED[field.required], _requirement(field), note))
    for row in rows:
        sheet.append(row)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for letter, width in zip("ABCD", (44, 14, 70, 60), strict=True):
        sheet.column_dimensions[letter].width = width


def _requirement(field: Field) -> str:
    if field.values:
        many = "，多项以分号分隔" if field.type is FieldType.ENUM_LIST else ""
        return "取值：" + "、".join(v.label.zh for v in field.values) + many
    if field.type is FieldType.MONEY:
        return f"金额，单位{field.unit}，精确到分"
    return _HOW.get(field.type) or f"文本，不超过{field.max_length}字"
