"""Unified social credit codes (GB 32100-2015) and organisation codes (GB 11714).

Rules
- A code has 18 characters: authority, class, division of that authority (6), organisation code (9), check.
- Both checks must hold: the code's own (mod 31) and the one inside its organisation code (mod 11).
- Letters I, O, S, V, Z do not occur in a unified social credit code.
- Organisation codes beginning with DEM are synthetic and accepted in demo mode only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import mul

from hub.errors import IdentifierError
from hub.model.normal import normalise

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES = bytes.maketrans(ALPHABET.encode(), bytes(range(len(ALPHABET))))
_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORGANISATION_VALUES = bytes.maketrans(_ORGANISATION_ALPHABET.encode(), bytes(range(36)))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_FORM = re.compile(r"[1-9ANY][0-9A-HJ-NPQRTUWXY][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_ORGANISATION_FORM = re.compile(r"[0-9A-Z]{8}[0-9X]")
_CLASSES = {
    "1": "1239",
    "2": "19",
    "3": "123459",
    "4": "19",
    "5": "1239",
    "6": "129",
    "7": "129",
    "8": "19",
    "9": "123",
    "A": "19",
    "N": "1239",
    "Y": "1",
}
_DEMO = "DEM"


@dataclass(frozen=True, slots=True)
class Uscc:
    """A unified social credit code that was checked."""

    text: str
    """The 18 characters, capitals."""

    def __str__(self) -> str:
        return self.text

    @property
    def authority(self) -> str:
        """Class of the registering authority (position 1), for example 9 for market regulation."""
        return self.text[0]

    @property
    def entity_class(self) -> str:
        """Class of the entity (position 2); its meaning depends on the authority."""
        return self.text[1]

    @property
    def class_known(self) -> bool:
        """Whether the standard lists this class for this authority; if not, warn rather than refuse."""
        return self.entity_class in _CLASSES[self.authority]

    @property
    def division(self) -> str:
        """Division code (GB/T 2260) of the registering authority; not of the address."""
        return self.text[2:8]

    @property
    def organisation_code(self) -> str:
        """The organisation code inside, nine characters."""
        return self.text[8:17]


def uscc_check_character(first17: str) -> str:
    """Check character for the first 17 characters of a unified social credit code (GB 32100-2015, mod 31)."""
    if len(first17) != len(_WEIGHTS) or not set(ALPHABET) >= set(first17):
        raise ValueError("not the first 17 characters of a code")
    return _uscc_check(first17)


def _uscc_check(first17: str) -> str:
    """The check character for 17 characters of the alphabet."""
    return ALPHABET[-sum(map(mul, first17.encode().translate(_VALUES), _WEIGHTS)) % 31]


def _checks(code: str) -> bool:
    """Whether both check characters of a well-formed code hold."""
    return _organisation_check(code[8:16]) == code[16] and _uscc_check(code[:17]) == code[17]


def is_plain_uscc(text: str, *, demo: bool) -> bool:
    """Whether a text is, as it stands, a code that `parse_uscc` gives unchanged."""
    return bool(_FORM.fullmatch(text)) and (demo or not text.startswith(_DEMO, 8)) and _checks(text)


def organisation_check_character(first8: str) -> str:
    """Check character for the first 8 characters of an organisation code (GB 11714, mod 11)."""
    first8 = first8.upper()
    if len(first8) != len(_ORGANISATION_WEIGHTS) or not set(_ORGANISATION_ALPHABET) >= set(first8):
        raise ValueError("not the first 8 characters of a code")
    return _organisation_check(first8)


def _organisation_check(first8: str) -> str:
    """The check character for 8 digits and capitals."""
    total = sum(map(mul, first8.encode().translate(_ORGANISATION_VALUES), _ORGANISATION_WEIGHTS))
    return "0123456789X0"[11 - total % 11]


def organisation_code_valid(code: str) -> bool:
    """Whether a text, normalised and without its hyphen, is an organisation code with the right check."""
    text = normalise(code).replace("-", "")
    return bool(_ORGANISATION_FORM.fullmatch(text)) and organisation_check_character(text[:8]) == text[8]


def parse_uscc(text: str, *, demo: bool) -> Uscc:
    """The unified social credit code that a text stands for; lower case and full-width are accepted.

    Raises:
        IdentifierError: LENGTH when it has not 18 characters, ALPHABET when a character cannot stand where it
            does, CHECKSUM_MISMATCH when either check fails, DEMO_ONLY when it is synthetic and `demo` is off.
    """
    code = normalise(text)
    if len(code) != 18:
        raise IdentifierError(
            "A unified social credit code has 18 characters.",
            detail="LENGTH",
            hint="Check that no character is missing or doubled.",
            message_zh="统一社会信用代码应为18位。",
        )
    if not _FORM.fullmatch(code):
        raise IdentifierError(
            "The unified social credit code holds a character that cannot stand there.",
            detail="ALPHABET",
            hint="Letters I, O, S, V and Z do not occur; positions 3 to 8 are digits.",
            message_zh="统一社会信用代码含有不允许的字符。",
        )
    if not _checks(code):
        raise IdentifierError(
            "The check character of the unified social credit code is wrong.",
            detail="CHECKSUM_MISMATCH",
            hint="Compare the code with the certificate; two characters may be swapped.",
            message_zh="统一社会信用代码校验位不正确。",
        )
    if code.startswith(_DEMO, 8) and not demo:
        raise IdentifierError(
            "The unified social credit code is a synthetic one.",
            detail="DEMO_ONLY",
            hint="Synthetic codes are accepted in demo mode only.",
            message_zh="该统一社会信用代码为演示数据，仅在演示模式下可用。",
        )
    return Uscc(code)
