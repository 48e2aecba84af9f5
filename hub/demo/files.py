"""The files that departments would send about a synthetic world: one for each dataset and source unit, with a manifest.

Rules
- The same arguments give the same bytes. Memory does not grow with the world: rows go to their files in turns, and no
  more than `_HELD` characters wait.
- Official headers. Of the rows five in a hundred are wrong, each in one way; the manifest says for every file how many
  rows must land and how many intake must refuse, by the code of the fault. A row about a child under fourteen is
  refused whatever else it says.
- A workbook holds a million rows at most; what is longer is written in parts.
- An open end is written as 2099-12-31, an amount in the unit of its column, a code as its Chinese label.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import orjson
from openpyxl.utils.exceptions import IllegalCharacterError

from hub.catalog.types import Catalog, Dataset, Field, FieldType, Role, SubjectKind
from hub.catalog.values import StoredValue, must_be_given
from hub.demo.generator import VERSION, Generator
from hub.demo.record import DemoRecord
from hub.errors import InputError
from hub.intake.readers import Format
from hub.model.money import in_unit

MANIFEST = "manifest.json"
SHARE = 0.05
"""Share of wrong rows, as in rule 10 for synthetic data."""
_HELD = 4 << 20
_MOST_ROWS = 1_000_000
_OPEN_END = "2099-12-31"
_FOURTEEN = 14
_UNIT = 1 << 32
_TIMES = re.compile(rb"<dcterms:(created|modified)\b.*?</dcterms:\1>")
Row = dict[str, str]
Progress = Callable[[int, int], None]
"""Called with subjects done and rows written."""


@dataclass(slots=True)
class WrittenFile:
    """One file and what must come of it."""

    dataset: str
    source_unit: str
    part: int
    name: str
    rows: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    held: list[str] = field(default_factory=list)

    def json(self) -> dict[str, object]:
        """Its entry in the manifest."""
        refused = sum(self.faults.values())
        return {
            "file": self.name, "dataset": self.dataset, "sourceUnit": self.source_unit, "rows": self.rows,
            "lands": self.rows - refused, "quarantined": refused, "faults": dict(sorted(self.faults.items())),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    files: int
    subjects: int
    rows: int
    refused: int


class _Spoiler:
    """Makes rows of one dataset wrong, each in one way, with the code that intake gives."""

    def __init__(self, dataset: Dataset) -> None:
        self._ways: list[tuple[str, str, str]] = []
        for found in dataset.fields:
            if found.role is Role.SUBJECT_USCC and SubjectKind.ORG in dataset.subjects:
                self._ways.append(("CHECKSUM_MISMATCH", found.name, ""))
            elif found.required != "Y" or found.role in (Role.SUBJECT_KIND, Role.SUBJECT_NAME):
                continue
            elif found.type is FieldType.DATE:
                self._ways += [("BAD_DATE", found.name, "2026-02-30"), ("REQUIRED", found.name, "")]
            elif found.type is FieldType.ENUM:
                self._ways.append(("BAD_ENUM", found.name, "（未列值）"))
            elif found.type is FieldType.MONEY:
                self._ways.append(("BAD_UNIT", found.name, "20000元" if found.unit == "万元" else "2万元"))
            elif found.type is FieldType.TEXT:
                missing = "PERSON_ID_MISSING" if found.role is Role.SUBJECT_CERT_NO else "REQUIRED"
                self._ways.append((missing, found.name, ""))

    def spoil(self, row: Row, turn: int) -> str:
        """Make the row wrong; the code, or an empty text when there is no way for this row."""
        for step in range(len(self._ways)):
            code, name, text = self._ways[(turn + step) % len(self._ways)]
            if not row[name]:
                continue
            if code == "CHECKSUM_MISMATCH":
                text = row[name][:-1] + ("0" if row[name][-1] != "0" else "1")
            row[name] = text
            return code
        return ""


class _Folder:
    """The files while they are written."""

    def __init__(self, out: Path, file_format: Format, catalog: Catalog) -> None:
        self._out = out
        self._format = file_format
        self._catalog = catalog
        self._held = 0
        self._open: dict[tuple[str, str], WrittenFile] = {}
        self.files: list[WrittenFile] = []

    def add(self, dataset: Dataset, source_unit: str, row: Row, fault: str) -> None:
        """One row, and the code that intake must give it or an empty text."""
        key = (dataset.id, source_unit)
        file = self._open.get(key)
        if file is None or file.rows >= _MOST_ROWS:
            file = self._open[key] = self._begin(dataset, source_unit, file.part + 1 if file else 1)
        line = self._line(dataset, row)
        file.held.append(line)
        file.rows += 1
        if fault:
            file.faults[fault] += 1
        self._held += len(line)
        if self._held >= _HELD:
            self.flush()

    def _begin(self, dataset: Dataset, source_unit: str, part: int) -> WrittenFile:
        more = f"-{part}" if part > 1 else ""
        file = WrittenFile(dataset.id, source_unit, part, f"{dataset.id}-{source_unit}{more}.{self._format}")
        file.held.append(self._head(dataset))
        self.files.append(file)
        return file

    def _head(self, dataset: Dataset) -> str:
        match self._format:
            case Format.JSONL:
                return ""
            case Format.XML:
                return '<?xml version="1.0" encoding="UTF-8"?>\n<ROOT>\n'
            case _:
                return _csv_line([found.columns[0] for found in dataset.fields])

    def _line(self, dataset: Dataset, row: Row) -> str:
        match self._format:
            case Format.JSONL:
                named = {f.columns[0]: row[f.name] for f in dataset.fields if row[f.name]}
                return orjson.dumps(named).decode() + "\n"
            case Format.XML:
                values = "".join(f"<{n}>{escape(text)}</{n}>" for n, text in row.items() if text)
                return f"<RECORD>{values}</RECORD>\n"
            case _:
                return _csv_line(list(row.values()))

    def flush(self) -> None:
        """Write what waits; files are opened only for that, so there may be any number of them."""
        for file in self._open.values():
            if file.held:
                with self._spool(file).open("a", encoding="utf-8", newline="") as stream:
                    stream.writelines(file.held)
                file.held.clear()
        self._held = 0

    def _spool(self, file: WrittenFile) -> Path:
        return self._out / (file.name + (".spool" if self._format is Format.XLSX else ""))

    def finish(self) -> None:
        """Close all files; workbooks are made now, one after the other."""
        self.flush()
        for file in self.files:
            if self._format is Format.XML:
                with self._spool(file).open("a", encoding="utf-8") as stream:
                    stream.write("</ROOT>\n")
            elif self._format is Format.XLSX:
                _workbook(self._spool(file), self._out / file.name)


def write_files(
    generator: Generator,
    catalog: Catalog,
    out: Path,
    *,
    file_format: Format = Format.CSV,
    progress: Progress | None = None,
) -> Written:
    """Write a world as files.

    Args:
        generator: the world, made with the catalogue.
        catalog: the active catalogue.
        out: an empty folder, or one that does not exist yet.
        file_format: of all files.
        progress: called after every thousand subjects, and at the end.

    Raises:
        InputError: when the folder holds something or cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        used = any(out.iterdir())
    except OSError:
        raise InputError(
            "The folder cannot be written.", hint="Choose another one.", message_zh="无法写入该文件夹。"
        ) from None
    if used:
        raise InputError(
            "The folder is not empty.", hint="Choose a new one.", message_zh="文件夹不为空，请另选。"
        )
    folder = _Folder(out, file_format, catalog)
    spoilers = {dataset.id: _Spoiler(dataset) for dataset in catalog}
    turns: Counter[str] = Counter()
    rows = done = 0
    for done, party in enumerate(generator.subjects(), 1):
        for record in generator.records_of(party):
            dataset = catalog.datasets[record.dataset]
            row = {found.name: _cell(found, record) for found in dataset.fields}
            fault = "UNDER_14" if _is_child(record, generator.today) else ""
            if not fault and _wrong(generator.seed, record.dataset, turns[record.dataset]):
                fault = spoilers[record.dataset].spoil(row, turns[record.dataset])
            turns[record.dataset] += 1
            rows += 1
            folder.add(dataset, record.source_unit, row, fault)
        if progress is not None and done % 1000 == 0:
            progress(done, rows)
    folder.finish()
    (out / MANIFEST).write_bytes(_manifest(generator, folder.files))
    if progress is not None:
        progress(done, rows)
    return Written(len(folder.files), done, rows, sum(sum(f.faults.values()) for f in folder.files))


def _wrong(seed: int, dataset: str, turn: int) -> bool:
    """Whether the row with this number is one of the five in a hundred."""
    digest = hashlib.blake2b(f"{seed}:{dataset}:{turn}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < SHARE * _UNIT


def _is_child(record: DemoRecord, today: date) -> bool:
    if record.kind is not SubjectKind.PERSON:
        return False
    year, month, day = (
        int(record.identifier[6:10]),
        int(record.identifier[10:12]),
        int(record.identifier[12:14]),
    )
    return today.year - year - ((today.month, today.day) < (month, day)) < _FOURTEEN


def _cell(found: Field, record: DemoRecord) -> str:
    value: StoredValue = record.values.get(found.name)
    if value is None:
        return _OPEN_END if found.type is FieldType.OPEN_DATE and must_be_given(found, record.kind) else ""
    if found.type is FieldType.MONEY and isinstance(value, int):
        return in_unit(value, found.unit)
    labels = {v.code: v.label.zh for v in found.values}
    if isinstance(value, list):
        return ";".join(labels.get(item, item) for item in value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return labels.get(str(value), str(value))


def _manifest(generator: Generator, files: list[WrittenFile]) -> bytes:
    totals: Counter[str] = Counter()
    for file in files:
        totals.update(file.faults)
    listed = sorted((file.json() for file in files), key=lambda entry: str(entry["file"]))
    content: Mapping[str, object] = {
        "synthetic": True, "generatorVersion": VERSION, "seed": generator.seed,
        "organizations": generator.organizations, "persons": generator.person_count,
        "today": generator.today.isoformat(), "rows": sum(file.rows for file in files),
        "quarantined": totals.total(), "faults": dict(sorted(totals.items())), "files": listed,
    }  # fmt: skip
    return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"


def _csv_line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _workbook(spool: Path, path: Path) -> None:
    """A workbook from the lines of a spool, which goes."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("数据")
    with spool.open(encoding="utf-8", newline="") as stream:
        for line in csv.reader(stream):
            try:
                sheet.append(line)
            except IllegalCharacterError:
                raise InputError(
                    "A row cannot be put into a workbook.", hint="Write another format."
                ) from None
    book.save(spool)
    _without_time(spool, path)
    spool.unlink()


def _without_time(made: Path, path: Path) -> None:
    """The same workbook without the time of its making, so that the same rows are the same bytes."""
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name == "docProps/core.xml":
                target.writestr(info, _TIMES.sub(b"", source.read(name)))
                continue
            with source.open(name) as stream, target.open(info, "w") as out:
                shutil.copyfileobj(stream, out)
