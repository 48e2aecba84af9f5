"""The commands of the policy's life: publish, list, show, go back, compare, replay."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hub.folders import locate

from .conftest import COMPANY, Shell

DENY = (
    "p, Z-TEST-01, bank, LOAN_APPLICATION, government.registration.establishedOn, 1, ORG, PREDICATE, deny\n"
)


@pytest.fixture
def narrower(bare: Shell) -> Path:
    folder = bare.folder / "narrower"
    shutil.copytree(locate("policies"), folder)
    rules = folder / "rules.csv"
    rules.write_text(rules.read_text(encoding="utf-8") + DENY, encoding="utf-8", newline="")
    return folder


def test_a_policy_is_published_listed_shown_and_taken_back(shell: Shell, narrower: Path) -> None:
    shell.done("policy", "publish", "--note", "as shipped")
    out = shell.done("policy", "publish", str(narrower), "--note", "no founding date")
    revision = out.split("sha256:")[1][:64]
    listed = [json.loads(line) for line in shell.done("policy", "list", "--json").splitlines()]
    assert {entry["note"] for entry in listed} == {"as shipped", "no founding date"}
    assert [entry["revision"] for entry in listed if entry["sequence"]] == [f"sha256:{revision}"]
    assert "no founding date" in shell.done("policy", "list")
    assert "Z-TEST-01" in shell.done("policy", "show", "active", "--file", "rules.csv")
    first = next(e["revision"] for e in listed if not e["sequence"])
    assert first in shell.done("policy", "activate", first[:24])
    assert "Z-TEST-01" not in shell.done("policy", "show", "active", "--file", "rules.csv")
    acts = [json.loads(line) for line in shell.done("audit", "list", "--json").splitlines()]
    named = [(e["entry"]["operation"], e["entry"]["detail"]) for e in acts if e["kind"] == "ADMIN"]
    assert named[0] == ("policy.activate", {"old": f"sha256:{revision}", "new": first})
    assert [act for act, _ in named] == ["policy.activate", "policy.publish", "policy.publish"]
    assert acts[-1]["caller"].startswith("cli:")


def test_a_shown_policy_written_to_a_folder_is_the_one_that_was_published(
    shell: Shell, narrower: Path
) -> None:
    shell.done("policy", "publish", str(narrower), "--note", "n")
    copy = shell.folder / "copy"
    shell.done("policy", "show", "active", "--out", str(copy))
    for path in copy.iterdir():
        assert path.read_bytes() == (narrower / path.name).read_bytes()
    assert "already" in shell("policy", "show", "active", "--out", str(copy)).err


REFUSED = {
    "a broken row": lambda text: text.replace("deny\n", "dney\n", 1),
    "a case that does not hold": lambda text: text + DENY.replace("establishedOn", "name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_policy_that_does_not_hold_is_not_published(name: str, shell: Shell, narrower: Path) -> None:
    rules = narrower / "rules.csv"
    rules.write_text(REFUSED[name](rules.read_text(encoding="utf-8")), encoding="utf-8")
    ran = shell("policy", "publish", str(narrower), "--note", "n")
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert (shell.count("policy_revision"), shell.count("log_entry")) == (0, 0)


def test_the_desk_works_by_the_policy_in_force_and_not_by_the_folder(shell: Shell, narrower: Path) -> None:
    shell.done("policy", "publish", str(narrower), "--note", "n")
    shell.ingest(shell.penalties())
    shell.done("audit", "list")
    entries = [json.loads(line) for line in shell.done("audit", "list", "--json").splitlines()]
    published = next(e for e in entries if e["entry"]["operation"] == "policy.publish")
    assert entries[0]["entry"]["policy"] == published["entry"]["policy"]


def test_a_difference_is_shown_with_field_outcomes_and_rules(bare: Shell, narrower: Path) -> None:
    shipped = str(locate("policies"))
    out = bare.done("policy", "diff", shipped, str(narrower), "--fail-on-open")
    assert "0 open, 1 close" in out
    assert bare("policy", "diff", str(narrower), shipped).code == 0
    assert bare("policy", "diff", str(narrower), shipped, "--fail-on-open").code == 1
    document = json.loads(bare.done("policy", "diff", str(narrower), shipped, "--json"))
    (change,) = document["fields"]
    assert (change["effect"], change["field"]) == ("OPENS", "government.registration.establishedOn")
    assert change["before"]["rule"] == "Z-TEST-01"
    assert document["counts"] == {"OPENS": 1, "CLOSES": 0, "UNCLEAR": 0, "NEITHER": 0}


def test_published_policies_are_compared_by_revision(shell: Shell, narrower: Path) -> None:
    shell.done("policy", "publish", "--note", "n")
    assert "0 open, 1 close" in shell.done("policy", "diff", "active", str(narrower))
    ran = shell("policy", "diff", "sha256:0000", str(narrower))
    assert ran.code == 2
    assert "policy list" in ran.err


def test_a_replay_reads_the_log_and_leaves_an_entry_of_its_own(shell: Shell, narrower: Path) -> None:
    out = shell.done("policy", "replay", str(narrower), "--days", "7")
    assert "0 operations" in out
    assert "Roles are those" in out
    document = json.loads(shell.done("policy", "replay", str(narrower), "--json"))
    assert document["effects"] == []
    entries = [json.loads(line) for line in shell.done("audit", "list", "--json").splitlines()]
    assert [(e["kind"], e["entry"]["operation"]) for e in entries] == [("AUDIT_READ", "policy.replay")] * 2
    assert COMPANY not in out


def test_who_sees_a_field_says_what_else_is_needed(bare: Shell) -> None:
    document = json.loads(bare.done("policy", "who", "financial.loan.balance", "--json"))
    rows = {(r["role"], r["purpose"], r["kind"]): r for r in document["viewers"]}
    assert rows["bank", "LOAN_APPLICATION", "ORG"]["needs"] == "consent (CT-LOAN-ORG)"
    assert rows["regulator", "GOV_SUPERVISION", "ORG"]["needs"] == "matter (SV-LENDING)"
    assert rows["subject", "SELF_QUERY", "PERSON"]["needs"] == "to be the subject"
    assert not any(r["role"] == "department" for r in document["viewers"])
    persons = json.loads(bare.done("policy", "who", "financial.loan.balance", "--json", "--kind", "PERSON"))
    assert {r["kind"] for r in persons["viewers"]} == {"PERSON"}


def test_fields_that_no_case_names_are_listed_and_can_fail_a_build(
    bare: Shell, narrower: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = narrower / "cases.toml"
    head, *some = cases.read_text(encoding="utf-8").split("[[case]]\n")[:13]
    cases.write_text("[[case]]\n".join([head, *some]), encoding="utf-8", newline="")
    monkeypatch.setenv("HUB_POLICIES_DIR", str(narrower))
    out = bare.done("policy", "test")
    assert "fields are named by a case" in out
    assert "government.registration: " in out
    assert bare("policy", "test", "--min-fields", "100").code == 1
    assert bare("policy", "test", "--min-fields", "1").code == 0


def test_the_shipped_cases_name_every_field(bare: Shell) -> None:
    assert "(100 %)" in bare.done("policy", "test", "--min-fields", "100")
