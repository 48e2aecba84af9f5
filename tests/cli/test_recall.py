from __future__ import annotations

import json

from .conftest import COMPANY, Shell

RECORD = "00" * 16


def test_a_sweep_and_the_list_of_unclosed_recalls_are_commands(shell: Shell) -> None:
    assert shell.ingest(shell.penalties()).code == 0
    assert shell.done("recall", "sweep").strip() == "0 looked at, 0 recalls, 0 notices"
    assert shell.done("recall", "list", "--json") == ""
    entry = json.loads(shell.done("audit", "list", "--json").splitlines()[0])
    assert (entry["entry"]["operation"], entry["entry"]["detail"]["shown"]) == ("recall.list", 0)


def test_what_cannot_be_recalled_is_refused_and_nothing_is_issued(shell: Shell) -> None:
    asked = ["recall", "issue", "--subject", COMPANY, "--cause", "WITHDRAWN"]
    for more in (
        ["--dataset", "government.penalty", "--record", RECORD],
        ["--dataset", "government.penalty", "--record", "xyz"],
        ["--dataset", "no.such", "--record", RECORD],
    ):
        assert shell(*asked, *more).code == 2, more
    assert shell("recall", "show", "r_nothing").code == 2
    assert shell.count("recall") == 0


def test_a_dry_run_tells_who_got_a_record_and_issues_nothing(shell: Shell) -> None:
    asked = ("--subject", COMPANY, "--dataset", "government.penalty", "--record", RECORD)
    assert shell.done("recall", "issue", *asked, "--cause", "EXPIRED", "--dry-run").strip() == "nobody got it"
    assert shell.count("recall") == 0


def test_endpoints_and_deliveries_of_webhooks_are_commands(shell: Shell) -> None:
    assert shell("recall", "endpoint", COMPANY, "http://inside.example/x").code == 2
    assert shell("recall", "endpoint", COMPANY, "--remove").code == 2
    assert shell.count("recall_endpoint") == 0
    assert shell.done("recall", "deliver").strip() == "0 delivered, 0 failed"
