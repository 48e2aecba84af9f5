"""Citizen identity numbers (GB 11643) and what they say.

Rules
- 18 characters: division of first registration (6), birth date (8), sequence (3, odd is male), check.
- The birth date is a real date and not in the future.
- An unknown region is a warning, never a refusal: old numbers carry divisions that no longer exist.
- Region 469999 is unassigned, therefore synthetic, and accepted in demo mode only.
- Numbers of 15 digits are no longer valid; only legacy import converts them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from hub.errors import IdentifierError
from hub.model.normal import normalise

DEMO_REGION = "469999"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_FORM = re.compile(r"[1-9][0-9]{16}[0-9X]")
_FIRST_GENERATION = re.compile(r"[1-9][0-9]{14}")
_WITHIN = re.compile(
    r"(?=([1-9]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]))", re.ASCII
)
"""At every place: one may begin within a longer row of digits."""
_BETWEEN = re.compile(r"(?<=\d)[\s\-‐-―·.]+(?=[\dXx])")
_PROVINCES = frozenset(
    str(code)
    for start, end in ((11, 16), (21, 24), (31, 38), (41, 47), (50, 55), (61, 66), (71, 72), (81, 84))
    for code in range(start, end)
)


@dataclass(frozen=True, slots=True)
class ResidentId:
    """A citizen identity number that was checked."""

    text: str
    """The 18 characters, capitals."""

    def __str__(self) -> str:
        return self.text

    @property
    def division(self) -> str:
        """Division code of first registration, possibly a historical one."""
        return self.text[:6]

    @property
    def region_known(self) -> bool:
        """Whether the province part is a known one; if not, warn rather than refuse."""
        return self.text[:2] in _PROVINCES

    @property
    def birth_date(self) -> date:
        """Date of birth."""
        return date(int(self.text[6:10]), int(self.text[10:12]), int(self.text[12:14]))

    @property
    def male(self) -> bool:
        """Whether the sequence is odd."""
        return int(self.text[16]) % 2 == 1

    def age(self, today: date) -> int:
        """Full years on a day; someone born on 29 February completes a year on 1 March of common years."""
        born = self.birth_date
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def resident_check_character(first17: str) -> str:
    """Check character for the first 17 digits of a citizen identity number (GB 11643, mod 11)."""
    return _CHECKS[sum(int(c) * w for c, w in zip(first17, _WEIGHTS, strict=True)) % 11]


def parse_resident_id(text: str, *, today: date, demo: bool) -> ResidentId:
    """The citizen identity number that a text stands for; lower-case x and full-width are accepted.

    Raises:
        IdentifierError: LENGTH when it has not 18 characters, ALPHABET when it holds other than digits and a
            final X, BAD_DATE when the birth date does not exist, FUTURE_DATE when it is after `today`,
            CHECKSUM_MISMATCH when the check fails, DEMO_ONLY when it is synthetic and `demo` is off.
    """
    number = normalise(text)
    if len(number) != 18:
        raise _refusal("has 18 characters", "LENGTH", "应为18位")
    if not _FORM.fullmatch(number):
        raise _refusal("consists of 17 digits and a digit or X", "ALPHABET", "含有不允许的字符")
    born = _birth(number)
    if born is None:
        raise _refusal("holds a real birth date", "BAD_DATE", "出生日期不存在")
    if born > today:
        raise _refusal("holds a birth date that is not in the future", "FUTURE_DATE", "出生日期晚于今天")
    if resident_check_character(number[:17]) != number[17]:
        raise _refusal("ends in a check character that fits", "CHECKSUM_MISMATCH", "校验位不正确")
    if number.startswith(DEMO_REGION) and not demo:
        raise _refusal("is not from the synthetic region", "DEMO_ONLY", "为演示数据，仅在演示模式下可用")
    return ResidentId(number)


def upgrade_first_generation(text: str, *, today: date, demo: bool) -> ResidentId:
    """The 18-character number for the 15-digit one of a legacy record (century 19, check added).

    Raises:
        IdentifierError: LENGTH or ALPHABET when it is not 15 digits, else as `parse_resident_id`.
    """
    old = normalise(text)
    if len(old) != 15:
        raise _refusal("of the first generation has 15 digits", "LENGTH", "第一代号码应为15位")
    if not _FIRST_GENERATION.fullmatch(old):
        raise _refusal("of the first generation has digits only", "ALPHABET", "第一代号码只含数字")
    body = f"{old[:6]}19{old[6:]}"
    return parse_resident_id(body + resident_check_character(body), today=today, demo=demo)


def birth_date(resident_id: str) -> date:
    """Date of birth in a citizen identity number of 18 characters, as stored.

    Raises:
        IdentifierError: BAD_DATE when there is none.
    """
    born = _birth(resident_id) if _FORM.fullmatch(resident_id) else None
    if born is None:
        raise _refusal("holds a real birth date", "BAD_DATE", "出生日期不存在")
    return born


def _birth(number: str) -> date | None:
    if number[6:8] not in ("18", "19", "20"):
        return None
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def _refusal(rule: str, detail: str, zh: str) -> IdentifierError:
    return IdentifierError(
        f"A citizen identity number {rule}.",
        detail=detail,
        hint="Compare the number with the document.",
        message_zh=f"公民身份号码{zh}。",
    )


def holds_resident_id(text: str) -> bool:
    """Whether a free text holds what reads as such a number, in whatever digits and however grouped.

    With a birth date in its place and no digit beside it, a number need not have the right check character: it may
    be mistyped. Within a longer row of digits it must.
    """
    wide = unicodedata.normalize("NFKC", text)
    plain = "".join(str(unicodedata.decimal(char, char)) for char in wide)
    return _reads_as_one(plain) or _reads_as_one(_BETWEEN.sub("", plain))


def _reads_as_one(text: str) -> bool:
    for match in _WITHIN.finditer(text):
        number, beside = match[1], text[max(match.start() - 1, 0) : match.start()] + text[match.end(1) :][:1]
        if (
            not any(char.isdigit() for char in beside)
            or resident_check_character(number[:-1]) == number[-1].upper()
        ):
            return True
    return False
