from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.cli import documents
from hub.folders import locate

from .conftest import Shell


def test_an_explanation_names_outcome_rule_and_reason_in_both_languages(bare: Shell) -> None:
    out = bare.done("explain", "bank-hkb", "financial.loan.balance", "LOAN_APPLICATION")
    assert "CLEAR (ALLOWED), decided by B-" in out
    assert "规则允许" in out
    assert "consent" in out
    assert "Fair use under FU-LOAN-1: the last 36 months" in out
    assert "2 of them of this dataset a day" in out


def test_a_purpose_that_wants_a_case_number_is_explained_so(bare: Shell) -> None:
    for words in (
        ("explain", "judicial_body", "judicial.judgment.court", "JUDICIAL_CASE"),
        ("policy", "who", "judicial.judgment.court", "--json"),
    ):
        assert "case or file number" in bare.done(*words)


def test_a_client_that_lacks_the_purpose_is_told_so(bare: Shell) -> None:
    out = bare.done("explain", "dept-amr", "government.penalty.documentNo", "BID_CHECK")
    assert "PURPOSE_NOT_HELD" in out


def test_a_registered_client_can_be_explained(shell: Shell) -> None:
    assert "CLEAR" in shell.done("explain", "bank-hkb", "financial.loan.balance", "LOAN_APPLICATION")


NEAR = {
    "a mistyped field": (["bank", "financial.loan.balanc", "LOAN_APPLICATION"], "financial.loan.balance"),
    "a mistyped purpose": (["bank", "financial.loan.balance", "LOAN_APPLICATON"], "LOAN_APPLICATION"),
    "a mistyped role": (["bnk", "financial.loan.balance", "LOAN_APPLICATION"], "bank"),
    "a field without its dataset": (["bank", "balance", "LOAN_APPLICATION"], "financial.loan.balance"),
}


@pytest.mark.parametrize(("arguments", "nearest"), NEAR.values(), ids=NEAR)
def test_a_name_that_is_not_known_gets_the_nearest_ones(
    bare: Shell, arguments: list[str], nearest: str
) -> None:
    ran = bare("explain", *arguments)
    assert ran.code == 2
    assert nearest in ran.err.split("hint")[1]


def test_all_policy_cases_hold_and_every_rule_is_exercised(bare: Shell) -> None:
    out = bare.done("policy", "test")
    assert "0 failed" in out
    assert "No case" not in out


def test_who_sees_a_field_is_listed_with_the_rule(bare: Shell) -> None:
    assert "LOAN_APPLICATION" in bare.done("policy", "who", "financial.loan.balance")


def test_the_check_passes_on_this_checkout_with_keys_and_database(shell: Shell) -> None:
    ran = shell("check")
    assert ran.code == 0, ran.out
    assert all(line.startswith("✓ ") for line in ran.out.splitlines())
    assert "key ring" in ran.out
    assert "database" in ran.out


def test_a_broken_policy_row_fails_the_check_with_its_row_and_no_traceback(
    bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bare.folder / "policies"
    shutil.copytree(locate("policies"), folder)
    rules = folder / "rules.csv"
    rules.write_text(rules.read_text(encoding="utf-8").replace("deny\n", "dney\n", 1), encoding="utf-8")
    monkeypatch.setenv("HUB_POLICIES_DIR", str(folder))
    ran = bare("check")
    assert ran.code == 1
    assert "✗ policy: rules.csv row" in ran.out
    assert "Traceback" not in ran.out + ran.err


def test_the_printed_schema_is_the_one_in_the_checkout(bare: Shell) -> None:
    root = documents.checkout()
    assert root is not None
    assert bare.done("schema", "print") == (root / documents.SDL_FILE).read_text(encoding="utf-8")


def test_generated_blocks_of_a_readme_are_filled(tmp_path: Path) -> None:
    blocks = "<!-- BEGIN settings -->\nOUTDATED\n<!-- END settings -->\nb\n<!-- BEGIN errors --><!-- END errors -->\n"
    before = "a\n" + blocks
    after = documents.filled(before)
    assert "OUTDATED" not in after
    assert "`HUB_DATABASE_URL`" in after
    assert documents.filled(after) == after
    assert after.startswith("a\n")
    for code in ("CONFIGURATION", "NOT_DISCLOSED", "VERIFICATION"):
        assert f"`{code}`" in documents.errors_table()
