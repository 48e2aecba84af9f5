"""What a grant may say: within the consent template and the fair-use template, refused or cut down beyond them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.catalog.loader import load_catalog
from hub.consent.artefact import Term
from hub.consent.request import ConsentRequest, Terms, settle
from hub.errors import InputError
from hub.policies.files import load_policies
from hub.policies.model import Beyond, FairUse, PolicySet

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
SMALL = "FU-LOAN-SMALL"


@pytest.fixture(scope="module")
def policy() -> PolicySet:
    return load_policies(ROOT / "policies", load_catalog(ROOT / "schema"))


def with_caps(policy: PolicySet, template: str = "FU-LOAN-1", **caps: Any) -> PolicySet:
    """The policy with other caps in one fair-use template."""
    changed: dict[str, FairUse] = {**policy.fair_use, template: replace(policy.fair_use[template], **caps)}
    return replace(policy, fair_use=changed)


def granted(policy: PolicySet, **asked: Any) -> Terms:
    request = ConsentRequest(
        "91460000DEM0000010", "LOAN_APPLICATION", separate_consent=True, adverse_notice_acknowledged=True
    )
    return settle(replace(request, **asked), "ORG", policy, NOW)


def test_without_a_choice_the_default_template_holds(policy: PolicySet) -> None:
    terms = granted(policy)
    assert terms.fair_use is policy.fair_use["FU-LOAN-1"]
    assert terms.valid_to == NOW + timedelta(days=365)
    assert terms.range_from == date(2024, 11, 20)
    assert terms.data_life_days() == 90
    assert terms.clamped == ()


def test_what_is_left_out_lies_within_a_stricter_template_and_is_not_called_cut_down(
    policy: PolicySet,
) -> None:
    terms = granted(policy, template=SMALL)
    assert terms.valid_to == NOW + timedelta(days=90)
    assert (terms.data_life_days(), terms.data_life_days("government.tax_payment")) == (30, 15)
    assert terms.clamped == ()


@pytest.mark.parametrize("template", ["FU-NONE", "FU-RENEWAL-1", ""])
def test_a_template_that_is_not_one_of_the_purpose_is_refused(policy: PolicySet, template: str) -> None:
    with pytest.raises(InputError, match="no fair-use template of this id") as caught:
        granted(policy, template=template)
    assert SMALL in (caught.value.hint or "")


def test_a_validity_beyond_the_cap_is_cut_down_and_told(policy: PolicySet) -> None:
    terms = granted(policy, template=SMALL, valid_days=200)
    (clamp,) = terms.clamped
    assert terms.valid_to == NOW + timedelta(days=90)
    assert terms.range_to == date(2027, 2, 18)
    assert (clamp.term, clamp.asked, clamp.given) == (Term.VALID_DAYS, "200", "90")
    assert "200 天" in clamp.text.zh
    assert "90 天" in clamp.text.zh
    assert "90 days instead of the 200" in clamp.text.en


def test_a_range_beyond_the_cap_is_cut_down_and_told(policy: PolicySet) -> None:
    terms = granted(policy, range_from=date(2020, 1, 1))
    (clamp,) = terms.clamped
    assert terms.range_from == date(2024, 11, 20)
    assert (clamp.term, clamp.asked, clamp.given) == (Term.RANGE_FROM, "2020-01-01", "2024-11-20")
    assert "2020-01-01" in clamp.text.zh
    assert "2024-11-20" in clamp.text.en


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a longer validity under a template that refuses": ({"valid_days": 366}, "lasts 1 to 365 days"),
    "no day, even under a template that cuts down": ({"valid_days": 0, "template": SMALL}, "lasts 1 to 90 days"),
    "an earlier range under a template that refuses": (
        {"range_from": date(2024, 11, 19), "template": SMALL}, "at most 24 months back",
    ),
    "a range that ends before what is left of it": (
        {"range_from": date(2020, 1, 1), "range_to": date(2021, 1, 1)}, "ends before it begins",
    ),
    "more uses than the notice says": ({"max_uses": 21}, "allows 1 to 20 uses"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_grant_is_refused_for(policy: PolicySet, name: str) -> None:
    asked, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        granted(policy, **asked)
    assert caught.value.hint
    assert caught.value.message_zh


def test_the_tighter_of_notice_and_caps_holds(policy: PolicySet) -> None:
    assert granted(with_caps(policy, range_months=6)).range_from == date(2026, 5, 20)
    assert granted(with_caps(policy, range_months=0)).range_from == date(2024, 11, 20)
    assert granted(with_caps(policy, data_life_days=7)).data_life_days() == 7
    assert granted(with_caps(policy, data_life_days=0)).data_life_days() == 90


def test_the_very_cap_is_neither_refused_nor_cut_down(policy: PolicySet) -> None:
    strict = with_caps(policy, over_range=Beyond.REFUSE, over_consent_days=Beyond.CLAMP)
    terms = granted(strict, valid_days=365, range_from=date(2024, 11, 20))
    assert terms.clamped == ()
    assert terms.range_from == date(2024, 11, 20)
