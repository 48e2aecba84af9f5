"""Import templates carry the official headers and nothing else."""

from __future__ import annotations

import csv
import io

import pytest
from openpyxl import load_workbook

from hub.catalog.loader import header_key, load_catalog
from hub.catalog.templates import csv_template, official_headers, xlsx_template
from hub.folders import locate

CATALOG = load_catalog(locate("schema"))


@pytest.mark.parametrize("dataset", list(CATALOG), ids=lambda d: d.id)
def test_a_csv_template_is_one_row_of_official_headers_with_a_byte_order_mark(dataset):
    content = csv_template(dataset)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows == [official_headers(dataset)]


@pytest.mark.parametrize("dataset", list(CATALOG), ids=lambda d: d.id)
def test_every_header_of_a_workbook_template_leads_to_its_field(dataset):
    book = load_workbook(io.BytesIO(xlsx_template(dataset)))
    sheet = book["数据"]
    headers = [cell.value for cell in sheet[1]]
    assert [dataset.by_column[header_key(h)].name for h in headers] == [f.name for f in dataset.fields]
    assert sheet.max_row == 1
    assert book["填写说明"].max_row == len(dataset.fields) + 1
    assert {d.number_format for d in sheet.column_dimensions.values()} == {"@"}


def test_the_workbook_offers_the_values_of_an_enumeration():
    book = load_workbook(io.BytesIO(xlsx_template(CATALOG.datasets["government.penalty"])))
    offered = [rule.formula1 for rule in book["数据"].data_validations.dataValidation]
    assert '"轻微,一般,严重"' in offered
