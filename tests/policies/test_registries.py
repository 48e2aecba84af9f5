"""Roles, purposes, matters, reasons and consents: a mistake is refused with its file, entry and key."""

from __future__ import annotations

import pytest

from hub.catalog.types import Catalog, SubjectKind
from hub.errors import PolicyError
from hub.model.outcome import Reason
from hub.policies.files import build_policy
from hub.policies.model import LawfulBasis, PolicySet

BROKEN = {
    "a key that is missing": ("roles.toml", "persons = true\n", "", "entry bank, key persons"),
    "a key that nothing reads": (
        "roles.toml",
        "persons = true\n",
        "persons = true\nperson = 1\n",
        "key person:",
    ),
    "a flag in quotes": ("roles.toml", "persons = true", 'persons = "true"', "key persons"),
    "a blank text": ("roles.toml", 'title_en = "Bank or other lender"', 'title_en = " "', "key title_en"),
    "text that is not TOML": ("roles.toml", "[bank]", "[bank", "roles.toml is not TOML"),
    "an unknown holder": ("purposes.toml", '"bank", "credit_bureau"]', '"banks"]', "key holders: 'banks'"),
    "a holder named twice": ("purposes.toml", '["bank", "credit_bureau"]', '["bank", "bank"]', "key holders"),
    "an unknown basis": ("purposes.toml", 'basis = "CONSENT"', 'basis = "INTEREST"', "key basis"),
    "a basis of consent that needs none": (
        "purposes.toml",
        "consent_required = true",
        "consent_required = false",
        "entry LOAN_APPLICATION, key consent_required",
    ),
    "a cap in the register of purposes": (
        "purposes.toml",
        "consent_required = true",
        "consent_required = true\nmax_subjects = 10",
        "entry LOAN_APPLICATION, key max_subjects: nothing reads this key",
    ),
    "a report that is owed within no day": (
        "purposes.toml",
        "closure_days = 90",
        "closure_days = 0",
        "entry LOAN_APPLICATION, key closure_days",
    ),
    "a report that is owed within a lifetime": (
        "purposes.toml",
        "closure_days = 90",
        "closure_days = 11001",
        "key closure_days",
    ),
    "a secrecy that no law is named for": (
        "matters.toml",
        'ledger_delay_basis = "个人信息保护法第十八条第一款、第三十五条(',
        '# "(',
        "key ledger_delay_basis",
    ),
    "a secrecy that lasts no day": (
        "matters.toml",
        "ledger_delay_days = 30",
        "ledger_delay_days = 0",
        "key ledger_delay_days",
    ),
    "a law that keeps nothing back": (
        "matters.toml",
        "ledger_delay_days = 30\n",
        "",
        "key ledger_delay_days: the key is missing",
    ),
    "a negative number": ("consents.toml", "max_uses = 20", "max_uses = -1", "key max_uses"),
    "a number in quotes": ("consents.toml", "max_uses = 20", 'max_uses = "20"', "key max_uses"),
    "a truth value for a number": ("consents.toml", "max_uses = 20", "max_uses = true", "key max_uses"),
    "a matter twice": ("matters.toml", '"AP-CONSTRUCTION-QUALIFICATION"', '"AP-FOOD-LICENCE"', "key code"),
    "a matter for a purpose without matters": (
        "matters.toml",
        '"GOV_APPROVAL"',
        '"SELF_QUERY"',
        "key purpose",
    ),
    "a matter for a role that may not hold its purpose": (
        "matters.toml",
        '["regulator"]',
        '["bank"]',
        "key roles",
    ),
    "a reason without a text": ("reasons.toml", "[MINOR]\n", "[ALLOWED.more]\n", "reasons.toml"),
    "an unknown reason": ("reasons.toml", "[MINOR]", "[TOO_YOUNG]", "entry TOO_YOUNG"),
    "a consent for a purpose without consent": ("consents.toml", '"GUARANTEE"', '"BID_CHECK"', "key purpose"),
    "a consent for an unknown dataset": (
        "consents.toml",
        '"government.tax_grade"',
        '"government.tax"',
        "key items",
    ),
    "a dataset asked for twice": (
        "consents.toml",
        "separate_items = [\n",
        'separate_items = [\n    "government.registration",\n',
        "key separate_items",
    ),
    "a consent longer than the fair-use template allows": (
        "consents.toml",
        "validity_days = 365",
        "validity_days = 366",
        "key validity_days",
    ),
    "a data life beyond the fair-use template": (
        "consents.toml",
        "data_life_days = 90",
        "data_life_days = 91",
        "data_life_days",
    ),
    "a template id twice": ("consents.toml", '"CT-LOAN-PERSON"', '"CT-LOAN-ORG"', "key id"),
    "a closed field that does not exist": (
        "closed.toml",
        "penalty.receivedOn",
        "penalty.received",
        "key field",
    ),
    "a list that is not there": ("closed.toml", "[[closed]]", "[[shut]]", "key closed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_entry_is_refused_with_its_place(name: str, texts: dict[str, str], catalog: Catalog) -> None:
    file, old, new, place = BROKEN[name]
    assert old in texts[file]
    texts[file] = (
        texts[file].replace(old, new)
        if name == "a list that is not there"
        else texts[file].replace(old, new, 1)
    )
    with pytest.raises(PolicyError) as caught:
        build_policy(texts, catalog)
    assert file in caught.value.message
    assert place in caught.value.message
    assert caught.value.hint


def test_a_purpose_that_rests_on_consent_has_a_template(texts: dict[str, str], catalog: Catalog) -> None:
    texts["consents.toml"] = texts["consents.toml"].split('[[template]]\nid = "CT-RENEWAL-ORG"')[0]
    with pytest.raises(PolicyError, match="no template for RENEWAL"):
        build_policy(texts, catalog)


def test_every_reason_has_a_text_in_both_languages(policy: PolicySet) -> None:
    assert set(policy.messages) == set(Reason)
    assert all(label.zh and label.en for label in policy.messages.values())


def test_reasons_do_not_tell_whether_a_subject_exists(policy: PolicySet) -> None:
    label = policy.messages[Reason.SUBJECT_UNKNOWN]
    assert "存在" not in label.zh
    assert "exist" not in label.en


def test_government_purposes_need_a_matter_and_lending_needs_consent(policy: PolicySet) -> None:
    for purpose in policy.purposes.values():
        if purpose.code.startswith("GOV_") or purpose.code == "PUBLIC_RESOURCE_TRADING":
            assert purpose.matter_required
            assert purpose.basis is LawfulBasis.STATUTORY_DUTY
            assert any(matter.purpose == purpose.code for matter in policy.matters.values())
        if purpose.holders[0] == "bank":
            assert purpose.basis is LawfulBasis.CONSENT


def test_consents_can_be_withdrawn_and_are_never_irrevocable(policy: PolicySet) -> None:
    for template in policy.consents.values():
        text = template.notice.zh + template.adverse.zh + template.withdrawal.zh
        assert "撤回" in template.withdrawal.zh
        assert "不可撤销" not in text
        assert "不利" in template.adverse.zh
        assert not template.onward_transfer


def test_the_notice_names_every_dataset_the_consent_covers(policy: PolicySet, catalog: Catalog) -> None:
    for template in policy.consents.values():
        for item in template.items:
            assert catalog.datasets[item.dataset].title.zh in template.notice.zh
        for number in (
            template.range_months,
            template.validity_days,
            template.max_uses,
            template.data_life_days,
        ):
            assert str(number) in template.notice.zh
            assert str(number) in template.notice.en


def test_lending_records_and_amounts_need_a_signature_of_their_own(policy: PolicySet) -> None:
    for template in policy.consents.values():
        for item in template.items:
            private = item.dataset.startswith("financial.") or item.dataset.endswith(
                ("tax_payment", "person_profile")
            )
            assert item.separate or not private


def test_templates_are_found_by_purpose(policy: PolicySet) -> None:
    found = policy.templates_for("LOAN_APPLICATION")
    assert [t.kind for t in found] == [SubjectKind.ORG, SubjectKind.PERSON]
    assert policy.templates_for("SELF_QUERY") == ()


def test_what_is_kept_from_the_subject_names_its_law_and_ends(policy: PolicySet) -> None:
    for matter in policy.matters.values():
        assert bool(matter.ledger_delay_days) == bool(matter.ledger_delay_basis)
    assert {m.code for m in policy.matters.values() if m.ledger_delay_days} == {
        "JC-ENFORCEMENT",
        "JC-PROCURATORATE",
    }


def test_reports_are_owed_for_decisions_and_not_for_reading_ones_own_file(policy: PolicySet) -> None:
    for purpose in policy.purposes.values():
        if purpose.basis in (LawfulBasis.SELF, LawfulBasis.PUBLIC):
            assert not purpose.closure_days, purpose.code
    assert policy.purposes["LOAN_APPLICATION"].closure_days == 90
