"""A row that could be understood in two ways, or that Casbin would skip, is refused with its place."""

from __future__ import annotations

import pytest

from hub.errors import PolicyError
from hub.model.outcome import Outcome
from hub.policies.model import Effect
from hub.policies.rows import Vocabulary, read_rows

WORDS = Vocabulary({"bank", "tenant"}, {"LEND"})
GOOD = "p, B-LOAN-01, bank, LEND, financial.loan.*, 3, ORG, CLEAR, allow"

BROKEN = {
    "a mistyped deny, which Casbin would ignore": (
        "p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, dney",
        "eft",
    ),
    "a deny in capitals": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, Deny", "eft"),
    "an effect that is missing": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR", ""),
    "an effect that is empty": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR,", "eft"),
    "a column too many": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow, note", ""),
    "an unknown role": ("p, B-1, banker, LEND, financial.*, 3, ORG, CLEAR, allow", "role"),
    "a star in place of a role": ("p, B-1, *, LEND, financial.*, 3, ORG, CLEAR, allow", "role"),
    "an unknown purpose": ("p, B-1, bank, LOAN, financial.*, 3, ORG, CLEAR, allow", "purpose"),
    "an empty purpose": ("p, B-1, bank, , financial.*, 3, ORG, CLEAR, allow", "purpose"),
    "an unknown kind": ("p, B-1, bank, LEND, financial.*, 3, COMPANY, CLEAR, allow", "kind"),
    "an unknown outcome": ("p, B-1, bank, LEND, financial.*, 3, ORG, SHOWN, allow", "outcome"),
    "an outcome in small letters": ("p, B-1, bank, LEND, financial.*, 3, ORG, clear, allow", "outcome"),
    "WITHHELD, which needs no rule": ("p, B-1, bank, LEND, financial.*, 3, ORG, WITHHELD, deny", "outcome"),
    "a level of nought": ("p, B-1, bank, LEND, financial.*, 0, ORG, CLEAR, allow", "level"),
    "a level beyond five": ("p, B-1, bank, LEND, financial.*, 6, ORG, CLEAR, allow", "level"),
    "a level that is no number": ("p, B-1, bank, LEND, financial.*, high, ORG, CLEAR, allow", "level"),
    "a level with a sign": ("p, B-1, bank, LEND, financial.*, +3, ORG, CLEAR, allow", "level"),
    "a star for part of a segment": ("p, B-1, bank, LEND, fin*, 3, ORG, CLEAR, allow", "object"),
    "an empty segment": ("p, B-1, bank, LEND, financial..loan, 3, ORG, CLEAR, allow", "object"),
    "a regular expression": ("p, B-1, bank, LEND, financial.(loan|tax), 3, ORG, CLEAR, allow", "object"),
    "an id in small letters": ("p, b-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow", "id"),
    "an id without a number": ("p, BANK, bank, LEND, financial.*, 3, ORG, CLEAR, allow", "id"),
    "an id used twice": (GOOD, "id"),
    "a first word Casbin would skip": ("P, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow", "p"),
    "a second policy type": ("p2, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow", "p"),
    "a quoted value": ('p, B-1, "bank", LEND, financial.*, 3, ORG, CLEAR, allow', ""),
    "a full-width comma": ("p, B-1, bank, LEND， financial.*, 3, ORG, CLEAR, allow", ""),
    "a full-width letter": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, ａllow", ""),
    "a letter that looks like another": ("p, B-1, b\u0430nk, LEND, financial.*, 3, ORG, CLEAR, allow", ""),
    "a byte order mark inside the file": ("\ufeffp, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow", ""),
    "a space at the end": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow ", ""),
    "a space at the start": (" p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow", ""),
    "a comment that starts with a space": (" # note", ""),
    "a comment behind a rule": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow # ok", "eft"),
    "a tab": ("p, B-1, bank,\tLEND, financial.*, 3, ORG, CLEAR, allow", ""),
    "a no-break space": ("p, B-1, bank,\u00a0LEND, financial.*, 3, ORG, CLEAR, allow", ""),
    "a control character": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow\x00", ""),
    "a line of blanks": ("   ", ""),
    "an old Mac line end": ("p, B-1, bank, LEND, financial.*, 3, ORG, CLEAR, allow\rp", ""),
    "an inheritance with one role": ("g, tenant", ""),
    "an inheritance of an unknown role": ("g, tenant, banker", "parent"),
    "an inheritance for an unknown role": ("g, nobody, bank", "role"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_refused_with_its_place(name: str) -> None:
    line, column = BROKEN[name]
    with pytest.raises(PolicyError) as caught:
        read_rows(f"# note\n{GOOD}\n\n{line}\n", WORDS)
    place = f"rules.csv row 4, column {column}: " if column else "rules.csv row 4: "
    assert caught.value.message.startswith(place)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "\n", "# p, B-1, bank\n", "g, tenant, bank\n"])
def test_a_file_without_a_rule_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="holds no rule"):
        read_rows(text, WORDS)


def test_a_rule_keeps_its_words_and_its_row() -> None:
    (rule,), links = read_rows(f"# 说明\r\n\r\n{GOOD}\r\ng, tenant, bank\r\n", WORDS)
    assert (rule.id, rule.role, rule.purpose, rule.pattern) == (
        "B-LOAN-01",
        "bank",
        "LEND",
        "financial.loan.*",
    )
    assert (rule.level, rule.kind, rule.outcome, rule.effect) == (3, "ORG", Outcome.CLEAR, Effect.ALLOW)
    assert rule.row == 3
    assert [(link.role, link.parent, link.row) for link in links] == [("tenant", "bank", 4)]


def test_padding_after_commas_changes_nothing() -> None:
    (plain,), _ = read_rows(GOOD.replace(" ", ""), WORDS)
    (padded,), _ = read_rows(GOOD.replace(", ", ",     "), WORDS)
    assert plain == padded
