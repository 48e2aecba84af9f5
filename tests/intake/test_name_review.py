"""Rows without a code: legacy codes, the review of names, what is remembered and what never happens by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.clock import FixedClock
from hub.errors import InputError
from hub.intake import name_index
from hub.intake.acting import Steward
from hub.intake.steering import Steering
from hub.intake.subject_merges import MergeReason, MergeState
from hub.store.database import Database

from .intake_world import (
    NOW,
    OTHER_UNIT,
    UNIT,
    USCC_COLUMN,
    World,
    penalty,
    person_penalty,
    uscc,
    write_csv,
)  # fmt: skip

OPERATOR = Steward("operator-main", UNIT, "op_1", "p", "c")
SECOND = Steward("operator-main", UNIT, "op_2", "p", "c")
NAME, REGISTRATION_NO = "行政相对人名称", "行政相对人代码_2(工商注册号)"
LEGACY = "460100000000123"
REGISTRATION = "government.registration"
REGISTERED_NO = {"工商注册号": LEGACY}


def steer(world: World, act: Any) -> Any:
    async def body(database: Database) -> Any:
        ring, clock = world.ring, FixedClock(NOW)
        origin = ring.manifest.log_origin
        log = await AuditLog.open(
            database,
            origin,
            LogKeySigner(origin, ring.log.active),
            clock,
            verifiers=ring.public().note_verifiers(),
        )
        try:
            return await act(Steering.open(database, log, ring.sealer(), ring.indexer()))
        finally:
            await log.close()

    return world.run(body)


def registration(number: int, name: str) -> dict[str, str]:
    return {"主体名称": name, "统一社会信用代码": uscc(number)}


def register(world: World, folder: Path, number: int, name: str, **codes: str) -> None:
    report = world.ingest(
        write_csv(folder / f"r{number}{len(name)}.csv", [registered(world, number, name, **codes)]),
        REGISTRATION,
    )
    assert report.quarantined == 0, report.quarantine_file and report.quarantine_file.read_text("utf-8-sig")


def registered(world: World, number: int, name: str, **changes: str) -> dict[str, str]:
    dataset = world.catalog.datasets[REGISTRATION]
    row = {f.columns[0]: "" for f in dataset.fields} | registration(number, name) | changes
    samples = {"date": "2020-01-01", "money": "10", "text": "演示", "integer": "1", "uscc": UNIT}
    for f in dataset.fields:
        if f.required in ("Y", "O") and not row[f.columns[0]]:
            row[f.columns[0]] = f.values[0].label.zh if f.values else samples.get(str(f.type), "460100")
    return row


def nameless(name: str, number: int = 7, **changes: str) -> dict[str, str]:
    return penalty(number, **({USCC_COLUMN: "", NAME: name} | changes))


def marks(world: World) -> list[tuple[str, str]]:
    return [
        (r["mark"], r["reference"])
        for r in world.rows("SELECT mark, reference FROM record_lineage ORDER BY 1, 2")
    ]


def subject_id(world: World, number: int) -> bytes:
    return world.ring.indexer().subject_id("ORG", uscc(number))


def test_a_row_with_a_name_alone_waits_for_a_person_and_lands_nowhere(world: World, tmp_path: Path) -> None:
    register(world, tmp_path, 1, "海南椰澜贸易有限公司")
    report = world.ingest(
        write_csv(tmp_path / "a.csv", [nameless("海南椰澜贸易有限责任公司")]), keep_findings=5
    )
    assert (report.inserted, report.quarantined) == (0, 1)
    assert [f.code for f in report.findings] == ["NAME_IN_REVIEW"]
    (case,) = steer(world, lambda s: s.matches.waiting(10))
    assert [(c.subject_id, c.score, c.why) for c in case.candidates] == [
        (subject_id(world, 1), 95, "SAME_CORE")
    ]
    assert world.rows("SELECT 1 FROM record WHERE dataset = 'government.penalty'") == []


def test_a_kept_row_is_sealed_and_its_key_goes_with_the_decision(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [nameless("海南椰澜贸易有限公司")]))
    assert "椰澜" not in str(world.rows("SELECT * FROM match_case"))
    (case,) = steer(world, lambda s: s.matches.waiting(10))
    steer(world, lambda s: s.matches.reject(case.case_id, OPERATOR, NOW))
    (row,) = world.rows("SELECT state, wrapped_key, sealed FROM match_case")
    assert tuple(row.values()) == ("REJECTED", None, None)


def test_an_accepted_row_lands_and_its_spelling_is_remembered_for_that_source_alone(
    world: World, tmp_path: Path
) -> None:
    register(world, tmp_path, 1, "海南椰澜贸易有限公司")
    spelling = "海南省椰澜贸易公司"
    world.ingest(write_csv(tmp_path / "a.csv", [nameless(spelling)]))
    (case,) = steer(world, lambda s: s.matches.waiting(10))
    merged = steer(
        world, lambda s: s.matches.accept(case.case_id, subject_id(world, 1), OPERATOR, world.catalog, NOW)
    )
    assert merged.inserted == 1
    again = world.ingest(write_csv(tmp_path / "b.csv", [nameless(spelling, 8)]))
    assert (again.inserted, again.quarantined) == (1, 0)
    stored = world.rows(
        "SELECT subject_id, batch_id, batch_row FROM record WHERE dataset = 'government.penalty'"
    )
    assert {r["subject_id"] for r in stored} == {subject_id(world, 1)}
    assert marks(world) == [("SPELLING", ""), ("SPELLING", "")]
    other = world.ingest(write_csv(tmp_path / "c.csv", [nameless(spelling, 9)]), unit=OTHER_UNIT)
    assert (other.inserted, other.quarantined) == (0, 1)
    (entry,) = world.rows(
        "SELECT body FROM log_entry WHERE kind = 'ADMIN' AND convert_from(body, 'UTF8') LIKE '%match.accept%'"
    )
    assert "椰澜" not in bytes(entry["body"]).decode()


def test_the_same_row_sent_again_is_the_same_case(world: World, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        world.ingest(write_csv(tmp_path / name, [nameless("海南椰澜贸易有限公司")]))
    assert len(steer(world, lambda s: s.matches.waiting(10))) == 1


def test_persons_are_never_matched_by_name(world: World, tmp_path: Path) -> None:
    report = world.ingest(write_csv(tmp_path / "a.csv", [person_penalty(证件号码="")]), keep_findings=5)
    assert [f.code for f in report.findings] == ["PERSON_ID_MISSING"]
    assert world.rows("SELECT 1 FROM match_case") == []


def test_a_former_name_finds_the_organisation_and_says_so(world: World, tmp_path: Path) -> None:
    register(world, tmp_path, 1, "海南榕汐餐饮有限公司")
    world.run(
        lambda d: d.pool.execute("UPDATE organization_name SET last_seen = last_seen - interval '1 year'")
    )
    register(world, tmp_path, 1, "海南岚屿酒店管理有限公司")
    world.ingest(write_csv(tmp_path / "a.csv", [nameless("海南榕汐餐饮有限公司")]))
    (case,) = steer(world, lambda s: s.matches.waiting(10))
    assert [(c.score, c.former) for c in case.candidates] == [(100, True)]


def test_a_candidate_that_was_never_registered_cannot_be_accepted_and_nothing_changes(
    world: World, tmp_path: Path
) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [nameless("海南椰澜贸易有限公司"), penalty(2)]))
    (case,) = steer(world, lambda s: s.matches.waiting(10))
    before = world.dump()
    with pytest.raises(InputError):
        steer(
            world,
            lambda s: s.matches.accept(case.case_id, subject_id(world, 2), OPERATOR, world.catalog, NOW),
        )
    assert world.dump() == before
    assert len(steer(world, lambda s: s.matches.waiting(10))) == 1


def test_a_legacy_code_alone_finds_the_subject_and_is_marked_in_lineage(world: World, tmp_path: Path) -> None:
    register(world, tmp_path, 1, "海南椰澜贸易有限公司", **REGISTERED_NO)
    report = world.ingest(
        write_csv(tmp_path / "b.csv", [nameless("别的写法", 2, **{REGISTRATION_NO: LEGACY})])
    )
    assert (report.inserted, report.quarantined) == (1, 0)
    assert {r["subject_id"] for r in world.rows("SELECT subject_id FROM record")} == {subject_id(world, 1)}
    assert marks(world) == [("LEGACY_CODE", "")]


def test_a_source_that_is_no_registration_authority_cannot_claim_the_code_of_another(
    world: World, tmp_path: Path
) -> None:
    """The attacker writes the victim's registration number beside a code of its own, before anybody else does."""
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(9, **{REGISTRATION_NO: LEGACY})]))
    report = world.ingest(
        write_csv(tmp_path / "b.csv", [nameless("演", 2, **{REGISTRATION_NO: LEGACY})]), keep_findings=5
    )
    assert [f.code for f in report.findings] == ["UNKNOWN_LEGACY_CODE"]
    register(world, tmp_path, 1, "海南椰澜贸易有限公司", **REGISTERED_NO)
    world.ingest(write_csv(tmp_path / "c.csv", [nameless("演", 3, **{REGISTRATION_NO: LEGACY})]))
    owners = world.rows("SELECT subject_id FROM record WHERE clear->>'documentNo' LIKE '%0003%'")
    assert [r["subject_id"] for r in owners] == [subject_id(world, 1)]


def test_a_code_that_two_registrations_claim_leads_nowhere(world: World, tmp_path: Path) -> None:
    register(world, tmp_path, 1, "海南椰澜贸易有限公司", **REGISTERED_NO)
    register(world, tmp_path, 2, "海南榕汐餐饮有限公司", **REGISTERED_NO)
    report = world.ingest(
        write_csv(tmp_path / "b.csv", [nameless("演", 3, **{REGISTRATION_NO: LEGACY})]), keep_findings=5
    )
    assert [f.code for f in report.findings] == ["CODES_DISAGREE"]


def test_a_registration_that_is_refused_binds_no_code_moves_no_subject_and_names_nobody(
    world: World, tmp_path: Path
) -> None:
    register(world, tmp_path, 1, "海南椰澜贸易有限公司")
    before = world.dump() | {"names": world.rows("SELECT * FROM organization_name")}
    row = registered(world, 1, "冒名公司", **REGISTERED_NO, 行政区划代码="469005")
    report = world.ingest(write_csv(tmp_path / "x.csv", [row]), REGISTRATION, OTHER_UNIT, keep_findings=5)
    assert [f.code for f in report.findings] == ["OTHER_SOURCE"]
    assert world.dump() | {"names": world.rows("SELECT * FROM organization_name")} == before


def test_an_invented_credit_code_with_the_organisation_code_of_another_takes_none_of_its_rows(
    world: World, tmp_path: Path
) -> None:
    """Positions 9 to 17 are the same, so the check characters of both are right; only one of them is registered."""
    twin = uscc(1, "92469005")
    assert twin != uscc(1)
    assert twin[8:17] == uscc(1)[8:17]
    code = {"行政相对人代码_3(组织机构代码)": uscc(1)[8:17]}
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(7, **{USCC_COLUMN: twin}), penalty(1)]))
    doubtful = world.ingest(write_csv(tmp_path / "b.csv", [nameless("演", 3, **code)]), keep_findings=5)
    assert [f.code for f in doubtful.findings] == ["CODES_DISAGREE"]
    register(world, tmp_path, 1, "海南椰澜贸易有限公司")
    assert world.ingest(write_csv(tmp_path / "c.csv", [nameless("演", 4, **code)])).inserted == 1
    owners = world.rows("SELECT subject_id FROM record WHERE clear->>'documentNo' LIKE '%0004%'")
    assert [r["subject_id"] for r in owners] == [subject_id(world, 1)]


def test_legacy_codes_of_two_subjects_in_one_row_are_refused(world: World, tmp_path: Path) -> None:
    register(world, tmp_path, 1, "海南椰澜贸易有限公司", **REGISTERED_NO)
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(2)]))
    both = nameless("x演", 3, **{REGISTRATION_NO: LEGACY, "行政相对人代码_3(组织机构代码)": uscc(2)[8:17]})
    report = world.ingest(write_csv(tmp_path / "b.csv", [both]), keep_findings=5)
    assert [f.code for f in report.findings] == ["CODES_DISAGREE"]


def _merge(world: World, losing: int, winning: int) -> str:
    ids = subject_id(world, losing), subject_id(world, winning)
    merge = steer(world, lambda s: s.merges.propose(*ids, MergeReason.CODE_CHANGED, OPERATOR, NOW))
    steer(world, lambda s: s.merges.confirm(merge.merge_id, SECOND, NOW))
    return str(merge.merge_id)


def test_a_merge_leads_legacy_codes_to_the_winner_and_undoing_it_leads_them_back(
    world: World, tmp_path: Path
) -> None:
    register(world, tmp_path, 1, "海南椰澜贸易有限公司", **REGISTERED_NO)
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(2)]))
    merge_id = _merge(world, 1, 2)
    world.ingest(write_csv(tmp_path / "b.csv", [nameless("演", 3, **{REGISTRATION_NO: LEGACY})]))
    assert marks(world) == [("LEGACY_CODE", merge_id)]
    owners = {
        r["batch_row"]: r["subject_id"]
        for r in world.rows(
            "SELECT subject_id, batch_row FROM record WHERE clear->>'documentNo' LIKE '%0003%'"
        )
    }
    assert set(owners.values()) == {subject_id(world, 2)}
    steer(world, lambda s: s.merges.propose_undo(merge_id, OPERATOR, NOW))
    undone = steer(world, lambda s: s.merges.confirm(merge_id, SECOND, NOW))
    assert (undone.state, undone.records) == (MergeState.UNDONE, 1)
    world.ingest(write_csv(tmp_path / "c.csv", [nameless("演", 4, **{REGISTRATION_NO: LEGACY})]))
    assert {
        r["subject_id"]
        for r in world.rows("SELECT subject_id FROM record WHERE clear->>'documentNo' LIKE '%0004%'")
    } == {subject_id(world, 1)}


@pytest.mark.parametrize(("losing", "winning"), [(1, 2), (2, 1), (3, 1)])
def test_merge_then_undo_is_the_identity_on_the_register_and_the_records(
    world: World, tmp_path: Path, losing: int, winning: int
) -> None:
    rows = [penalty(1, **{REGISTRATION_NO: LEGACY}), penalty(2), penalty(3)]
    world.ingest(write_csv(tmp_path / "a.csv", rows))
    before = world.dump()
    merge_id = _merge(world, losing, winning)
    assert world.dump() == before  # a merge moves no record, no alias and no key
    steer(world, lambda s: s.merges.propose_undo(merge_id, OPERATOR, NOW))
    steer(world, lambda s: s.merges.confirm(merge_id, SECOND, NOW))
    assert world.dump() == before
    assert world.rows("SELECT * FROM subject_redirect") == []


def test_one_person_cannot_make_or_undo_a_merge_alone(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(1), penalty(2)]))
    ids = subject_id(world, 1), subject_id(world, 2)
    merge = steer(world, lambda s: s.merges.propose(*ids, MergeReason.CODE_CHANGED, OPERATOR, NOW))
    with pytest.raises(InputError):
        steer(world, lambda s: s.merges.confirm(merge.merge_id, OPERATOR, NOW))
    assert world.rows("SELECT * FROM subject_redirect") == []


AT_THE_COMMAND_LINE, ANOTHER_ACCOUNT = (Steward(f"cli:{name}", "", "", "p", "c") for name in ("li", "fu"))
FOUR_EYES = {
    "the same named person": (OPERATOR, OPERATOR, False),
    "the same person through another client": (OPERATOR, Steward("other", UNIT, "op_1", "p", "c"), False),
    "another named person": (OPERATOR, SECOND, True),
    "a person of another institution": (OPERATOR, Steward("other", OTHER_UNIT, "", "p", "c"), True),
    "a client of the same institution that names nobody": (OPERATOR, Steward("x", UNIT, "", "p", "c"), False),
    "two clients of one institution, nobody named": (
        Steward("x", UNIT, "", "p", "c"),
        Steward("y", UNIT, "", "p", "c"),
        False,
    ),
    "proposed at the command line, confirmed by a client": (AT_THE_COMMAND_LINE, OPERATOR, False),
    "proposed by a client, confirmed at the command line": (OPERATOR, AT_THE_COMMAND_LINE, False),
    "one account at the command line": (AT_THE_COMMAND_LINE, AT_THE_COMMAND_LINE, False),
    "two accounts at the command line": (AT_THE_COMMAND_LINE, ANOTHER_ACCOUNT, True),
}


@pytest.mark.parametrize("name", FOUR_EYES)
def test_a_merge_that_may_be_one_persons_work_is_not_confirmed(name: str) -> None:
    first, second, apart = FOUR_EYES[name]
    assert second.is_also(first.client_id, first.institution, first.operator) is not apart


def test_merges_make_no_chain_and_no_circle(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(n) for n in (1, 2, 3)]))
    _merge(world, 1, 2)
    for losing, winning in ((2, 3), (2, 1), (3, 1), (1, 3), (1, 1)):
        with pytest.raises(InputError):
            _merge(world, losing, winning)


def test_every_step_of_a_merge_leaves_one_entry(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(1), penalty(2)]))
    _merge(world, 1, 2)
    assert len(world.rows("SELECT 1 FROM log_entry WHERE kind = 'ADMIN'")) == 2


def test_candidates_are_found_without_reading_the_table_of_names(world: World) -> None:
    async def plan(database: Database) -> str:
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO subject SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'ORG', '', 'k', '\\x00', NULL, now()"
                " FROM generate_series(1, 40000) n"
            )
            await connection.execute(
                "INSERT INTO organization_name SELECT subject_id, '演' || encode(subject_id, 'hex'), now(), now() FROM subject"
            )
            await connection.execute(
                "INSERT INTO organization_name_key SELECT encode(subject_id, 'hex'), subject_id FROM subject"
            )
            await connection.execute("ANALYZE subject, organization_name, organization_name_key")
            rows = await connection.fetch("EXPLAIN " + name_index._NEAR, ["a", "b", "c"], 500, "a")
            return "\n".join(r[0] for r in rows)

    found = world.run(plan)
    assert "Seq Scan" not in found, found


def test_a_name_with_a_thousand_neighbours_is_found_all_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_index, "_MOST", 3)
    for number, sign in enumerate("甲乙丙丁戊己庚辛"):
        register(world, tmp_path, number + 1, f"海口{sign}有限公司")

    async def found(database: Database) -> list[str]:
        async with database.connection() as connection:
            return [
                (await name_index.candidates(connection, f"海口{sign}公司"))[0].name
                for sign in "甲乙丙丁戊己庚辛"
            ]

    assert world.run(found) == [f"海口{sign}有限公司" for sign in "甲乙丙丁戊己庚辛"]


def test_a_row_whose_code_leads_elsewhere_by_now_is_not_accepted_for_another(
    world: World, tmp_path: Path
) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [nameless("海南椰澜贸易公司", **{REGISTRATION_NO: LEGACY})]))
    (case,) = steer(world, lambda s: s.matches.waiting(10))
    register(world, tmp_path, 1, "海南椰澜贸易有限公司")
    register(world, tmp_path, 2, "海南渚晴贸易有限公司", **REGISTERED_NO)
    with pytest.raises(InputError, match="leads to another"):
        steer(
            world,
            lambda s: s.matches.accept(case.case_id, subject_id(world, 1), OPERATOR, world.catalog, NOW),
        )
    assert world.rows("SELECT 1 FROM record WHERE dataset = 'government.penalty'") == []
    assert world.rows("SELECT 1 FROM subject_alias WHERE scheme = 'spelling'") == []
    merged = steer(
        world, lambda s: s.matches.accept(case.case_id, subject_id(world, 2), OPERATOR, world.catalog, NOW)
    )
    assert merged.inserted == 1
