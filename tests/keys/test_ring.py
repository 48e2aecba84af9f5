"""The ring loads whole or not at all, and says which file is at fault without saying what is in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from hub.errors import KeyRingError, VerificationError
from hub.keys.facts import KeyPurpose, KeyStatus
from hub.keys.jwk import decode
from hub.keys.public import load_public, parse_public
from hub.keys.ring import KeyRing, create_ring, list_keys, load_ring
from hub.keys.suites import Suite

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")


def key_file(folder: Path, purpose: str) -> Path:
    return next(folder.glob(f"{purpose}_*.json"))


def edit(path: Path, change: Callable[[dict], None]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def exchange_ids(folder: Path) -> None:
    """Swap the materials of two keys, with the ids inside the files mended to fit the file names."""
    one, other = key_file(folder, "subject"), key_file(folder, "record")
    first, second = json.loads(one.read_bytes()), json.loads(other.read_bytes())
    edit(one, lambda d: d.update(secret=second["secret"]))
    edit(other, lambda d: d.update(secret=first["secret"]))


def listed(folder: Path, purpose: str, change: Callable[[dict], None]) -> None:
    edit(folder / "ring.json", lambda d: [change(k) for k in d["keys"] if k["purpose"] == purpose])


def clone_key(folder: Path) -> None:
    edit(folder / "ring.json", lambda d: d["keys"].append(d["keys"][0]))


def drop(folder: Path, purpose: str) -> None:
    edit(folder / "ring.json", lambda d: d.update(keys=[k for k in d["keys"] if k["purpose"] != purpose]))
    key_file(folder, purpose).unlink()


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "the key list is missing": (lambda f: (f / "ring.json").unlink(), "ring.json"),
    "a private file is missing": (lambda f: key_file(f, "kek").unlink(), "kek_"),
    "the public half is missing": (lambda f: (f / "public.json").unlink(), "public.json"),
    "a private file is cut off": (
        lambda f: key_file(f, "log").write_bytes(key_file(f, "log").read_bytes()[:40]),
        "log_",
    ),
    "a private file is empty": (lambda f: key_file(f, "token").write_bytes(b""), "token_"),
    "the key list is cut off": (
        lambda f: (f / "ring.json").write_bytes((f / "ring.json").read_bytes()[:-20]),
        "ring.json",
    ),
    "a private file is a list": (lambda f: key_file(f, "kek").write_text("[]"), "kek_"),
    "a private file is not UTF-8": (lambda f: key_file(f, "kek").write_bytes(b'{"id":"\xff"}'), "kek_"),
    "two private files are swapped": (
        lambda f: swap(key_file(f, "subject"), key_file(f, "record")),
        "subject_",
    ),
    "two keys have exchanged their ids": (exchange_ids, "subject_"),
    "a secret is too short": (lambda f: edit(key_file(f, "kek"), lambda d: d.update(secret="AAAA")), "kek_"),
    "a secret is not text": (lambda f: edit(key_file(f, "kek"), lambda d: d.update(secret=[1])), "kek_"),
    "a signing seed was replaced": (
        lambda f: edit(key_file(f, "consent"), lambda d: d.update(secret="A" * 43)),
        "consent_",
    ),
    "a key file has a member too many": (lambda f: edit(key_file(f, "kek"), lambda d: d.update(x=1)), "kek_"),
    "a production key lies in a demo ring": (
        lambda f: edit(key_file(f, "kek"), lambda d: d.update(demo=False)),
        "kek_",
    ),
    "a key file is listed nowhere": (
        lambda f: (f / "kek_0000000000000000.json").write_text("{}"),
        "kek_0000",
    ),
    "a key is listed twice": (clone_key, "ring.json"),
    "no key-encryption key is listed": (lambda f: drop(f, "kek"), "kek"),
    "no index key is listed": (lambda f: drop(f, "blind"), "blind"),
    "no signing key is active": (
        lambda f: listed(f, "token", lambda k: k.update(status="verify-only")),
        "token",
    ),
    "an index key is verify-only": (
        lambda f: listed(f, "record", lambda k: k.update(status="verify-only")),
        "record",
    ),
    "a status is unknown": (lambda f: listed(f, "kek", lambda k: k.update(status="maybe")), "ring.json"),
    "a key id holds a path": (
        lambda f: listed(f, "kek", lambda k: k.update(id="kek_../../etc")),
        "ring.json",
    ),
    "the suite is unknown": (lambda f: edit(f / "ring.json", lambda d: d.update(suite=9)), "ring.json"),
    "the format is newer": (lambda f: edit(f / "ring.json", lambda d: d.update(format=2)), "ring.json"),
    "the demo mark is no boolean": (lambda f: edit(f / "ring.json", lambda d: d.update(demo=0)), "ring.json"),
    "the demo mark was taken off": (lambda f: edit(f / "ring.json", lambda d: d.update(demo=False)), "json"),
    "the log's origin holds a plus sign": (
        lambda f: edit(f / "ring.json", lambda d: d.update(log_origin="a+b")),
        "ring.json",
    ),
    "the public half is another ring's": (
        lambda f: edit(f / "public.json", lambda d: d.update(keys=[], log_verifiers=[])),
        "public.json",
    ),
    "the public half names another log": (
        lambda f: edit(f / "public.json", lambda d: d.update(log_origin="other.example/log")),
        "public.json",
    ),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda name: name.replace(" ", "-"))
def test_a_ring_with_any_fault_is_refused_and_the_file_is_named(folder: Path, fault: str) -> None:
    secrets = {json.loads(p.read_bytes())["secret"] for p in folder.glob("*_*.json")}
    break_it, named = FAULTS[fault]
    break_it(folder)
    before = snapshot(folder)
    with pytest.raises(KeyRingError) as caught:
        load_ring(folder, demo=True)
    said = str(caught.value)
    assert named in caught.value.message
    assert caught.value.hint
    assert str(folder) not in said
    assert not any(secret in said or decode(secret).hex() in said for secret in secrets)
    assert snapshot(folder) == before


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
@pytest.mark.parametrize("name", ["ring.json", "kek", "blind", "token"])
def test_a_private_file_that_others_may_open_is_refused(folder: Path, name: str, mode: int) -> None:
    path = folder / name if name.endswith(".json") else key_file(folder, name)
    path.chmod(mode)
    with pytest.raises(KeyRingError, match="open to other users"):
        load_ring(folder, demo=True)


@posix
@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_that_others_may_open_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(KeyRingError, match="folder is open to other users"):
        load_ring(folder, demo=True)


@posix
def test_a_public_file_that_others_may_write_is_refused(folder: Path) -> None:
    (folder / "public.json").chmod(0o664)
    with pytest.raises(KeyRingError, match=r"public\.json is open"):
        load_ring(folder, demo=True)


@posix
def test_a_ring_is_made_with_private_modes_whatever_the_umask(tmp_path: Path, now: datetime) -> None:
    old = os.umask(0)
    try:
        create_ring(tmp_path / "ring", demo=True, now=now)
    finally:
        os.umask(old)
    modes = {p.name.split("_")[0]: p.stat().st_mode & 0o777 for p in (tmp_path / "ring").iterdir()}
    assert (tmp_path / "ring").stat().st_mode & 0o777 == 0o700
    assert modes.pop("public.json") == 0o644
    assert set(modes.values()) == {0o600}


def test_a_demo_ring_is_refused_outside_the_demo(folder: Path) -> None:
    with pytest.raises(KeyRingError, match="made for the demo"):
        load_ring(folder)


def test_a_production_ring_loads_outside_the_demo(tmp_path: Path, now: datetime) -> None:
    create_ring(tmp_path / "ring", demo=False, now=now)
    assert not load_ring(tmp_path / "ring").demo


@pytest.mark.parametrize("suite", list(Suite))
def test_a_ring_comes_back_from_its_files_as_it_was_made(tmp_path: Path, now: datetime, suite: Suite) -> None:
    made = create_ring(tmp_path / "ring", demo=True, now=now, suite=suite, log_origin="log.example/a")
    assert load_ring(tmp_path / "ring", demo=True) == made
    assert made.suite is suite


def test_a_ring_is_made_in_an_empty_folder(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "ring").mkdir(mode=0o755)
    create_ring(tmp_path / "ring", demo=True, now=now)
    load_ring(tmp_path / "ring", demo=True)


def test_a_folder_that_holds_anything_is_never_overwritten(folder: Path, now: datetime) -> None:
    before = snapshot(folder)
    with pytest.raises(KeyRingError, match="nothing was changed"):
        create_ring(folder, demo=True, now=now)
    assert snapshot(folder) == before
    assert [p.name for p in folder.parent.iterdir()] == ["ring"]


def test_a_log_origin_that_no_note_can_carry_is_refused(tmp_path: Path, now: datetime) -> None:
    for origin in ("", "a b", "a+b", "a\nb"):
        with pytest.raises(KeyRingError):
            create_ring(tmp_path / "ring", demo=True, now=now, log_origin=origin)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="hub keys init"):
        load_ring(tmp_path / "nowhere")


def test_every_purpose_has_one_active_key_with_an_id_of_its_own(ring: KeyRing, now: datetime) -> None:
    keys = list_keys(ring)
    assert [key.purpose for key in keys] == list(KeyPurpose)
    assert {key.status for key in keys} == {KeyStatus.ACTIVE}
    assert {key.created_at for key in keys} == {now}
    assert all(re.fullmatch(rf"{key.purpose}_[0-9a-f]{{16}}", key.id) for key in keys)


def test_no_secret_shows_in_repr_or_in_the_public_half(pristine: Path, ring: KeyRing) -> None:
    shown = repr(ring) + str(list_keys(ring)) + (pristine / "public.json").read_text()
    shown += repr(ring.sealer()) + repr(ring.indexer()) + repr(ring.token.active) + repr(ring.keks.active)
    secrets = [json.loads(p.read_bytes())["secret"] for p in pristine.glob("*_*.json")]
    assert len(secrets) == len(KeyPurpose)
    for secret in secrets:
        raw = decode(secret)
        assert secret not in shown
        assert raw.hex() not in shown
        assert repr(raw)[2:-1] not in shown


def test_the_public_half_holds_every_public_key_and_nothing_private(pristine: Path, ring: KeyRing) -> None:
    public = load_public(pristine / "public.json")
    assert public == ring.public()
    assert str(ring.note_verifier()) in json.loads((pristine / "public.json").read_bytes())["log_verifiers"]
    assert all("d" not in jwk for jwk in ring.public_document()["keys"])


def test_a_public_half_with_a_key_under_another_purpose_is_refused(ring: KeyRing) -> None:
    document = json.loads(json.dumps(ring.public_document()))
    for jwk in document["keys"]:
        jwk["purpose"] = "log"
    with pytest.raises(VerificationError):
        parse_public(document)
