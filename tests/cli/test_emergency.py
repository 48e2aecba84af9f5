"""`hub emergency`: two accounts of the operating system, from the request to the list of what is owed."""

from __future__ import annotations

import json
import os
import pwd

import pytest

from hub.demo import story_facts as facts

from .conftest import COMPANY, Shell


def _as(patch: pytest.MonkeyPatch, user: str) -> None:
    account = pwd.getpwuid(os.getuid())
    patch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd((user, *account[1:])))


def _request(shell: Shell, *more: str) -> str:
    return shell.done(
        "emergency", "request", "--client", "dept-amr", "--subject", COMPANY, "--danger", "LIFE",
        "--reason", "三楼有人被困", "--reference", "急2026-演7", *more,
    ).strip()  # fmt: skip


def test_one_account_asks_another_approves_and_a_third_reviews(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as(monkeypatch, "wang")
    made = _request(shell)
    assert made.startswith("e_")
    same = shell("emergency", "approve", made)
    assert same.code != 0
    assert "same person" in same.err
    assert shell.count("consent") == 0
    _as(monkeypatch, "li")
    assert "IN_FORCE until" in shell.done("emergency", "approve", made)
    assert shell.count("consent") == 1
    assert shell.done("emergency", "end", made, "--reason", "险情已排除").strip() == f"{made} OVER"
    verdict = ("--verdict", "NOT_JUSTIFIED", "--words", "未见险情记录")
    assert shell("emergency", "review", made, *verdict).code != 0
    _as(monkeypatch, "zhao")
    assert shell.done("emergency", "review", made, *verdict).strip() == f"{made} REVIEWED NOT_JUSTIFIED"
    (line,) = shell.done("emergency", "list", "--json").splitlines()
    found = json.loads(line)
    assert (found["state"], found["institution"], found["verdictWords"]) == (
        "REVIEWED", facts.DEPT_AMR, "未见险情记录",
    )  # fmt: skip
    assert made in shell.done("emergency", "list", "--state", "REVIEWED")
    assert made not in shell.done("emergency", "list", "--overdue")
    listed = shell.done("audit", "list", "--limit", "30")
    assert "emergency.list" in listed or "AUDIT_READ" in listed


def test_an_institution_that_does_not_hold_the_purpose_gets_none(shell: Shell) -> None:
    ran = shell(
        "emergency", "request", "--client", "bank-hkb", "--subject", COMPANY, "--danger", "HEALTH",
        "--reason", "演练", "--reference", "急2026-演8",
    )  # fmt: skip
    assert ran.code != 0
    assert shell.count("emergency") == 0


def test_no_client_and_no_emergency_are_refused_with_a_hint(shell: Shell) -> None:
    ran = shell("emergency", "approve", "e_none")
    assert ran.code != 0
    assert "emergencies" in ran.err
    nobody = shell(
        "emergency", "request", "--client", "nobody", "--subject", COMPANY, "--danger", "LIFE", "--reason", "演练",
        "--reference", "急2026-演8",
    )  # fmt: skip
    assert nobody.code != 0
    assert "hub client list" in nobody.err
