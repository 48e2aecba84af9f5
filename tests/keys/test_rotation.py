"""A new key takes over, what the old one wrapped or signed still opens, and a cut-off rotation is named."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.errors import KeyRingError, SealError, UnavailableError
from hub.keys import files
from hub.keys.facts import SIGNING, SINGLE, KeyPurpose, KeyStatus
from hub.keys.ring import create_ring, list_keys, load_ring
from hub.keys.rotation import SETTLED, add_kek, add_signing_key, destroy_kek
from hub.keys.signing import sign_document, verify_document

SUBJECT = b"s" * 16


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_new_key_encryption_key_wraps_and_the_old_one_still_unwraps(folder: Path, now: datetime) -> None:
    sealer = load_ring(folder, demo=True).sealer()
    kek_id, wrapped = sealer.new_data_key(SUBJECT)
    token = sealer.open_data_key(SUBJECT, kek_id, wrapped).seal(b"place", b"1")

    added = add_kek(folder, now + timedelta(days=1))
    rotated = load_ring(folder, demo=True).sealer()
    assert rotated.open_data_key(SUBJECT, kek_id, wrapped).unseal(b"place", token) == b"1"

    new_id, rewrapped = rotated.rewrap(SUBJECT, kek_id, wrapped)
    assert new_id == added.id != kek_id
    assert rotated.open_data_key(SUBJECT, new_id, rewrapped).unseal(b"place", token) == b"1"


@pytest.mark.parametrize("purpose", SIGNING)
def test_a_new_signing_key_signs_and_the_old_one_only_verifies(
    folder: Path, now: datetime, purpose: KeyPurpose
) -> None:
    before = getattr(load_ring(folder, demo=True), purpose.value)
    signed = sign_document(before.active, {"a": 1})

    added = add_signing_key(folder, purpose, now)
    ring = load_ring(folder, demo=True)
    keys, public = getattr(ring, purpose.value), getattr(ring.public(), purpose.value)
    assert keys.active.kid == added.id != before.active.kid
    assert verify_document(public, signed) == {"a": 1}
    assert verify_document(public, sign_document(keys.active, {"a": 2})) == {"a": 2}
    with pytest.raises(KeyRingError):
        keys.by_id[before.active.kid].sign(b"")


def test_the_list_shows_ids_purposes_states_and_dates(folder: Path, now: datetime) -> None:
    later = now + timedelta(days=90)
    added = add_signing_key(folder, KeyPurpose.TOKEN, later)
    listed = [key for key in list_keys(load_ring(folder, demo=True)) if key.purpose is KeyPurpose.TOKEN]
    assert [(key.status, key.created_at) for key in listed] == [
        (KeyStatus.VERIFY_ONLY, now),
        (KeyStatus.ACTIVE, later),
    ]
    assert listed[1] == added


def test_many_rotations_keep_every_key(folder: Path, now: datetime) -> None:
    ids = {add_kek(folder, now).id for _ in range(5)} | {
        add_signing_key(folder, KeyPurpose.LOG, now).id for _ in range(5)
    }
    ring = load_ring(folder, demo=True)
    assert len(ring.keks.by_id) == len(ring.log.by_id) == 6
    assert ids <= {key.id for key in list_keys(ring)}
    assert len(json.loads((folder / "public.json").read_bytes())["log_verifiers"]) == 6


@pytest.mark.parametrize("purpose", [KeyPurpose.KEK, *SINGLE])
def test_keys_that_do_not_sign_are_refused_as_signing_keys(
    folder: Path, now: datetime, purpose: KeyPurpose
) -> None:
    before = snapshot(folder)
    with pytest.raises(KeyRingError):
        add_signing_key(folder, purpose, now)
    assert snapshot(folder) == before


def test_of_two_rotations_at_a_time_one_is_refused(folder: Path, now: datetime) -> None:
    (folder / "ring.lock").write_text("{}")
    before = snapshot(folder)
    with pytest.raises(KeyRingError, match=r"ring\.lock"):
        add_kek(folder, now)
    assert snapshot(folder) == before


def test_a_broken_ring_is_not_rotated_and_stays_as_it_was(folder: Path, now: datetime) -> None:
    next(folder.glob("kek_*.json")).write_text("{")
    before = snapshot(folder)
    with pytest.raises(KeyRingError):
        add_kek(folder, now)
    assert snapshot(folder) == before


def test_a_rotation_cut_off_before_its_key_became_active_is_mended_by_moving_one_file(
    folder: Path, now: datetime, tmp_path: Path
) -> None:
    list_before = (folder / "ring.json").read_bytes()
    active = load_ring(folder, demo=True).token.active.kid
    added = add_signing_key(folder, KeyPurpose.TOKEN, now)
    (folder / "ring.json").write_bytes(list_before)
    with pytest.raises(KeyRingError, match=f"{added.id}.json"):
        load_ring(folder, demo=True)
    (folder / f"{added.id}.json").rename(tmp_path / "aside.json")
    assert load_ring(folder, demo=True).token.active.kid == active


def test_a_rotation_that_cannot_write_the_key_list_leaves_the_ring_as_it_was(
    folder: Path, now: datetime
) -> None:
    (folder / "ring.json.new").mkdir()
    before = {p.name for p in folder.iterdir()}
    kek_id = load_ring(folder, demo=True).keks.active.facts.id
    with pytest.raises(KeyRingError, match="cannot be written"):
        add_kek(folder, now)
    assert {p.name for p in folder.iterdir()} == before
    assert load_ring(folder, demo=True).keks.active.facts.id == kek_id


def test_a_sealer_that_is_in_use_follows_the_rotation_and_knows_keys_that_others_wrapped(
    folder: Path, now: datetime
) -> None:
    busy = load_ring(folder, demo=True).sealer()
    before, _ = busy.new_data_key(SUBJECT)
    added = add_kek(folder, now + timedelta(days=1))
    elsewhere = load_ring(folder, demo=True).sealer().new_data_key(SUBJECT)
    busy.open_data_key(SUBJECT, *elsewhere)
    assert busy.new_data_key(SUBJECT)[0] == added.id == elsewhere[0] != before


def test_a_ring_that_does_not_load_any_more_makes_no_new_keys_and_opens_those_there_are(
    folder: Path, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    busy = load_ring(folder, demo=True).sealer()
    kek_id, wrapped = busy.new_data_key(SUBJECT)
    manifest = (folder / "ring.json").read_bytes()
    (folder / "ring.json").write_bytes(manifest[:-20])
    for _ in range(2):
        with pytest.raises(UnavailableError):
            busy.new_data_key(SUBJECT)
        busy.open_data_key(SUBJECT, kek_id, wrapped)
        with pytest.raises(SealError):
            busy.open_data_key(SUBJECT, "kek_0", wrapped)
    assert ["does not load" in record.message for record in caplog.records] == [True]
    (folder / "ring.json").rename(folder / "aside")
    with pytest.raises(UnavailableError):
        busy.new_data_key(SUBJECT)
    (folder / "aside").rename(folder / "ring.json")
    (folder / "ring.json").write_bytes(manifest)
    added = add_kek(folder, now)
    assert busy.new_data_key(SUBJECT)[0] == added.id
    busy.open_data_key(SUBJECT, kek_id, wrapped)


def test_another_ring_in_the_place_of_one_in_use_is_not_taken_up_and_the_own_one_is_when_it_is_back(
    folder: Path, now: datetime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    busy = load_ring(folder, demo=True).sealer()
    kek_id, wrapped = busy.new_data_key(SUBJECT)
    create_ring(tmp_path / "other", demo=True, now=now)
    folder.rename(tmp_path / "aside")
    (tmp_path / "other").rename(folder)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            busy.new_data_key(SUBJECT)
    busy.open_data_key(SUBJECT, kek_id, wrapped)
    assert len(caplog.records) == 1
    folder.rename(tmp_path / "other")
    (tmp_path / "aside").rename(folder)
    assert busy.new_data_key(SUBJECT)[0] == kek_id
    assert busy.new_data_key(SUBJECT)[0] != add_kek(folder, now).id == busy.new_data_key(SUBJECT)[0]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_what_root_rotates_belongs_to_the_user_whose_ring_it_is(folder: Path, now: datetime) -> None:
    os.chown(folder, 12_345, 23_456)
    add_kek(folder, now)
    written = [path for path in folder.iterdir() if path.stat().st_uid == 12_345]
    assert {"ring.json", "public.json"} <= {path.name for path in written}
    assert len(written) == 3


def test_a_key_that_was_destroyed_is_out_of_the_folder_and_of_sealers_in_use(
    folder: Path, now: datetime
) -> None:
    busy = load_ring(folder, demo=True).sealer()
    kek_id, wrapped = busy.new_data_key(SUBJECT)
    add_kek(folder, now)
    destroy_kek(folder, kek_id, now + SETTLED)
    busy.new_data_key(SUBJECT)
    with pytest.raises(SealError):
        busy.open_data_key(SUBJECT, kek_id, wrapped)
    assert not list(folder.glob(f"{kek_id}*"))
    assert kek_id not in (folder / "public.json").read_text()


def test_a_destruction_that_cannot_write_the_key_list_leaves_the_ring_as_it_was(
    folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = load_ring(folder, demo=True).keks.active.facts.id
    add_kek(folder, now)
    real = files.replace

    def failing(path: Path, document: dict[str, object], mode: int = 0o600) -> None:
        if path.name == "ring.json":
            raise KeyRingError("The disk is full.")
        real(path, document, mode)

    monkeypatch.setattr(files, "replace", failing)
    with pytest.raises(KeyRingError):
        destroy_kek(folder, old, now + SETTLED)
    assert old in load_ring(folder, demo=True).keks.by_id
