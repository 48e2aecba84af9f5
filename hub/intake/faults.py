"""What can be wrong with a row, as stable codes with a sentence in both languages and what to do.

Codes of single values (BAD_DATE, CHECKSUM_MISMATCH …) come from the readers of values and identifiers, which
bring their own words; the codes here are those of intake itself. No text ever holds a value of the row.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.errors import IdentifierError, ValueFormatError


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a row was refused."""

    row: int
    """Row number in the file, from 1, as a spreadsheet shows it."""
    column: str
    """Header of the column as the file has it; empty when the fault lies in the row as a whole."""
    code: str
    message_zh: str
    message_en: str
    hint: str


_TEXTS: dict[str, tuple[str, str, str]] = {
    "FORMULA": (
        "单元格是公式，系统不计算也不采信其缓存值。",
        "The cell is a formula; formulas are neither evaluated nor trusted.",
        "Replace it by its value (paste special, values).",
    ),
    "CELL_ERROR": (
        "单元格是错误值或不是文本、数字、日期。",
        "The cell holds an error value.",
        "Write the value itself.",
    ),
    "DIGITS_LOST": (
        "长数字以数值格式保存，末位可能已丢失。",
        "A number of 16 digits or more in a number cell has lost its last digits.",
        "Format the column as text and enter the value again.",
    ),
    "CELL_TOO_LARGE": (
        "单元格超过长度上限。",
        "The cell is longer than the limit of a cell.",
        "Shorten it; the quarantine file holds the row without this cell.",
    ),
    "BAD_LINE": (
        "该行不是有效的 JSON 对象。",
        "The line is not a JSON object.",
        "Write one object per line; find the line by its number.",
    ),
    "LINE_TOO_LONG": (
        "该行超过长度上限。",
        "The line is longer than the limit of a line.",
        "Check that every row ends its line.",
    ),
    "REPEATED_VALUE": (
        "同一行中该项出现多次。",
        "The row gives this value more than once.",
        "Keep the one that is right.",
    ),
    "NESTED_VALUE": (
        "该项不是单个值。",
        "The value is not a single value.",
        "Write a text, a number, true, false or null, or a list of texts without separators.",
    ),
    "EXTRA_CELL": (
        "该列没有表头却有内容。",
        "The row has a value in a column without a header.",
        "Check the row's delimiters and quotes, or name the column.",
    ),
    "MISSING_CELLS": (
        "该行列数少于表头。",
        "The row ends before the last required column.",
        "The row may be cut off; complete it.",
    ),
    "REQUIRED": ("必填项为空。", "A required value is missing.", "Fill it in."),
    "CONTROL_CHARACTER": ("含有控制字符。", "The cell holds a control character.", "Type the value again."),
    "SUBJECT_KIND_NOT_ALLOWED": (
        "该数据集不收录此类主体。",
        "The dataset does not hold subjects of this kind.",
        "Check the class of the counterparty and the dataset.",
    ),
    "SUBJECT_ID_MISSING": (
        "缺少主体标识代码。",
        "There is no identifier of the subject.",
        "Give the unified social credit code, or for a natural person the certificate number.",
    ),
    "SUBJECT_ID_AMBIGUOUS": (
        "同时填写了组织代码和自然人证件号，无法判断主体类别。",
        "The row identifies both an organisation and a person.",
        "Keep the identifier of the subject and state the subject's class.",
    ),
    "PERSON_ID_MISSING": (
        "自然人缺少证件号码；自然人不得按姓名匹配。",
        "The number of the person's certificate is missing; persons are never matched by name.",
        "Give the citizen identity number, or another certificate with its type.",
    ),
    "NAME_IN_REVIEW": (
        "未填写任何代码，仅有名称；已转人工比对，不自动匹配。",
        "There is no code, only a name; a person will compare it, it is not matched automatically.",
        "Give the unified social credit code and send the row again, or wait for the review.",
    ),
    "CODES_DISAGREE": (
        "各旧代码指向不同的主体。",
        "The legacy codes of the row lead to different subjects.",
        "Give the unified social credit code.",
    ),
    "UNKNOWN_LEGACY_CODE": (
        "仅有旧代码，且系统中没有对应的主体。",
        "Only legacy codes are given, and no known subject has them.",
        "Give the unified social credit code.",
    ),
    "UNKNOWN_ORGANIZATION_CODE": (
        "仅有组织机构代码，且系统中没有对应的主体。",
        "Only an organisation code is given, and no known subject has it.",
        "Give the unified social credit code.",
    ),
    "ORGANIZATION_CODE_MISMATCH": (
        "组织机构代码与统一社会信用代码第9至17位不一致。",
        "The organisation code differs from positions 9 to 17 of the unified social credit code.",
        "Correct whichever of the two is wrong.",
    ),
    "BAD_CERTIFICATE": (
        "证件号码格式不正确。",
        "The certificate number is not well formed for its type.",
        "Check type and number of the certificate.",
    ),
    "UNDER_14": (
        "主体未满十四周岁，不予归集。",
        "The subject is under fourteen; such data is not collected.",
        "Remove the row.",
    ),
    "PRIOR_NOTICE_MISSING": (
        "个人不良信息缺少事先告知日期（征信业管理条例第十五条）。",
        "Adverse information about a person lacks the day on which the person was told beforehand.",
        "Tell the person, give the day of the notice, and send the row again.",
    ),
    "FUTURE_DATE": ("日期晚于今天。", "The date lies in the future.", "Correct the date."),
    "DATE_ORDER": (
        "截止日期早于起始日期。",
        "The end lies before the beginning.",
        "Check whether the two dates were swapped.",
    ),
    "PUBLICATION_TOO_LONG": (
        "公示截止期超过该失信程度的最长公示期（轻微三个月、一般一年、严重三年）。",
        "Publication would last longer than this severity allows (minor 3 months, general 1 year, serious 3 years).",
        "Shorten the publication period or correct the severity.",
    ),
    "DUPLICATE_KEY": (
        "同一文件中已有主键相同而内容不同的行。",
        "An earlier row of the same file has the same key with other content.",
        "Decide which of the rows is right, and submit that one alone.",
    ),
    "OTHER_SOURCE": (
        "该记录由其他信源单位报送，不能由本单位更改。",
        "The record was supplied by another source unit and cannot be changed by this one.",
        "Ask the unit that supplied it to correct it.",
    ),
    "NOT_KEPT_SO_LONG": (
        "个人不良信息自不良行为终止之日起已满五年，不得保存（征信业管理条例第十六条）。",
        "Adverse information about a person is not kept longer than five years after the conduct ended.",
        "Remove the row.",
    ),
    "OTHER_DIVISION": (
        "该行不属于本市县。",
        "The row does not belong to this county or city.",
        "A county supplies for its own division; leave the row to the unit in charge.",
    ),
    "NOT_ABOUT_YOURSELF": (
        "自主申报只能申报本主体的信息。",
        "A declaration is about the declaring subject alone.",
        "Give your own identifier.",
    ),
    "OTHER_ORIGIN": (
        "信息来源由系统注明，与所填不符。",
        "The hub notes the origin of a record itself; the row says another one.",
        "Leave the value out.",
    ),
    "SUBJECT_ERASED": (
        "该主体的数据已依法清除，不再归集。",
        "The subject's data was erased and is collected no more.",
        "Remove the row.",
    ),
}
CODES = frozenset(_TEXTS)
"""Codes of faults that intake itself finds."""


def fault(code: str, row: int, column: str) -> Fault:
    """A fault of intake's own."""
    zh, en, hint = _TEXTS[code]
    return Fault(row, column, code, zh, en, hint)


def value_fault(error: ValueFormatError | IdentifierError, row: int, column: str) -> Fault:
    """The fault for a value that could not be read as its type."""
    return Fault(row, column, error.detail, error.message_zh, error.message, error.hint)
