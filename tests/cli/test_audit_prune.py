"""Bodies go only when their time is over, an archive holds them and no hold does; the log verifies on and says so."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from audit.audit_world import ACME, OTHER, an_act, an_entry

from hub.audit.ledger import LedgerLine, ledger
from hub.audit.ledger_words import LedgerWords
from hub.audit.offline_archive import read_months
from hub.audit.prune import Source, prune_month
from hub.catalog.types import Label
from hub.cli.desk import Desk, at_desk
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import UnavailableError
from hub.loading import load_rules
from hub.store.database import Database

from .archive_world import OLD, grow, old_log, sql
from .conftest import Shell

_LEFT = "SELECT idx FROM log_entry WHERE body IS NOT NULL ORDER BY idx"


def archived(shell: Shell, until: str = "2019-02") -> Path:
    out = shell.folder / f"archive-{until}"
    shell.done("audit", "archive", "--until", until, "--out", str(out))
    return out


def left(shell: Shell) -> list[object]:
    return [row[0] for row in sql(shell, _LEFT)]


def test_a_dry_run_says_what_would_go_and_changes_nothing(shell: Shell) -> None:
    old_log(shell)
    folder = archived(shell)
    before = shell.count("log_entry")
    out = shell.done("audit", "prune", str(folder))
    assert ("2019-01: 3 bodies would go" in out, "2019-02: 6 bodies would go" in out) == (True, True)
    assert (shell.count("log_entry"), left(shell)) == (before, list(range(11)))


def test_what_is_over_goes_by_one_act_a_month_and_the_log_verifies_and_says_archived(shell: Shell) -> None:
    old_log(shell, each=60)
    folder = archived(shell)
    out = shell.done("audit", "prune", str(folder), "--apply")
    assert "2019-02: 120 bodies taken out; entry 183 says so" in out
    assert left(shell) == [180, 181, 182, 183]
    assert "180 of them archived" in shell.done("audit", "verify")
    assert "fits together" in shell.done("audit", "fsck")
    proof = shell.folder / "proof.json"
    proof.write_text(shell.done("audit", "proof", "77"), encoding="utf-8")
    assert "stands in that log" in shell.done("verify", str(proof))
    lines = [
        json.loads(x) for x in shell.done("audit", "list", "--json", "--until", "2019-03-01").splitlines()
    ]
    assert [(line["entry"], line["archived"]) for line in lines] == [(None, True)] * 50
    assert "archived" in shell.done("audit", "list", "--until", "2019-03-01", "--limit", "1")
    ran = shell("evidence", "pack", "--entry", "77", "--out", str(shell.folder / "x.zip"))
    assert (ran.code, "archived" in ran.err) == (2, True)
    again = shell.done("audit", "prune", str(folder), "--apply")
    assert ("nothing is past its term" in again, "taken out" in again) == (True, False)
    assert "The archive holds" in shell.done("verify", str(folder))
    assert "360 of them" not in shell.done("audit", "verify", "--start", "50", "--end", "70")


def test_acts_withheld_entries_and_later_months_stay_as_they_are(shell: Shell) -> None:
    recent = OLD[0].replace(year=2024)
    grow(
        shell,
        [
            an_entry(at=OLD[0]),
            an_act("consent.grant", {})._replace(at=OLD[0]),
            an_entry(at=OLD[1]),
            an_entry(at=OLD[0]),
            an_entry(at=recent),
        ],
    )
    folder = archived(shell, "2024-01")
    out = shell.done("audit", "prune", str(folder), "--apply")
    assert left(shell) == [1, 2, 4, 5, 6]  # 2 is of February but stands among those of January
    assert "2024-01: nothing is past its term" in out
    assert "2 of them archived" in shell.done("audit", "verify")


def test_what_is_under_hold_stays_until_it_is_released(shell: Shell) -> None:
    grow(
        shell,
        [
            an_entry(at=OLD[0]),
            an_entry(OTHER, at=OLD[0]),
            an_entry(at=OLD[0], caller="dept-amr"),
            an_entry(at=OLD[1]),
        ],
    )
    folder = archived(shell)
    subject = f"sub_{OTHER.hex()}"
    ran = shell("audit", "hold", "--reference", "张三469999199001010012", "--subject", subject)
    assert (ran.code, "identity number" in ran.err) == (2, True)
    shell.done("audit", "hold", "--reference", "演民初1号", "--subject", subject, "--until", "2019-01")
    shell.done("audit", "hold", "--reference", "演民初2号", "--caller", "dept-amr")
    assert "演民初2号" in shell.done("audit", "holds")
    assert "2 under hold stay" in shell.done("audit", "prune", str(folder), "--apply")
    assert left(shell)[:2] == [1, 2]
    shell.done("audit", "release", "5")
    assert "演民初1号" not in shell.done("audit", "holds")
    assert "1 bodies taken out, 1 under hold stay" in shell.done("audit", "prune", str(folder), "--apply")
    assert left(shell)[:1] == [2]
    assert "3 of them archived" in shell.done("audit", "verify")
    ran = shell("audit", "release", "5")
    assert (ran.code, "No hold" in ran.err) == (2, True)
    assert shell("audit", "hold", "--reference", "演民初3号").code == 2
    ran = shell("audit", "hold", "--reference", "案469999198506159993", "--caller", "dept-amr")
    assert (ran.code, "identity number" in ran.err) == (2, True)
    ran = shell("audit", "hold", "--reference", "演民初4号", "--caller", "dept-amt")
    assert (ran.code, "no such client" in ran.err) == (2, True), ran


def test_entries_about_a_subject_with_a_record_under_hold_stay(shell: Shell) -> None:
    grow(shell, [an_entry(at=OLD[0]), an_entry(OTHER, at=OLD[0])])
    folder = archived(shell)
    sql(
        shell,
        "INSERT INTO record_hold (subject_id, dataset, record_id, hold_id, kind, reference, placed_at, placed_by)"
        f" VALUES ('\\x{ACME.hex()}', 'd', '\\x01', 'h', 'LITIGATION', '演1号', now(), 'x')",
    )
    assert "1 bodies taken out, 1 under hold" in shell.done("audit", "prune", str(folder), "--apply")
    assert left(shell)[0] == 0


def test_a_hold_that_is_placed_while_a_month_is_gone_through_leaves_it_as_it_was(shell: Shell) -> None:
    old_log(shell)
    folder = archived(shell)
    month = read_months(json.loads((folder / "manifest.json").read_bytes()))[0]

    async def act(desk: Desk) -> None:
        def hold_meanwhile(_done: int, _total: int) -> None:
            with ThreadPoolExecutor(1) as other:
                order = ("audit", "hold", "--reference", "演民初5号", "--caller", "bank-hkb")
                other.submit(shell.done, *order).result()

        await prune_month(
            desk.database,
            desk.log,
            desk.entry,
            Source(folder, ""),
            month,
            ("QUERY",),
            hold_meanwhile,
            apply=True,
        )

    with pytest.raises(UnavailableError, match="hold was placed meanwhile"):
        at_desk(act)
    assert ("演民初5号" in shell.done("audit", "holds"), left(shell)) == (True, list(range(12)))
    assert "2019-01: nothing goes, 3 under hold stay" in shell.done("audit", "prune", str(folder), "--apply")
    assert (left(shell), shell.count("log_pruning")) == (list(range(12)), 0)


def test_an_archive_that_does_not_verify_prunes_nothing(shell: Shell) -> None:
    old_log(shell)
    folder = archived(shell)
    path = folder / "entries/2019-01.jsonl"
    path.write_bytes(path.read_bytes().replace(b"bank-hkb", b"bank-hkc", 1))
    before = shell.count("log_entry")
    ran = shell("audit", "prune", str(folder), "--apply")
    assert (ran.code != 0, "does not verify" in ran.err) == (True, True)
    assert (shell.count("log_entry"), left(shell)) == (before, list(range(11)))


@pytest.mark.parametrize(
    "act",
    ["UPDATE log_entry SET caller = 'x' WHERE idx = 4", "UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 4"],
    ids=["another caller", "another hash"],
)  # fmt: skip
def test_where_log_and_archive_differ_nothing_of_the_month_goes(shell: Shell, act: str) -> None:
    old_log(shell)
    folder = archived(shell)
    sql(shell, act)
    ran = shell("audit", "prune", str(folder), "--apply")
    assert (ran.code != 0, "From entry 4 on" in ran.err) == (True, True)
    assert left(shell) == [*range(3, 12)]  # January had gone before, in a transaction of its own


# What the administrator does to a log whose entries 0 to 8 are archived; the first index that is found, and as what.
TAMPERED: dict[str, tuple[str, int, str]] = {
    "another caller in the columns": ("UPDATE log_entry SET caller = 'x' WHERE idx = 4", 3, "columns"),
    "a subject taken out of the columns": (
        "UPDATE log_entry SET subjects = '{}' WHERE idx = 4",
        3,
        "columns",
    ),
    "an archived entry made an act": ("UPDATE log_entry SET kind = 'ADMIN' WHERE idx = 4", 3, ""),
    "an archived entry made a newer one": ("UPDATE log_entry SET at = now() WHERE idx = 4", 3, ""),
    "another hash": ("UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 4", 0, ""),
    "a body put back": (
        "UPDATE log_entry SET body = (SELECT body FROM kept WHERE idx = 4) WHERE idx = 4",
        3,
        "",
    ),
    "a later body taken out, too": ("UPDATE log_entry SET body = NULL WHERE idx = 9", 9, ""),
    "the act taken out": ("UPDATE log_entry SET body = NULL WHERE idx = 12", 3, ""),
}


@pytest.mark.parametrize(("act", "first", "said"), TAMPERED.values(), ids=TAMPERED.keys())
def test_whoever_tampers_with_archived_entries_is_found(
    shell: Shell, act: str, first: int, said: str
) -> None:
    old_log(shell)
    folder = archived(shell)
    sql(shell, "CREATE TABLE kept AS SELECT * FROM log_entry")
    shell.done("audit", "prune", str(folder), "--apply")
    shell.done("audit", "verify")
    sql(shell, act)
    ran = shell("audit", "verify")
    assert (ran.code, f"from entry {first} on" in ran.out, said in ran.out) == (1, True, True), ran.out


def test_the_subjects_ledger_says_that_the_details_are_archived(shell: Shell) -> None:
    old_log(shell, each=1)
    shell.done("audit", "prune", str(archived(shell)), "--apply")

    async def read() -> list[LedgerLine]:
        database = await Database.open(shell.database_url, pool_size=2)
        try:
            rules = load_rules(Settings.from_environment())
            lines = await ledger(database, ACME, rules.policy, SystemClock().now())
            words = LedgerWords(rules.policy, rules.catalog)
            said = words.sentence(lines[-1], Label("海口示范银行", "Haikou Bank"))
            assert ("已归档" in said.zh, "are archived" in said.en) == (True, True)
            return lines
        finally:
            await database.close()

    lines = asyncio.run(read())
    assert [(line.archived, line.withheld) for line in lines] == [(False, False), *[(True, True)] * 3]
