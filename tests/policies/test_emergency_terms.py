"""Terms of emergency grants: what does not fit is refused at start, and what a change of them opens is told."""

from __future__ import annotations

import pytest

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.policies.diff import Effect, compare
from hub.policies.files import build_policy
from hub.policies.model import PolicySet

_GRANT = "\n[EMERGENCY.grant]\n"
BROKEN = {
    "an emergency without terms": (_GRANT, "\n[EMERGENCY_OTHER]\n", "entry EMERGENCY, key grant"),
    "terms of a purpose that is no emergency": ('basis = "EMERGENCY"', 'basis = "PUBLIC"', "key grant"),
    "an emergency without a file number": ("reference_required = true\nclosure_days = 30", "closure_days = 30", "key reference_required"),
    "an emergency that owes no report": ("reference_required = true\nclosure_days = 30", "reference_required = true", "key closure_days"),
    "a grant that lasts no hour": ("hours = 24", "hours = 0", "EMERGENCY.grant, key hours"),
    "a grant that lasts longer than a week": ("hours = 24", "hours = 169", "key hours"),
    "a grant without uses": ("\nuses = 20", "\nuses = 0", "key uses"),
    "an emergency for which nobody may ask": ("open_requests = 10", "open_requests = 0", "key open_requests"),
    "a review that is never due": ("review_days = 7", "review_days = 0", "key review_days"),
    "a ledger that waits longer than the notice": ("ledger_delay_days = 3\nledger_delay_basis = \"个人信息保护法第十八条第二款", "ledger_delay_days = 11\nledger_delay_basis = \"个人信息保护法第十八条第二款", "key ledger_delay_days"),
    "a ledger that waits by no law": ("ledger_delay_basis = \"个人信息保护法第十八条第二款", "# \"", "key ledger_delay_basis"),
    "an item that no rule opens": ('"government.safety_accident", ', '"government.safety_accident", "financial.loan", ', "financial.loan, which no rule opens"),
    "a rule beyond the items": ('"government.safety_accident", ', "", "does not name government.safety_accident"),
    "a key that nothing reads": ("hours = 24", "hours = 24\ndays = 1", "key days: nothing reads"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_terms_that_do_not_hold_are_refused(name: str, texts: dict[str, str], catalog: Catalog) -> None:
    old, new, said = BROKEN[name]
    assert old in texts["purposes.toml"]
    texts["purposes.toml"] = texts["purposes.toml"].replace(old, new, 1)
    with pytest.raises(PolicyError) as refused:
        build_policy(texts, catalog)
    assert said in str(refused.value)


@pytest.mark.parametrize("code", ["emergency.over", "emergency.not_justified"])
def test_the_notices_of_an_emergency_cannot_be_left_out(
    code: str, texts: dict[str, str], catalog: Catalog
) -> None:
    texts["notices.toml"] = texts["notices.toml"].replace(f'code = "{code}"', 'code = "emergency.other"')
    with pytest.raises(PolicyError, match=code):
        build_policy(texts, catalog)


CHANGES = {
    "more hours": ("hours = 24", "hours = 48", "hours of a grant", Effect.OPENS),
    "fewer hours": ("hours = 24", "hours = 12", "hours of a grant", Effect.CLOSES),
    "more uses": ("\nuses = 20", "\nuses = 30", "uses of a grant", Effect.OPENS),
    "more requests at once": (
        "open_requests = 10",
        "open_requests = 20",
        "open_requests of a grant",
        Effect.OPENS,
    ),
    "a later review": ("review_days = 7", "review_days = 9", "review_days of a grant", Effect.UNCLEAR),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_terms_is_told_with_its_effect(
    name: str, texts: dict[str, str], policy: PolicySet, catalog: Catalog
) -> None:
    old, new, attribute, effect = CHANGES[name]
    texts["purposes.toml"] = texts["purposes.toml"].replace(old, new, 1)
    changes = compare(policy, build_policy(texts, catalog), catalog).entries
    assert [(c.place, c.attribute, c.effect) for c in changes] == [("purpose EMERGENCY", attribute, effect)]


def test_an_emergency_purpose_is_the_only_one_with_terms(policy: PolicySet) -> None:
    found = [p.code for p in policy.purposes.values() if p.grant_required]
    assert found == ["EMERGENCY"]
    assert not policy.purposes["EMERGENCY"].consent_required
    assert policy.purposes["EMERGENCY"].artefact_required
    assert not policy.fair_use_for("EMERGENCY_REVIEW")
