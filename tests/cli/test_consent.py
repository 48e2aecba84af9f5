from __future__ import annotations

import json

import pytest

from .conftest import COMPANY, Shell


@pytest.fixture
def counter(shell: Shell) -> Shell:
    """A shell whose database knows the company."""
    assert shell.ingest(shell.penalties()).code == 0
    return shell


def test_a_consent_given_at_the_counter_is_listed_and_withdrawn(counter: Shell) -> None:
    consent_id = counter.grant().out.strip()
    assert consent_id.startswith("c_")
    artefact = json.loads(counter.done("consent", "list", "--subject", COMPANY, "--json"))
    assert artefact["id"] == consent_id
    assert artefact["createdVia"] == "COUNTER"
    assert "ACTIVE" in counter.done("consent", "list", "--subject", COMPANY)
    assert "REVOKED" in counter.done(
        "consent", "withdraw", consent_id, "--subject", COMPANY, "--reason", "asked"
    )
    assert "REVOKED" in counter.done("consent", "list", "--subject", COMPANY)


def test_every_act_on_a_consent_leaves_an_entry_by_the_operator(counter: Shell) -> None:
    consent_id = counter.grant().out.strip()
    counter.done("consent", "list", "--subject", COMPANY)
    counter.done("consent", "withdraw", consent_id, "--subject", COMPANY)
    lines = [
        json.loads(line)
        for line in counter.done("audit", "list", "--json", "--subject", COMPANY).splitlines()
    ]
    assert [line["entry"]["operation"] for line in lines] == [
        "consent.withdraw",
        "consent.list",
        "consent.grant",
    ]
    assert all(line["caller"].startswith("cli:") for line in lines)


REFUSED = {
    "without the acknowledgement about adverse information": ["--separate-consent"],
    "without the separate consent for sensitive items": ["--adverse-notice-acknowledged"],
    "for longer than the purpose allows": [
        "--separate-consent",
        "--adverse-notice-acknowledged",
        "--days",
        "9999",
    ],
    "for a dataset that does not exist": ["--dataset", "government.penaltie"],
}


@pytest.mark.parametrize("options", REFUSED.values(), ids=REFUSED)
def test_a_consent_is_refused_and_nothing_is_stored(counter: Shell, options: list[str]) -> None:
    before = counter.count("log_entry")
    ran = counter(
        "consent",
        "grant",
        "--subject",
        COMPANY,
        "--grantee",
        "bank-hkb",
        "--purpose",
        "LOAN_APPLICATION",
        *options,
    )
    assert ran.code == 2
    assert "error " in ran.err
    assert counter.count("consent") == 0
    assert counter.count("log_entry") == before


def test_a_consent_of_an_unknown_purpose_names_the_nearest(counter: Shell) -> None:
    ran = counter(
        "consent", "grant", "--subject", COMPANY, "--grantee", "bank-hkb", "--purpose", "LOAN_APLICATION"
    )
    assert ran.code == 2
    assert "LOAN_APPLICATION" in ran.err


def test_a_signed_artefact_verifies_with_public_keys_and_an_altered_one_does_not(counter: Shell) -> None:
    artefact = json.loads(counter.grant("--json").out)
    file = counter.folder / "consent.json"
    file.write_text(json.dumps(artefact), encoding="utf-8")
    assert artefact["id"] in counter.done("consent", "verify", str(file))
    file.write_text(json.dumps(artefact | {"maxUses": 100_000}), encoding="utf-8")
    assert counter("consent", "verify", str(file)).code == 1


def test_what_is_no_subject_is_refused(counter: Shell) -> None:
    assert counter("consent", "list", "--subject", "sub_zz").code == 2


def test_what_lies_beyond_the_fair_use_template_is_cut_down_and_told(counter: Shell) -> None:
    ran = counter.grant("--template", "FU-LOAN-SMALL", "--days", "200", "--json")
    artefact = json.loads(ran.out)
    assert artefact["fairUse"] == {"template": "FU-LOAN-SMALL"}
    assert artefact["clamped"] == [{"term": "VALID_DAYS", "asked": "200", "given": "90"}]
    assert "200 天" in ran.err
    assert "90 days" in ran.err
    refused = counter.grant("--template", "FU-RENEWAL-1")
    assert (refused.code, refused.out) == (2, "")
    assert "FU-LOAN-SMALL" in refused.err
    assert counter.grant().err == ""
