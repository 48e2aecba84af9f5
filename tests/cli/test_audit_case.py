"""`hub audit detect`, `case` and `watch`: the same rules at the command line, across it and the API's names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.audit import reviewer as reviewers
from hub.cli import audit_reviewer

from .conftest import COMPANY, Shell


def _as(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(audit_reviewer, "account", lambda: name)


def _opened(shell: Shell, *more: str) -> str:
    shell.done("audit", "list")  # an entry to be about
    return shell.done("audit", "case", "open", "--text", "值得一看", "--entry", "0", *more).split()[0]


def _listed(shell: Shell, *more: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shell.done("audit", "case", "list", "--json", *more).splitlines()]


def test_a_case_goes_its_way_between_two_accounts_of_the_machine(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as(monkeypatch, "first")
    case = _opened(shell)
    shell.done("audit", "case", "assign", case, "--to", "second")
    assert [found["case"] for found in _listed(shell, "--of", "Second", "--overdue")] == []
    assert [found["case"] for found in _listed(shell, "--of", "Second")] == [case]
    for line, overdue in zip(
        shell.done("audit", "list", "--json").splitlines(), ({}, {"overdue": True}), strict=False
    ):
        said = json.loads(line)["entry"]["detail"]
        assert said.pop("assignee").startswith("rv_")
        assert said == {"shown": 0 if overdue else 1, **overdue}
    concluded = shell.done("audit", "case", "conclude", case, "--outcome", "JUSTIFIED", "--text", "正当业务")
    assert "PROPOSED" in concluded
    monkeypatch.setenv("LOGNAME", "second")
    alone = shell("audit", "case", "confirm", case, "--text", "同意")
    assert alone.code != 0
    assert "same person" in alone.err
    _as(monkeypatch, "second")
    assert "CLOSED" in shell.done("audit", "case", "confirm", case, "--text", "同意")
    (found,) = _listed(shell)
    assert (found["state"], found["outcome"], found["overdue"]) == ("CLOSED", "JUSTIFIED", False)
    shown = shell.done("audit", "case", "show", case)
    assert "正当业务" in shown
    assert shell.done("audit", "case", "check").startswith("✓")
    assert "正当业务" not in shell.done("audit", "list", "--json")


def test_an_exported_case_is_verified_with_the_log_key_alone(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _opened(shell)
    out = shell.folder / "case.zip"
    shell.done("audit", "case", "export", case, "--out", str(out))
    assert case in shell.done("audit", "case", "verify", str(out))
    assert shell("audit", "case", "export", case, "--out", str(out)).code != 0
    out.write_bytes(out.read_bytes().replace("值得一看".encode(), "不值一看".encode()))
    assert shell("audit", "case", "verify", str(out)).code == 1


def test_the_account_is_that_of_the_process_and_not_of_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = audit_reviewer.account()
    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert audit_reviewer.account() == before


def test_a_person_is_the_same_person_at_another_client() -> None:
    def known_as(institution: str) -> str:
        return f"op_{institution}-li"

    found = reviewers.Reviewer("cli:li", "", "", "rv_1", "", known_as)
    assert found.concerned_by([reviewers.made_by("9146", "officer", "op_9146-li")])
    assert found.concerned_by([reviewers.made_by("", "cli:li", "")])
    assert not found.concerned_by([reviewers.made_by("9146", "officer", "op_9146-wang")])
    assert not found.concerned_by([])


def test_a_watched_subject_is_listed_by_its_pseudonym_and_twice_is_refused(shell: Shell) -> None:
    shell.done("audit", "watch", "add", COMPANY)
    listed = shell.done("audit", "watch", "list")
    assert "sub_" in listed
    assert COMPANY not in listed
    assert shell("audit", "watch", "add", COMPANY).code != 0
    shell.done("audit", "watch", "remove", COMPANY)
    assert "sub_" not in shell.done("audit", "watch", "list")
    assert shell("audit", "watch", "remove", COMPANY).code != 0


def test_detection_says_what_it_found_and_the_reading_is_an_entry(shell: Shell) -> None:
    shell.done("audit", "list")
    assert "0 findings over 1 entries" in shell.done("audit", "detect")
    assert shell.done("audit", "detect", "--json") == ""
    assert shell("audit", "detect", "--rule", "D-NONE").code != 0
    assert shell("audit", "detect", "--since", "2026-01-01", "--until", "2026-06-01").code != 0
    last = json.loads(shell.done("audit", "list", "--json", "--kind", "AUDIT_READ").splitlines()[0])
    assert (last["entry"]["operation"], last["entry"]["detail"]["findings"]) == ("audit.detect", {})
