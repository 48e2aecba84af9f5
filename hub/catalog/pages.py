"""The data dictionary: one bilingual Markdown page per dataset and an index, generated from the catalogue.

Rules
- A page says everything the catalogue file says, for people who write files or queries.
- Pages are generated, never edited; `stale_pages` finds those that differ, and the checks run it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hub.catalog.types import Catalog, Dataset, Field, FieldType, SealedFor

_TYPES: Mapping[FieldType, str] = {
    FieldType.TEXT: "文本 text",
    FieldType.TEXT_LIST: "文本列表 texts, joined by ;",
    FieldType.INTEGER: "整数 whole number",
    FieldType.DECIMAL: "小数 decimal",
    FieldType.MONEY: "金额 amount",
    FieldType.DATE: "日期 date",
    FieldType.OPEN_DATE: "日期或长期 date or open end",
    FieldType.MONTH: "月份 month",
    FieldType.BOOLEAN: "是否 yes or no",
    FieldType.ENUM: "代码 code",
    FieldType.ENUM_LIST: "代码列表 codes, joined by ;",
    FieldType.USCC: "统一社会信用代码 USCC",
    FieldType.RESIDENT_ID: "公民身份号码 identity number",
}
_REQUIRED = {
    "Y": "必填 always",
    "O": "组织必填 organisations",
    "P": "自然人必填 persons",
    "C": "有则必填 conditional",
    "N": "选填 optional",
}
_SEALED = {SealedFor.NEVER: "", SealedFor.PERSONS: "自然人 persons", SealedFor.ALWAYS: "全部 always"}


def pages(catalog: Catalog) -> dict[str, str]:
    """All pages of the dictionary: file name to Markdown text."""
    return {"index.md": index_page(catalog)} | {f"{d.id}.md": dataset_page(d) for d in catalog}


def write_pages(catalog: Catalog, folder: Path) -> None:
    """Write all pages into a folder, and remove pages of datasets that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages(catalog)
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def stale_pages(catalog: Catalog, folder: Path) -> list[str]:
    """Names of pages that are missing, differ from the catalogue, or belong to no dataset."""
    wanted = pages(catalog)
    present = {p.name: p.read_text(encoding="utf-8") for p in folder.glob("*.md")}
    return sorted(n for n in wanted.keys() | present.keys() if wanted.get(n) != present.get(n))


def index_page(catalog: Catalog) -> str:
    """The list of datasets."""
    rows = [
        (
            f"[{d.id}]({d.id}.md)",
            d.title.zh,
            d.title.en,
            ", ".join(d.subjects),
            d.nature,
            d.sharing,
            str(len(d.fields)),
        )
        for d in catalog
    ]
    lines = [
        "# 信用信息目录 Credit data catalogue",
        "",
        "由 `schema/catalog` 生成，请勿手工修改。 Generated from `schema/catalog`; do not edit.",
        "",
        *_table(
            (
                "数据集 dataset",
                "名称",
                "title",
                "主体 subjects",
                "性质 nature",
                "共享 sharing",
                "字段 fields",
            ),
            rows,
        ),
    ]
    return "\n".join(lines) + "\n"


def dataset_page(dataset: Dataset) -> str:
    """The page of one dataset."""
    where = "profile" if dataset.profile else f"{dataset.domain}.{dataset.field_name}"
    facts = [
        ("目录编码 code", f"{dataset.code} ({dataset.tier}, {dataset.edition}, {dataset.category})"),
        ("GraphQL", f"`{where}`: `{dataset.type_name}`"),
        ("信源单位 source unit", f"{dataset.source_unit.zh} {dataset.source_unit.en}"),
        ("依据 legal basis", dataset.legal_basis),
        ("主体 subjects", ", ".join(dataset.subjects)),
        ("性质 nature", dataset.nature),
        ("共享 sharing", dataset.sharing),
        ("更新 update", dataset.update_frequency),
        ("报送期限 upload within", _deadline(dataset.upload_deadline_days)),
        ("保存期限 retention", dataset.retention),
        (
            "唯一键 natural key",
            ", ".join(f"`{n}`" for n in dataset.natural_key) or "一个主体一条 one per subject",
        ),
        ("排序日期 ordered by", f"`{dataset.event_date}`" if dataset.event_date else "-"),
        ("来源 source", dataset.source),
        ("已核实 verified", "是 yes" if dataset.verified else "否 no"),
    ]
    lines = [
        f"# {dataset.title.zh} {dataset.title.en}",
        "",
        f"`{dataset.id}`",
        "",
        dataset.description.zh,
        "",
        dataset.description.en,
        "",
        *_table(("项目", ""), facts),
        "",
        "## 字段 Fields",
        "",
        *_table(
            (
                "字段 field",
                "名称 label",
                "文件表头 columns",
                "类型 type",
                "必填 required",
                "级别 level",
                "加密 sealed",
                "脱敏 mask",
                "概括 generalise",
            ),
            [_field_row(f) for f in dataset.fields],
        ),
        *_codes(dataset.fields),
    ]
    return "\n".join(lines) + "\n"


def _deadline(days: int) -> str:
    return f"{days} 个工作日 working days" if days else "-"


def _field_row(field: Field) -> tuple[str, ...]:
    note = f"<br>{field.description.zh} {field.description.en}" if field.description else ""
    size = f" ≤{field.max_length}" if field.max_length else ""
    unit = f" ({field.unit})" if field.unit else ""
    level = f"{field.level} / {field.level_person}" if field.level_person else str(field.level)
    return (
        f"`{'.'.join(field.graphql_path)}`",
        f"{field.label.zh} {field.label.en}{note}",
        "<br>".join(field.columns),
        _TYPES[field.type] + size + unit,
        _REQUIRED[field.required],
        level,
        _SEALED[field.sealed],
        field.mask,
        field.generalise,
    )


def _codes(fields: Iterable[Field]) -> list[str]:
    lines: list[str] = []
    for field in fields:
        if field.values:
            rows = [(f"`{v.code}`", v.label.zh, v.label.en, "、".join(v.aliases)) for v in field.values]
            lines += ["", f"## `{field.name}` {field.label.zh}", ""]
            lines += _table(("代码 code", "中文", "English", "文件中也写作 also written"), rows)
    return lines


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [_line(head), "|" + " --- |" * len(head)]
    return lines + [_line(row) for row in rows]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
