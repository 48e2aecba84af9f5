"""The letter says how often, how far back and how long data may be kept, and where one kind of data has less."""

from __future__ import annotations

import pytest
from world import COMPANY

from hub.documents.letter import letter
from hub.errors import InputError

from .document_world import Setup
from .test_consent_request import _LOAN, asked


def test_the_letter_says_how_often_and_how_long_in_both_languages(setup: Setup) -> None:
    text = letter(asked(setup, _LOAN))
    assert "查得多频繁：同一机构每日最多 50 次、每月最多 500 次。" in text.zh
    assert "能保存多久：最长 90 天，到期删除。" in text.zh
    assert "How often: one institution at most 50 times a day, 500 times a month." in text.en
    assert "How long the data may be kept: 90 days at most, then deleted." in text.en
    assert "其中" not in text.zh


def test_a_stricter_template_is_in_the_letter_with_its_narrower_caps(setup: Setup) -> None:
    made = asked(setup, _LOAN, template_id="FU-LOAN-SMALL")
    text = letter(made)
    assert "自签署之日起 90 天" in text.zh
    assert "其中贷款：最近 12 个月，每日最多 2 次。" in text.zh
    assert "其中纳税金额：最近 12 个月，最长保存 15 天。" in text.zh
    assert "For loans: 12 months back, at most 2 times a day." in text.en.replace("Loans", "loans")
    assert "kept for at most 15 days" in text.en
    assert "最长 30 天" in text.zh


def test_the_authorization_details_name_the_template(setup: Setup) -> None:
    assert asked(setup, _LOAN).authorization_details([COMPANY])[0]["template"] == "FU-LOAN-1"
    made = asked(setup, _LOAN, template_id="FU-LOAN-SMALL")
    assert made.authorization_details([COMPANY])[0]["template"] == "FU-LOAN-SMALL"


def test_a_template_of_another_purpose_is_refused(setup: Setup) -> None:
    with pytest.raises(InputError, match="no fair-use template of this id"):
        asked(setup, _LOAN, template_id="FU-RENEWAL-1")
