"""Files, rows and a running database for the tests of intake. All data is synthetic."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import openpyxl

from hub.catalog.loader import load_catalog
from hub.catalog.types import Catalog, Label
from hub.catalog.units import SourceUnit, UnitKind
from hub.clock import FixedClock
from hub.intake.pipeline import ingest
from hub.intake.report import IntakeReport
from hub.keys.ring import KeyRing, load_ring
from hub.model.identifiers import organisation_check_character, resident_check_character, uscc_check_character
from hub.store.database import Database

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SCHEMA = Path(__file__).parents[2] / "schema"
T = TypeVar("T")


def uscc(number: int, prefix: str = "91460100") -> str:
    body = f"DEM{number:05d}"
    first17 = prefix + body + organisation_check_character(body)
    return first17 + uscc_check_character(first17)


def resident_id(number: int, born: str = "19900307") -> str:
    first17 = f"469999{born}{number:03d}"
    return first17 + resident_check_character(first17)


AUTHORITY = uscc(50018, "11460000")
UNIT = AUTHORITY
OTHER_UNIT = uscc(50019, "11460000")

PENALTY = {
    "行政相对人名称": "海南椰澜贸易有限公司",
    "行政相对人类别": "法人及非法人组织",
    "行政相对人代码_1(统一社会信用代码)": uscc(1),
    "行政相对人代码_3(组织机构代码)": "",
    "法定代表人": "陈演一",
    "法定代表人证件类型": "身份证",
    "法定代表人证件号码": resident_id(1),
    "证件类型": "",
    "证件号码": "",
    "行政处罚决定书文号": "琼市监罚演〔2026〕0001号",
    "违法行为类型": "未按规定公示年报",
    "违法事实": "未按规定公示年度报告",
    "处罚依据": "企业信息公示暂行条例",
    "处罚类别": "罚款",
    "处罚内容": "罚款壹万元",
    "罚款金额(万元)": "1.000000",
    "处罚决定日期": "2026-03-05",
    "处罚有效期": "2099-12-31",
    "公示截止期": "2027-03-05",
    "处罚机关": "海南省市场监督管理局(演示)",
    "处罚机关统一社会信用代码": AUTHORITY,
    "数据来源单位": "海南省市场监督管理局(演示)",
    "数据来源单位统一社会信用代码": AUTHORITY,
    "备注": "",
}
PERSON = {
    "行政相对人名称": "符演二",
    "行政相对人类别": "自然人",
    "行政相对人代码_1(统一社会信用代码)": "",
    "法定代表人": "",
    "法定代表人证件类型": "",
    "法定代表人证件号码": "",
    "证件类型": "身份证",
    "证件号码": resident_id(2),
}
CODES = {
    "行政相对人名称": "CF_XDR_MC",
    "行政相对人类别": "CF_XDR_LB",
    "行政相对人代码_1(统一社会信用代码)": "CF_XDR_SHXYM",
    "行政相对人代码_3(组织机构代码)": "CF_XDR_ZZJG",
    "法定代表人": "CF_FRDB",
    "法定代表人证件类型": "CF_FR_ZJLX",
    "法定代表人证件号码": "CF_FR_ZJHM",
    "证件类型": "CF_XDR_ZJLX",
    "证件号码": "CF_XDR_ZJHM",
    "行政处罚决定书文号": "CF_WSH",
    "违法行为类型": "CF_WFXW",
    "违法事实": "CF_SY",
    "处罚依据": "CF_YJ",
    "处罚类别": "CF_CFLB",
    "处罚内容": "CF_NR",
    "罚款金额(万元)": "CF_NR_FK",
    "处罚决定日期": "CF_JDRQ",
    "处罚有效期": "CF_YXQ",
    "公示截止期": "CF_GSJZQ",
    "处罚机关": "CF_CFJG",
    "处罚机关统一社会信用代码": "CF_CFJGDM",
    "数据来源单位": "CF_SJLY",
    "数据来源单位统一社会信用代码": "CF_SJLYDM",
    "备注": "BZ",
}
DOCUMENT, USCC_COLUMN, DECIDED, SHOWN_UNTIL = (
    "行政处罚决定书文号",
    "行政相对人代码_1(统一社会信用代码)",
    "处罚决定日期",
    "公示截止期",
)

Row = dict[str, str]


def penalty(number: int = 1, **changes: str) -> Row:
    """A good row about organisation `number`; changes by header."""
    return PENALTY | {USCC_COLUMN: uscc(number), DOCUMENT: f"琼市监罚演〔2026〕{number:04d}号"} | changes


def person_penalty(number: int = 1, **changes: str) -> Row:
    return penalty(number) | PERSON | {"证件号码": resident_id(number)} | changes


def table(rows: Sequence[Row], rename: Callable[[str], str] = str) -> list[list[str]]:
    headers = list(rows[0])
    return [[rename(h) for h in headers], *([row.get(h, "") for h in headers] for row in rows)]


def csv_text(lines: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(lines)
    return out.getvalue()


def write_csv(path: Path, rows: Sequence[Row], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    path.write_bytes(csv_text(table(rows), delimiter).encode(encoding))
    return path


def write_xlsx(path: Path, lines: Iterable[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    book.save(path)
    return path


def read_table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@dataclass
class World:
    """Catalogue, keys, a folder and a database that was migrated."""

    database_url: str
    folder: Path
    catalog: Catalog
    ring: KeyRing

    def run(self, act: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
        async def body() -> T:
            database = await Database.open(self.database_url, pool_size=4)
            try:
                return await act(database)
            finally:
                await database.close()

        return asyncio.run(body())

    def ingest(
        self, path: Path, dataset: str = "government.penalty", unit: str = UNIT, **options: Any
    ) -> IntakeReport:
        return self.run(lambda database: self.ingest_with(database, path, dataset, unit, **options))

    async def ingest_with(
        self,
        database: Database,
        path: Path,
        dataset: str = "government.penalty",
        unit: str = UNIT,
        **options: Any,
    ) -> IntakeReport:
        settings: dict[str, Any] = {
            "catalog": self.catalog,
            "indexer": self.ring.indexer(),
            "sealer": self.ring.sealer(),
            "clock": FixedClock(NOW),
            "quarantine_dir": self.folder / "quarantine",
            "demo": True,
        }
        return await ingest(path, dataset, unit, database=database, **(settings | options))

    def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        async def act(database: Database) -> list[dict[str, Any]]:
            return [dict(r) for r in await database.pool.fetch(sql, *arguments)]

        return self.run(act)

    def dump(self) -> dict[str, list[str]]:
        """Every row of the tables that hold data, as text, in a stable order."""
        tables = ("subject", "subject_alias", "record", "record_history", "blind_index")
        return {t: [r["t"] for r in self.rows(f"SELECT x::text AS t FROM {t} x ORDER BY 1")] for t in tables}

    def facts(self) -> list[tuple[Any, ...]]:
        """What the records say, without ciphertexts, which differ from run to run."""
        return [
            tuple(r.values())
            for r in self.rows(
                "SELECT subject_id, record_id, version, content_hash, batch_id, batch_row, clear::text, severity,"
                " visible_until FROM record ORDER BY 1, 2"
            )
        ]


def make_world(database_url: str, folder: Path, ring_folder: Path, catalog: Catalog) -> World:
    return World(database_url, folder, catalog, load_ring(ring_folder, demo=True))


def the_catalog() -> Catalog:
    """The shipped catalogue, with the two units of these tests as sources of everything."""
    catalog = load_catalog(SCHEMA)
    unit = SourceUnit(
        "TESTS",
        Label("测试单位", "Units of the tests"),
        UnitKind.PROVINCIAL,
        frozenset(catalog.datasets),
        (UNIT, OTHER_UNIT),
    )
    return replace(catalog, units=(unit, *catalog.units))
