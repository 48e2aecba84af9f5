"""Reads `notices.toml`: what subjects and source units are told about cases and records, in both languages.

- A notice has a code: `repair.accept` is told when a repair is accepted, `objection.settle.corrected` when an
  objection is settled so. What has no entry is told to nobody.
- Its texts may hold the placeholders of `PLACEHOLDERS` in braces, and nothing else in braces.
- `[[reason]]` puts the codes of reasons into words.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from hub.catalog.types import Label
from hub.errors import PolicyError
from hub.policies.entries import Entry, parse

FILE = "notices.toml"
PLACEHOLDERS = frozenset({"dataset", "day", "due", "institution", "reason", "repair_from", "shown_until"})
RECIPIENTS = ("SUBJECT", "SOURCE_UNIT")
PUBLISHED = ("record.decision", "record.repair", "record.commitment")
"""Told together when a negative record is published (三书同达)."""
MAY_APPLY = "record.may_apply"
"""Told when the shortest period is over."""
EMERGENCY_OVER = "emergency.over"
"""Told after an emergency grant is over."""
NOT_JUSTIFIED = "emergency.not_justified"
"""Told after its review found that it was not justified."""


@dataclass(frozen=True, slots=True)
class NoticeTemplate:
    """One notice."""

    code: str
    recipients: tuple[str, ...]
    title: Label
    text: Label
    verified: bool

    def fill(self, values: Mapping[str, str | date | Label]) -> tuple[Label, Label]:
        """Title and text with the placeholders filled in; what has no value is a dash."""
        zh = {name: _word(values.get(name, "—"), chinese=True) for name in PLACEHOLDERS}
        en = {name: _word(values.get(name, "—"), chinese=False) for name in PLACEHOLDERS}
        return (
            Label(self.title.zh.format_map(zh), self.title.en.format_map(en)),
            Label(self.text.zh.format_map(zh), self.text.en.format_map(en)),
        )


@dataclass(frozen=True, slots=True)
class NoticeTemplates:
    """All of the file."""

    templates: Mapping[str, NoticeTemplate] = field(default_factory=dict)
    reasons: Mapping[str, Label] = field(default_factory=dict)

    def reason(self, code: str) -> Label:
        """A reason in words; its code where nobody has put it into words."""
        return self.reasons.get(code) or Label(code, code)


def read_notices(text: str) -> NoticeTemplates:
    """The notices of a file.

    Raises:
        PolicyError: naming the entry and key that break a rule.
    """
    top = Entry(FILE, "(file)", parse(FILE, text))
    templates: dict[str, NoticeTemplate] = {}
    for entry in top.tables("notice"):
        template = NoticeTemplate(
            entry.text("code"), entry.words("to", dict.fromkeys(RECIPIENTS), "the recipients"),
            entry.label("title"), entry.label("text"), entry.flag("verified"),
        )  # fmt: skip
        if template.code in templates:
            raise entry.error("code", "the notice stands twice", "Name each once.")
        for label in (template.title, template.text):
            _check(entry, label)
        entry.close()
        templates[template.code] = template
    reasons: dict[str, Label] = {}
    for entry in top.tables("reason"):
        code = entry.text("code")
        if code in reasons:
            raise entry.error("code", "the reason stands twice", "Name each once.")
        reasons[code] = entry.label("text")
        entry.close()
    top.close()
    for code in (*PUBLISHED, MAY_APPLY, EMERGENCY_OVER, NOT_JUSTIFIED):
        if code not in templates:
            raise PolicyError(f"{FILE} has no [[notice]] {code}.", hint="Add one.")
    return NoticeTemplates(templates, reasons)


def _check(entry: Entry, label: Label) -> None:
    for key, text in (("_zh", label.zh), ("_en", label.en)):
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError:
            raise entry.error(f"text{key}", "a brace is not closed", "Write {name}.") from None
        for _, name, form, conversion in parts:
            if name is not None and (name not in PLACEHOLDERS or form or conversion):
                known = ", ".join(sorted(PLACEHOLDERS))
                raise entry.error(f"text{key}", "a placeholder is not known", f"Use {known}.")


def _word(value: str | date | Label, *, chinese: bool) -> str:
    if isinstance(value, Label):
        return value.zh if chinese else value.en
    return value.isoformat() if isinstance(value, date) else value
