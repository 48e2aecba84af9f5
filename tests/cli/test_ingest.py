from __future__ import annotations

import io
import zipfile

from intake.intake_world import DOCUMENT, SHOWN_UNTIL, penalty

from .conftest import UNIT, Shell


def test_a_good_file_lands_with_exit_code_zero_and_an_entry(shell: Shell) -> None:
    ran = shell.ingest(shell.penalties(penalty(1), penalty(2)))
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["2", "2", "0", "0", "0"]
    assert shell.count("record") == 2
    assert "intake.file" in shell.done("audit", "list", "--json")


def test_bad_rows_go_to_quarantine_with_exit_code_three_and_land_once_mended(shell: Shell) -> None:
    ran = shell.ingest(shell.penalties(penalty(1), penalty(2, 处罚决定日期="2026-02-30")))
    assert ran.code == 3
    quarantine = next(shell.places.quarantine.glob("*.csv"))
    assert str(quarantine) in ran.out.replace("\n", "")
    assert shell.count("record") == 1
    text = quarantine.read_text(encoding="utf-8-sig").replace("2026-02-30", "2026-03-05")
    mended = shell.folder / "mended.csv"
    mended.write_text(text, encoding="utf-8-sig")
    assert shell.ingest(mended).code == 0
    assert shell.count("record") == 2


def test_the_same_file_again_changes_nothing(shell: Shell) -> None:
    file = shell.penalties(penalty(1))
    shell.ingest(file)
    assert shell.ingest(file).out.splitlines()[1].split() == ["1", "0", "0", "1", "0"]


def test_a_column_outside_the_catalogue_refuses_the_file(shell: Shell) -> None:
    ran = shell.ingest(shell.penalties(penalty(1) | {"爱好": "钓鱼"}))
    assert ran.code == 2
    assert "error " in ran.err
    assert shell.count("record") == 0


def test_an_unknown_dataset_names_the_nearest(shell: Shell) -> None:
    ran = shell("ingest", str(shell.penalties()), "--dataset", "government.penalties", "--source", UNIT)
    assert ran.code == 2
    assert "government.penalty" in ran.err


def test_a_file_that_is_not_there_is_refused(shell: Shell) -> None:
    assert shell("ingest", "nowhere.csv", "--dataset", "government.penalty", "--source", UNIT).code == 2


def test_a_template_holds_the_official_headers_and_is_never_overwritten(bare: Shell) -> None:
    target = bare.folder / "t.csv"
    bare.done("template", "government.penalty", "-o", str(target))
    header = target.read_text(encoding="utf-8-sig")
    assert DOCUMENT in header
    assert SHOWN_UNTIL in header
    target.write_text("mine", encoding="utf-8")
    assert bare("template", "government.penalty", "-o", str(target)).code == 2
    assert target.read_text(encoding="utf-8") == "mine"


def test_a_template_can_be_a_workbook(bare: Shell) -> None:
    target = bare.folder / "t.xlsx"
    bare.done("template", "government.penalty", "--xlsx", "-o", str(target))
    assert zipfile.is_zipfile(io.BytesIO(target.read_bytes()))
