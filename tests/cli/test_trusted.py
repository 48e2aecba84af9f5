"""`hub documents`: more that can leave fails until it is approved, and consent requests can be printed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from documents.document_world import id_of

from hub.demo import story_facts as facts
from hub.folders import locate

from .conftest import Shell


@pytest.fixture
def folders(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of schema and policy that a test may change, approved as they are."""
    for name in ("schema", "policies"):
        shutil.copytree(locate(name), bare.folder / name)
        monkeypatch.setenv(f"HUB_{name.upper()}_DIR", str(bare.folder / name))
    bare.done("documents", "approve")
    return bare.folder


def test_what_was_approved_is_what_is_checked(bare: Shell, folders: Path) -> None:
    assert "0 ways in which more can leave" in bare.done("documents", "check")
    assert "documents keep to their certificates" in bare("check").out


def test_a_document_that_asks_for_more_fails_until_it_is_approved(bare: Shell, folders: Path) -> None:
    path = folders / "schema" / "documents" / "loan-file.graphql"
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            "legalRepresentative { name }", "legalRepresentative { name phone }"
        ),
        encoding="utf-8",
    )
    ran = bare("documents", "check")
    assert (ran.code, "not the one that was registered" in ran.err) == (2, True)
    out = bare.done("documents", "approve")
    assert "loan-file: registered under a new id" in out
    assert "government.registration.legalRepresentativePhone: WITHHELD -> MASKED" in out
    manifest = json.loads((folders / "schema" / "documents" / "manifest.json").read_bytes())
    entry = next(e for e in manifest["documents"] if e["file"] == "loan-file.graphql")
    assert (entry["version"], entry["documentId"] != id_of("loan-file")) == (2, True)
    assert bare.done("documents", "check")


def test_a_rule_that_opens_more_fails_check_and_names_the_field(bare: Shell, folders: Path) -> None:
    certificate = folders / "schema" / "documents" / "loan-file.certificate.json"
    body = json.loads(certificate.read_bytes())
    body["sections"][0]["fields"]["financial.loan.balance"] = "MASKED"  # as if it had been approved masked
    certificate.write_text(json.dumps(body), encoding="utf-8")
    ran = bare("documents", "check")
    assert ran.code == 1
    assert "✗ loan-file: bank/LOAN_APPLICATION/ORG financial.loan.balance: MASKED -> CLEAR" in ran.out
    checked = bare("check")
    assert checked.code == 1
    assert "✗ trusted documents" in checked.out
    bare.done("documents", "approve")
    assert bare("documents", "check").code == 0


def test_a_rule_that_shuts_something_passes_with_a_note(bare: Shell, folders: Path) -> None:
    certificate = folders / "schema" / "documents" / "loan-file.certificate.json"
    body = json.loads(certificate.read_bytes())
    body["sections"][0]["fields"]["financial.loan.accountNo"] = "CLEAR"
    certificate.write_text(json.dumps(body), encoding="utf-8")
    out = bare.done("documents", "check")
    assert "- loan-file: bank/LOAN_APPLICATION/ORG financial.loan.accountNo: CLEAR -> WITHHELD" in out
    assert "less can leave in 1 ways" in bare("check").out


def test_a_certificate_that_is_missing_or_unreadable_fails(bare: Shell, folders: Path) -> None:
    certificate = folders / "schema" / "documents" / "loan-file.certificate.json"
    certificate.unlink()
    assert bare("documents", "check").code == 1
    certificate.write_text("{", encoding="utf-8")
    assert bare("documents", "check").code == 2


def test_approving_leaves_no_certificate_without_its_document(bare: Shell, folders: Path) -> None:
    stray = folders / "schema" / "documents" / "gone.certificate.json"
    shutil.copy(stray.with_name("loan-file.certificate.json"), stray)
    assert "- gone:" in bare.done("documents", "check")
    before = {p.name: p.read_bytes() for p in stray.parent.iterdir() if p != stray}
    bare.done("documents", "approve")
    assert {p.name: p.read_bytes() for p in stray.parent.iterdir()} == before


def test_documents_are_listed_and_shown_with_what_they_can_show(bare: Shell) -> None:
    assert f"{id_of('loan-file')}  loan-file v1" in bare.done("documents", "list")
    for wanted in ("loan-file", id_of("loan-file")):
        shown = bare.done("documents", "show", wanted)
        assert "query LoanFile" in shown
        assert "financial.loan.balance" in shown
    ran = bare("documents", "show", "loan-fil")
    assert (ran.code, "loan-file" in ran.err) == (2, True)


def test_a_consent_request_is_printed_with_its_authorization_details(
    bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DEMO", "1")
    more = ["--subject", facts.COMPANY_USCC, "--consent", "c_1"]
    out = bare.done(
        "documents",
        "consent-request",
        "loan-file",
        "--grantee",
        facts.BANK_HKB,
        "--purpose",
        "LOAN_APPLICATION",
        *more,
    )
    text, details = out.split("authorization_details:")
    assert "贷款申请审查" in text
    assert json.loads(details) == [
        {
            "type": "credit_disclosure",
            "purpose": "LOAN_APPLICATION",
            "subjects": [facts.COMPANY_USCC],
            "consent": "c_1",
            "template": "FU-LOAN-1",
        }
    ]
    refused = bare(
        "documents", "consent-request", "loan-file", "--grantee", facts.BANK_HKB, "--purpose", "RENEWAL"
    )
    assert refused.code == 2
