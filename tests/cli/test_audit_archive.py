"""Archives of whole months verify alone, and nothing in them can be changed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from audit.audit_world import an_entry

from hub.audit.offline import NotVerifiedError
from hub.audit.offline_archive import verify_archive

from .archive_world import OLD, grow, old_log, sql, verifier_key
from .conftest import Shell


def archived(shell: Shell, *more: str) -> Path:
    out = shell.folder / "old"
    shell.done("audit", "archive", "--until", "2019-02", "--out", str(out), *more)
    return out


def test_an_archive_of_whole_months_verifies_without_the_hub(shell: Shell) -> None:
    old_log(shell, each=200)
    folder = archived(shell)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    found = [(month["name"], month["first"], month["stop"]) for month in manifest["months"]]
    assert found == [("2019-01", 0, 200), ("2019-02", 200, 600)]
    assert len((folder / "entries/2019-02.jsonl").read_bytes().splitlines()) == 400
    command = [sys.executable, "-I", str(folder / "verify.py"), str(folder), verifier_key(shell)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (ran.returncode, "entries 200 to 599" in ran.stdout) == (0, True), ran
    assert "The archive holds" in shell.done("verify", str(folder))
    act = json.loads(shell.done("audit", "list", "--json", "--kind", "AUDIT_READ").splitlines()[-1])
    assert act["entry"]["operation"] == "audit.archive"


def test_a_part_of_the_log_is_archived_with_the_hashes_that_lead_to_its_root_only(shell: Shell) -> None:
    old_log(shell, each=300)
    folder = archived(shell, "--since", "2019-02")
    tiles = sorted(str(p.relative_to(folder)) for p in (folder / "tile").rglob("*") if p.is_file())
    assert tiles == ["tile/0/001", "tile/0/002", "tile/0/003.p/133", "tile/1/000.p/3"]
    assert "The archive holds" in shell.done("verify", str(folder))


def test_an_entry_of_more_than_64_kib_and_a_withheld_one_are_archived_as_they_are(shell: Shell) -> None:
    grow(shell, [an_entry(at=OLD[0], operation="x" * 70_000), an_entry(at=OLD[1])])
    sql(shell, "UPDATE log_entry SET body = NULL WHERE idx = 1")
    folder = archived(shell)
    assert (folder / "entries/2019-02.jsonl").read_bytes() == b"null\n"
    assert "1 of them without a body" in shell.done("verify", str(folder))


def test_an_entry_that_came_late_stands_in_the_file_of_its_month(shell: Shell) -> None:
    grow(shell, [an_entry(at=at) for at in (OLD[0], OLD[1], OLD[0], OLD[1])])
    manifest = json.loads((archived(shell) / "manifest.json").read_bytes())
    assert [(m["first"], m["stop"]) for m in manifest["months"]] == [(0, 3), (3, 4)]


REFUSED = {
    "a month that is not over": (("--until", "2999-01"), "not over"),
    "no month": (("--until", "January"), "no month"),
    "months without entries": (("--until", "2001-01"), "no entries"),
}


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_archived_is_refused_and_leaves_nothing(
    shell: Shell, options: tuple[str, ...], said: str
) -> None:
    old_log(shell, each=1)
    before = shell.count("log_entry")
    ran = shell("audit", "archive", *options, "--out", str(shell.folder / "old"))
    assert (ran.code, said in ran.err) == (2, True), ran
    assert shell.count("log_entry") == before
    assert not list(shell.folder.glob("old*"))


def test_months_that_the_published_checkpoint_does_not_cover_wholly_are_not_archived(shell: Shell) -> None:
    published, out = shell.folder / "log", shell.folder / "archive"
    grow(shell, [an_entry(at=OLD[0]), an_entry(at=OLD[1])])
    shell.done("audit", "publish", str(published))
    grow(shell, [an_entry(at=OLD[2])])
    order = ("audit", "archive", "--tiles", str(published), "--out", str(out), "--until")
    before = shell.count("log_entry")
    ran = shell(*order, "2019-02")
    assert (ran.code, "does not cover" in ran.err) == (2, True), ran
    assert (list(shell.folder.glob("archive*")), shell.count("log_entry")) == ([], before)
    assert "entries 0 to 0" in shell.done(*order, "2019-01")
    out.rename(shell.folder / "first")
    shell.done("audit", "publish", str(published))
    assert "entries 0 to 2" in shell.done(*order, "2019-02")


def test_an_altered_entry_is_not_archived(shell: Shell) -> None:
    old_log(shell)
    sql(shell, "UPDATE log_entry SET body = body || ' ' WHERE idx = 4")
    ran = shell("audit", "archive", "--until", "2019-02", "--out", str(shell.folder / "old"))
    assert (ran.code != 0, "Entry 4" in ran.err) == (True, True), ran
    assert not (shell.folder / "old").exists()


def test_a_place_that_cannot_be_written_is_named_as_the_trouble_and_not_the_database(shell: Shell) -> None:
    old_log(shell)
    before = shell.count("log_entry")
    (shell.folder / "file").write_text("mine")
    for out in ("/", "/proc/none", str(shell.folder / "file" / "x")):
        ran = shell("audit", "archive", "--until", "2019-02", "--out", out)
        assert (ran.code, "folder" in ran.err, "database" in ran.err) == (2, True, False), (out, ran)
    assert shell.count("log_entry") == before


def _replace(name: str, old: bytes, new: bytes) -> Callable[[Path], object]:
    def act(folder: Path) -> None:
        data = (folder / name).read_bytes()
        assert old in data
        (folder / name).write_bytes(data.replace(old, new, 1))

    return act


def _drop_line(folder: Path) -> None:
    path = folder / "entries/2019-02.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _null_line(folder: Path) -> None:
    path = folder / "entries/2019-02.jsonl"
    path.write_bytes(b"null\n" + b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


def _add_line(folder: Path) -> None:
    path = folder / "entries/2019-01.jsonl"
    path.write_bytes(path.read_bytes() + b"null\n")


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "an entry is altered": (_replace("entries/2019-01.jsonl", b"bank-hkb", b"bank-hkc"), "entry 0 is not as"),
    "an entry is missing": (_drop_line, "entry 8 is missing"),
    "a body is taken out": (_null_line, "not the one in the manifest"),
    "a line is added": (_add_line, "more behind"),
    "the manifest is altered": (_replace("manifest.json", b'"first": 0', b'"first": 1'), "does not know"),
    "a tile is altered": (lambda f: (f / "tile/0/000.p/10").write_bytes(bytes(320)), "not the tree"),
    "the checkpoint is altered": (_replace("checkpoint", b"\n10\n", b"\n11\n"), "signature"),
    "the verifier is exchanged": (_replace("verify.py", b"offline", b"online"), "verify.py is not the one"),
    "its other half is exchanged": (
        _replace("offline.py", b"SHA-256", b"SHA-1"),
        "offline.py is not the one",
    ),
    "a month is added": (
        lambda f: (f / "entries/2019-03.jsonl").write_bytes(b'{"forged":1}\n'),
        "not in the manifest",
    ),
    "the seal is missing": (lambda f: (f / "seal.json").unlink(), "not well formed"),
    "a tile is missing": (lambda f: (f / "tile/0/000.p/10").unlink(), "not well formed"),
}


@pytest.mark.parametrize(("act", "said"), TAMPERED.values(), ids=TAMPERED.keys())
def test_an_archive_that_was_changed_does_not_verify(
    shell: Shell, act: Callable[[Path], object], said: str
) -> None:
    old_log(shell)
    folder = archived(shell)
    verify_archive(folder, verifier_key(shell), lambda _: None)
    act(folder)
    with pytest.raises(NotVerifiedError, match=said):
        verify_archive(folder, verifier_key(shell), lambda _: None)
    ran = shell("verify", str(folder))
    assert (ran.code, "✗" in ran.out) == (1, True)
