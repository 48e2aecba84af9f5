"""Identifiers of synthetic subjects, all in ranges that are never issued.

Rules
- Organisations: a real prefix and division, organisation code `DEM` and five characters, both checks.
- Numbers 1 to 79,999 are written in digits, 80,000 to 89,999 are kept for institutions (authorities, courts,
  banks), later organisations start with a letter; so a code never says two things.
- Persons: region 469999, which is unassigned, a real birth date, sequence and check character (GB 11643).
- Telephone numbers start with 100, which is no mobile prefix, so none of them can ring.
"""

from __future__ import annotations

from datetime import date, timedelta

from hub.errors import InputError
from hub.model.identifiers import organisation_check_character, resident_check_character, uscc_check_character
from hub.model.organisation_ids import ALPHABET
from hub.model.resident_ids import DEMO_REGION

FIRST_INSTITUTION = 80_000
"""Organisation numbers from here to 89,999 belong to institutions."""
_FIRST_LETTER = 10
_TAIL = len(ALPHABET) ** 4
_SEQUENCES = 998
_CYCLE = 1461
"""Days in four years: persons with one sequence number have birth dates in different classes modulo this."""
_STRIDE = 733
LINES = 2
"""Independent lines of persons: 0 for subjects, 1 for representatives of organisations."""
MOST_PERSONS = _SEQUENCES * (_CYCLE // LINES)
"""Persons in one line: 728,540."""
MOST_ORGANISATIONS = FIRST_INSTITUTION - 1 + (len(ALPHABET) - _FIRST_LETTER) * _TAIL


def uscc(prefix: str, division: str, number: str) -> str:
    """A unified social credit code: class, division, five characters behind `DEM`, both checks."""
    code = f"DEM{number}"
    body = f"{prefix}{division}{code}{organisation_check_character(code)}"
    return body + uscc_check_character(body)


def organisation_number(index: int) -> str:
    """The five characters behind `DEM` of the organisation with this index (from 0).

    Raises:
        InputError: when the index is beyond the range.
    """
    number = index + 1
    if number < FIRST_INSTITUTION:
        return f"{number:05d}"
    head, rest = divmod(number - FIRST_INSTITUTION, _TAIL)
    if not 0 <= head < len(ALPHABET) - _FIRST_LETTER:
        raise InputError(
            "There are not so many synthetic organisation codes.", hint="Ask for fewer organisations."
        )
    tail = ""
    for _ in range(4):
        rest, digit = divmod(rest, len(ALPHABET))
        tail = ALPHABET[digit] + tail
    return ALPHABET[_FIRST_LETTER + head] + tail


def resident_id(index: int, line: int, earliest: date, latest: date, chance: float) -> tuple[str, date]:
    """The citizen identity number and birth date of the person with this index (from 0) in a line.

    `chance`, from 0 up to but not including 1, picks the birth date between `earliest` and `latest` (both
    allowed), which lie at least four years apart. Two persons never get the same number.
    Sequence 999 is never given out: it is kept for persons whose number is written down in advance.

    Raises:
        InputError: when the index is beyond the range.
    """
    if index >= MOST_PERSONS:
        raise InputError("There are not so many synthetic persons.", hint=f"Ask for at most {MOST_PERSONS}.")
    rank, place = divmod(index, _SEQUENCES)
    low, high = earliest.toordinal(), latest.toordinal()
    group = rank * LINES + line + place * _STRIDE
    first = low + (group - low) % _CYCLE
    born = date.fromordinal(first + _CYCLE * int(chance * ((high - first) // _CYCLE + 1)))
    body = f"{DEMO_REGION}{born:%Y%m%d}{place * 611 % _SEQUENCES + 1:03d}"
    return body + resident_check_character(body), born


def phone(chance: float) -> str:
    """A telephone number that cannot ring: 100 and eight digits."""
    return f"100{int(chance * 100_000_000):08d}"


def case_number(year: int, court: str, kind: str, number: int) -> str:
    """A case number with the mark 演, for example (2026)琼演0106民初123号."""
    return f"({year})琼演{court}{kind}{number}号"


def document_number(office: str, act: str, year: int, number: int) -> str:
    """A document number with the mark 演, for example 琼市监罚演〔2026〕0012号."""
    return f"{office}{act}演〔{year}〕{number:04d}号"


def working_days_after(day: date, count: int) -> date:
    """The day `count` weekdays after `day`; public holidays are not counted out."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def months_after(day: date, months: int) -> date:
    """The same day of the month `months` later (negative: earlier), or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for shorter in range(4):
        try:
            return date(year, month + 1, day.day - shorter)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th day")
