"""XML exchange messages: how tolerant the reader is, and how it meets hostile ones."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from hub.catalog.types import Catalog
from hub.errors import IntakeError
from hub.intake import xml_file
from hub.intake.headers import is_known
from hub.intake.readers import open_source
from hub.intake.source import CellFault, SourceFile

from .intake_world import (
    CODES,
    DECIDED,
    DOCUMENT,
    SCHEMA,
    USCC_COLUMN,
    Row,
    World,
    penalty,
    person_penalty,
    read_table,
    uscc,
    write_csv,
)

GOOD = [penalty(1), penalty(2, 违法事实="<甲> & 乙"), person_penalty(3)]
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def record(row: Row, tag: str = "RECORD", prefix: str = "") -> str:
    values = "".join(f"<{prefix}{CODES[k]}>{escape(v)}</{prefix}{CODES[k]}>" for k, v in row.items())
    return f"<{prefix}{tag}>{values}</{prefix}{tag}>"


def message(*rows: Row, declaration: str = DECLARATION, before: str = "", after: str = "") -> str:
    return f"{declaration}<ROOT>{before}{''.join(map(record, rows))}{after}</ROOT>\n"


def save(folder: Path, content: str | bytes, encoding: str = "utf-8", name: str = "message.xml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(path: Path, catalog: Catalog) -> SourceFile:
    return open_source(path, lambda header: is_known(catalog.datasets["government.penalty"], header))


def test_the_same_rows_land_as_from_csv(world: World) -> None:
    report = world.ingest(save(world.folder, message(*GOOD)))
    assert (report.inserted, report.quarantined) == (3, 0)
    again = world.ingest(write_csv(world.folder / "a.csv", GOOD))
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 3)


ONE = penalty(1)
LAYOUTS = {
    "records below the root": message(ONE),
    "with a message head": message(ONE, before="<HEAD><BATCH>1</BATCH><TIME>2026</TIME></HEAD>"),
    "with a head in Chinese": message(ONE, before="<报文头><批次>1</批次></报文头>"),
    "in wrappers": f"<a><b><c>{record(ONE)}</c></b></a>",
    "records under any name": f"<DATAS>{record(ONE, 'ROW_1')}</DATAS>",
    "one record as the root": record(ONE),
    "with a prefix and a namespace": f'<x:R xmlns:x="urn:x">{record(ONE, prefix="x:")}</x:R>',
    "with attributes that are no columns": message(ONE).replace("<RECORD>", '<RECORD seq="1" id="7">'),
    "pretty printed": message(ONE).replace("><", ">\n   <").replace("</CF_WSH>", "\n </CF_WSH>"),
    "with comments, instructions and CDATA": message(ONE)
    .replace("<RECORD>", "<!-- c --><RECORD><?p x?>")
    .replace("<CF_SY>未按规定公示年度报告", "<CF_SY><![CDATA[未按规定公示]]>年度报告"),
    "with character references": message(ONE).replace("未按规定公示年度报告", "&#26410;按规定公示年度报告"),
    "without a declaration": message(ONE, declaration=""),
    "with a byte order mark": "\ufeff" + message(ONE),
    "with elements named by official column": message(ONE).replace("CF_WSH", DOCUMENT),
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_of_one_message_give_the_same_cells(tmp_path: Path, catalog: Catalog, text: str) -> None:
    source = read(save(tmp_path, text), catalog)
    (row,) = source.rows()
    expected = {CODES[k]: v for k, v in ONE.items()}
    found = dict(zip(source.headers, row.cells, strict=True))
    found = {CODES.get(k, k): v for k, v in found.items()}
    assert found == expected
    assert not row.faults
    assert source.row_count == 1


def test_messages_in_gbk_are_read_when_they_say_so(tmp_path: Path, catalog: Catalog) -> None:
    text = message(*GOOD, declaration='<?xml version="1.0" encoding="GBK"?>')
    assert len(list(read(save(tmp_path, text, "gbk"), catalog).rows())) == 3


def test_records_are_numbered_and_each_has_all_columns_of_the_message(
    tmp_path: Path, catalog: Catalog
) -> None:
    text = "<R><D><CF_WSH>a</CF_WSH></D><D/><D><CF_SY>b</CF_SY></D></R>"
    rows = list(read(save(tmp_path, text), catalog).rows())
    assert [(r.number, list(r.cells)) for r in rows] == [(1, ["a", ""]), (2, ["", ""]), (3, ["", "b"])]


ROWS_AT_FAULT = {
    "a value twice": ("<CF_SY>a</CF_SY><CF_SY>a</CF_SY>", "REPEATED_VALUE"),
    "an element inside a value": ("<CF_SY>a<b>c</b></CF_SY>", "NESTED_VALUE"),
    "a value beyond the limit of a cell": (f"<CF_SY>{'x' * ((1 << 20) + 1)}</CF_SY>", "CELL_TOO_LARGE"),
}


@pytest.mark.parametrize(("inside", "code"), ROWS_AT_FAULT.values(), ids=ROWS_AT_FAULT)
def test_a_value_that_is_not_to_be_trusted_refuses_its_row(
    tmp_path: Path, catalog: Catalog, inside: str, code: str
) -> None:
    text = f"<R><D><CF_WSH>1</CF_WSH>{inside}</D><D><CF_WSH>2</CF_WSH><CF_SY>b</CF_SY></D></R>"
    rows = list(read(save(tmp_path, text), catalog).rows())
    assert [(list(r.cells), r.faults) for r in rows] == [
        (["1", ""], (CellFault(1, code),)),
        (["2", "b"], ()),
    ]


DTD = '<?xml version="1.0"?><!DOCTYPE ROOT [{}]>'
LAUGHS = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "an external entity": (
        DTD.format('<!ENTITY x SYSTEM "file:///etc/hostname">')
        + message(ONE, declaration="").replace("未按规定公示年度报告", "&x;"),
        "document type",
    ),
    "an external document type": (
        '<!DOCTYPE ROOT SYSTEM "http://127.0.0.1:9/x.dtd">' + message(ONE, declaration=""),
        "document type",
    ),
    "a parameter entity": (
        DTD.format('<!ENTITY % x SYSTEM "http://127.0.0.1:9/x">%x;') + message(ONE, declaration=""),
        "document type",
    ),
    "a billion laughs": (
        DTD.format(LAUGHS) + message(ONE, declaration="").replace("未按规定公示年度报告", "&i;"),
        "document type",
    ),
    "an empty document type": ("<!DOCTYPE ROOT>" + message(ONE, declaration=""), "document type"),
    "an entity that nobody declared": (message(ONE).replace("未按", "&x;"), "not well-formed"),
    "an inclusion": (
        message(ONE).replace("<RECORD>", '<RECORD><xi:include href="file:///etc/passwd"/>'),
        "“include”",
    ),
    "a hundred thousand levels": (
        message(ONE, before="<a>" * 100_000 + "</a>" * 100_000), "deeper than 16",
    ),
    "a head of a hundred thousand levels": (
        message(ONE, before="<HEAD>" + "<a>" * 100_000 + "</a>" * 100_000 + "</HEAD>"), "deeper than 16",
    ),
    "a thousand kinds of elements": (
        message(ONE).replace("</RECORD>", "".join(f"<k{n}/>" for n in range(1000)) + "</RECORD>"),
        "different elements",
    ),
    "a truncated message": (message(*GOOD)[:-9], "truncated"),
    "a message cut off in a character": (message(*GOOD).encode()[: message(*GOOD).encode().index("海".encode()) + 1], "The byte at offset"),
    "two roots": (message(ONE) + message(ONE, declaration=""), "not well-formed"),
    "GBK that says it is UTF-8": (message(ONE).encode("gbk"), "encoding that the message declares"),
    "UTF-8 that says it is GBK": (
        message(ONE, declaration='<?xml version="1.0" encoding="GBK"?>').encode(),
        "encoding that the message declares",
    ),
    "UTF-7": (
        message(ONE, declaration='<?xml version="1.0" encoding="UTF-7"?>'), "encoding that the message declares",
    ),
    "UTF-16": (message(ONE).encode("utf-16"), "UTF-16"),
    "a tag without end": (message(ONE, before='<a b="' + "\nx" * (5 << 20)), "longer than 8 MB"),
    "a comment without end": (message(ONE, before="<!--" + "\nx" * (5 << 20)), "longer than 8 MB"),
    "a value in an attribute": (message(ONE).replace("<RECORD>", '<RECORD CF_SY="a">'), "attribute"),
    "a column that the catalogue does not have": (
        message(ONE).replace("</RECORD>", "<CF_AH>钓鱼</CF_AH></RECORD>"), "CF_AH",
    ),
    "records of two kinds": (
        message(ONE, after="<XK><XK_XKWS>a</XK_XKWS></XK>"), "“XK_XKWS”",
    ),
    "text between the records": (message(ONE, after="<COUNT>1</COUNT>"), "“COUNT”"),
    "only a head": ("<ROOT><HEAD><CF_WSH>a</CF_WSH></HEAD></ROOT>", "No element"),
    "records of another dataset": (message(ONE).replace("CF_", "XK_").replace("BZ", "XK_BZ"), "No element"),
    "no XML at all": ("<", "not well-formed"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_or_broken_message_is_refused_as_a_whole(
    world: World, content: str | bytes, words: str
) -> None:
    started = time.monotonic()
    with pytest.raises(IntakeError) as caught:
        world.ingest(save(world.folder, content))
    assert words in str(caught.value)
    assert "hostname" not in str(caught.value)
    assert time.monotonic() - started < 30  # an expanded bomb takes minutes, so this says nothing about speed
    assert not world.rows("SELECT 1 FROM record")
    assert not world.rows("SELECT 1 FROM intake_batch")


def test_a_long_message_is_read_in_little_memory(tmp_path: Path, catalog: Catalog) -> None:
    one = record(ONE)
    path = save(tmp_path, "<R>" + one * 12_000 + "</R>")
    assert path.stat().st_size > 10 << 20
    tracemalloc.start()
    assert sum(1 for _ in read(path, catalog).rows()) == 12_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_refused_record_comes_back_mended_as_csv_or_as_a_message(world: World) -> None:
    path = save(world.folder, message(penalty(1), penalty(2, **{DECIDED: "2026-02-30"})))
    report = world.ingest(path, keep_findings=5)
    assert [(f.row, f.column, f.code) for f in report.findings] == [(2, CODES[DECIDED], "BAD_DATE")]
    assert report.quarantine_file is not None
    header, row = read_table(report.quarantine_file)
    assert CODES[USCC_COLUMN] in header
    assert uscc(2) in row
    text = report.quarantine_file.read_text(encoding="utf-8-sig").replace("2026-02-30", "2026-03-05")
    mended = save(world.folder, text, "utf-8-sig", name="mended.csv")
    assert world.ingest(mended).inserted == 1
    assert world.ingest(save(world.folder, message(penalty(2)), name="mended.xml")).unchanged == 1


def test_licences_come_in_by_their_codes(catalog: Catalog, tmp_path: Path) -> None:
    assert SCHEMA.is_dir()
    dataset = catalog.datasets["government.licence"]
    codes = [c for f in dataset.fields for c in f.columns if c.startswith("XK_")]
    assert len(codes) > 10
    text = "<R><D>" + "".join(f"<{c}>v</{c}>" for c in codes) + "</D></R>"
    source = open_source(save(tmp_path, text), lambda header: is_known(dataset, header))
    assert list(source.headers) == codes
    assert isinstance(source, xml_file.XmlFile)
