from __future__ import annotations

import asyncio
import json

import pytest

from hub.cli import desk
from hub.store.database import Database

from .conftest import COMPANY, Shell


def test_listing_the_log_leaves_an_entry_that_names_who_listed(shell: Shell) -> None:
    shell.done("audit", "list", "--caller", "bank-hkb")
    line = json.loads(shell.done("audit", "list", "--json", "--kind", "AUDIT_READ").splitlines()[0])
    assert line["caller"].startswith("cli:")
    assert line["entry"]["operation"] == "audit.list"
    assert line["entry"]["detail"] == {"filter": {"caller": "bank-hkb"}, "shown": 0}
    assert shell.count("log_entry") == 2


def test_a_list_shows_pseudonyms_and_fits_eighty_columns(shell: Shell) -> None:
    shell.ingest(shell.penalties())
    shell.grant()
    out = shell.done("audit", "list", "--subject", COMPANY)
    assert "LOAN_APPLICATION" in out
    assert "sub_" in out
    assert COMPANY not in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_filters_narrow_the_list(shell: Shell) -> None:
    shell.ingest(shell.penalties())
    everything = shell.done("audit", "list", "--json").splitlines()
    assert [json.loads(line)["entry"]["operation"] for line in everything] == ["intake.file"]
    assert shell.done("audit", "list", "--json", "--until", "2020-01-01") == ""
    assert shell.done("audit", "list", "--json", "--outcome", "DISCLOSED") == ""
    assert (
        len(shell.done("audit", "list", "--json", "--since", "2020-01-01T08:00", "--limit", "2").splitlines())
        == 2
    )


def test_a_list_with_a_time_that_cannot_be_read_is_refused_and_reads_nothing(shell: Shell) -> None:
    ran = shell("audit", "list", "--since", "yesterday")
    assert ran.code == 2
    assert "--since" in ran.err
    assert shell.count("log_entry") == 0


def test_a_whole_log_verifies_and_continues_an_earlier_checkpoint(shell: Shell) -> None:
    shell.done("audit", "list")
    kept = shell.folder / "checkpoint.txt"
    kept.write_text(shell.done("audit", "checkpoint"), encoding="utf-8")
    shell.done("audit", "list")
    assert "2 entries" in shell.done("audit", "verify", "--from", str(kept))


def test_an_altered_entry_is_named_and_the_exit_code_is_one(shell: Shell) -> None:
    for _ in range(3):
        shell.done("audit", "list")

    async def alter() -> None:
        database = await Database.open(shell.database_url, pool_size=1)
        await database.pool.execute("UPDATE log_entry SET body = convert_to('{}', 'UTF8') WHERE idx = 1")
        await database.close()

    asyncio.run(alter())
    ran = shell("audit", "verify")
    assert ran.code == 1
    assert "from entry 1 on" in ran.out


def test_a_log_that_was_set_back_is_found_by_a_kept_checkpoint(shell: Shell) -> None:
    shell.done("audit", "list")
    kept = shell.folder / "checkpoint.txt"
    kept.write_text(shell.done("audit", "checkpoint"), encoding="utf-8")

    async def set_back() -> None:
        database = await Database.open(shell.database_url, pool_size=1)
        await database.pool.execute("DELETE FROM log_entry")
        await database.pool.execute("DELETE FROM log_state")
        await database.close()

    asyncio.run(set_back())
    assert shell("audit", "verify", "--from", str(kept)).code == 1


def test_a_proof_verifies_offline_and_a_changed_one_does_not(shell: Shell) -> None:
    for _ in range(3):
        shell.done("audit", "list")
    proof = shell.folder / "proof.json"
    proof.write_text(shell.done("audit", "proof", "1"), encoding="utf-8")
    assert "entry 1" in shell.done("verify", str(proof))
    document = json.loads(proof.read_text(encoding="utf-8"))
    proof.write_text(json.dumps(document | {"index": 2}), encoding="utf-8")
    assert shell("verify", str(proof)).code == 1


def test_a_proof_for_an_earlier_size_verifies_with_the_checkpoint_of_that_size(shell: Shell) -> None:
    for _ in range(2):
        shell.done("audit", "list")
    kept = shell.folder / "checkpoint.txt"
    kept.write_text(shell.done("audit", "checkpoint"), encoding="utf-8")
    shell.done("audit", "list")
    proof = shell.folder / "proof.json"
    proof.write_text(shell.done("audit", "proof", "0", "--size", "2"), encoding="utf-8")
    assert shell("verify", str(proof)).code == 1
    assert "entry 0" in shell.done("verify", str(proof), "--checkpoint", str(kept))


def test_a_tlog_proof_has_the_lines_of_c2sp(shell: Shell) -> None:
    for _ in range(2):
        shell.done("audit", "list")
    lines = shell.done("audit", "proof", "1", "--tlog").split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 1"]
    assert lines[3] == ""
    assert "\n".join(lines[4:]) == shell.done("audit", "checkpoint")


def test_a_proof_of_an_entry_that_is_not_there_is_refused(shell: Shell) -> None:
    shell.done("audit", "list")
    assert shell("audit", "proof", "7").code == 2


def test_a_part_verifies_by_itself_and_a_part_that_is_not_there_is_refused(shell: Shell) -> None:
    for _ in range(4):
        shell.done("audit", "list")
    assert "Entries 1-2 stand in the signed log" in shell.done(
        "audit", "verify", "--start", "1", "--end", "3"
    )
    ran = shell("audit", "verify", "--start", "9")
    assert ran.code == 2
    assert "no such part" in ran.err


def test_fsck_finds_a_sound_log_sound_and_exits_with_one_for_a_gap(shell: Shell) -> None:
    for _ in range(3):
        shell.done("audit", "list")
    folder = str(shell.folder / "log")
    assert shell("audit", "fsck", "--tiles", folder).code == 3  # nothing is published there
    shell.done("audit", "publish", folder)
    assert "3 entries, 3 of them published" in shell.done("audit", "fsck", "--tiles", folder)
    _execute(shell, "DELETE FROM log_entry WHERE idx = 1")
    ran = shell("audit", "fsck")
    assert ran.code == 1
    assert "1 are missing, the first of them 1" in ran.out
    assert "backup" in ran.out


def test_a_body_is_withheld_by_two_persons_and_lists_and_verify_say_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.done("audit", "list")
    monkeypatch.setattr(desk, "actor", lambda: "cli:first")
    asked = shell.done(
        "audit", "withhold", "0", "--reason", "COURT_ORDER", "--reference", "（2026）演01行初1号"
    )
    assert "--confirm 1" in asked
    ran = shell("audit", "withhold", "--confirm", "1")
    assert ran.code == 2
    assert "Whoever asked" in ran.err
    assert "3 entries" not in shell.done("audit", "verify")
    monkeypatch.setattr(desk, "actor", lambda: "cli:second")
    assert "Entry 0 is withheld; entry 2 says so" in shell.done("audit", "withhold", "--confirm", "1")
    assert "3 entries, 1 of them withheld" in shell.done("audit", "verify")
    first = json.loads(shell.done("audit", "list", "--json").splitlines()[-1])
    assert (first["index"], first["entry"]) == (0, None)
    assert "withheld" in shell.done("audit", "list")
    assert shell.done("audit", "proof", "0")
    for wrong in ([], ["0"], ["0", "--confirm", "1"], ["0", "--reason", "WHIM", "--reference", "1"]):
        assert shell("audit", "withhold", *wrong).code == 2


def _execute(shell: Shell, statement: str) -> None:
    async def body() -> None:
        database = await Database.open(shell.database_url, pool_size=1)
        try:
            async with database.connection() as connection:
                await connection.execute(statement)
        finally:
            await database.close()

    asyncio.run(body())


def test_counts_are_told_by_caller_and_day_and_leave_an_entry(shell: Shell) -> None:
    shell.ingest(shell.penalties())
    shell.grant()
    out = shell.done("audit", "counts", "PURPOSE", "OUTCOME", "--per", "DAY")
    assert "LOAN_APPLICATION" in out
    lines = [json.loads(line) for line in shell.done("audit", "counts", "KIND", "--json").splitlines()]
    assert {line["keys"]["KIND"]: line["entries"] for line in lines}["AUDIT_READ"] == 1
    last = json.loads(shell.done("audit", "list", "--json", "--limit", "1"))
    assert (last["entry"]["operation"], last["entry"]["detail"]["by"]) == ("audit.counts", ["KIND"])


def test_who_saw_a_subject_that_nobody_saw_is_nobody_and_is_entered(shell: Shell) -> None:
    shell.ingest(shell.penalties())
    shell.grant()
    assert json.loads(shell.done("audit", "who", COMPANY, "--json")) == {"viewers": [], "withheld": 0}
    shell.done("audit", "who", COMPANY, "--field", "government.penalty.documentNo")
    entry = json.loads(shell.done("audit", "list", "--json", "--limit", "1"))["entry"]
    assert entry["detail"]["filter"]["field"] == "government.penalty.documentNo"
    assert COMPANY not in json.dumps(entry)


def test_an_entry_is_shown_by_index_and_id_and_one_that_is_not_there_is_an_error(shell: Shell) -> None:
    shell.ingest(shell.penalties())
    shell.grant()
    entry = json.loads(shell.done("audit", "list", "--json").splitlines()[0])
    shown = shell.done("audit", "show", str(entry["index"]))
    assert "sub_" in shown
    document = json.loads(shell.done("audit", "show", entry["entry"]["id"], "--json"))
    assert document["index"] == entry["index"]
    ran = shell("audit", "show", "99999")
    assert (ran.code, ran.out) == (2, "")


def test_a_filter_in_the_wrong_form_is_refused_and_reads_nothing(shell: Shell) -> None:
    ran = shell("audit", "list", "--record", "rec_1")
    assert ran.code == 2
    assert shell.count("log_entry") == 0


def test_the_equation_holds_over_a_log_without_disclosures_and_fails_where_openings_are_not_explained(
    shell: Shell,
) -> None:
    shell.ingest(shell.penalties())
    assert "✓" in shell.done("audit", "equation")

    async def lie() -> None:
        database = await Database.open(shell.database_url, pool_size=1)
        await database.pool.execute(
            "UPDATE log_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"unsealed\":0', '\"unsealed\":3'), 'UTF8')"
            " WHERE idx = 0"
        )
        await database.close()

    asyncio.run(lie())
    ran = shell("audit", "equation")
    assert ran.code == 1
    assert "MORE" in ran.out
