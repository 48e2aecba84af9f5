"""A witness by the letter of c2sp.org/tlog-witness, and what a log that shows two histories gets from it."""

from __future__ import annotations

import multiprocessing
import sys
from base64 import b64encode
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.audit import offline
from hub.audit.cosignatures import add_lines, cosigned, require_quorum, signature_line
from hub.audit.merkle import Proof, consistency_proof, leaf_hash, root
from hub.audit.note import Checkpoint, Note, sign_checkpoint
from hub.audit.witness import SIZE_TYPE, Reply, Witness
from hub.errors import KeyRingError, VerificationError
from hub.keys.cosign import ML_DSA_44, CosignKey, parse_cosign_key, parse_cosign_verifier

from .audit_world import ORIGIN, SIGNER, log_key

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
KEY = CosignKey("witness.example/w1", bytes(range(32)))
PQ = CosignKey("witness.example/w1", bytes(range(32)), ML_DSA_44)
VECTOR = Path(__file__).parent / "vectors" / "mldsa44-checkpoint.txt"
"""Verifier key of a log and a checkpoint that it signed, of torchwood's tests (cmd/litewitness/testdata/mldsa.txt)."""
LEAVES = [leaf_hash(str(n).encode()) for n in range(40)]
FORKED = [leaf_hash(b"other"), *LEAVES[1:]]


def checkpoint(size: int, leaves: list[bytes] = LEAVES, origin: str = ORIGIN) -> str:
    return sign_checkpoint(Checkpoint(origin, size, root(leaves[:size])), SIGNER)


def proof(old: int, new: int, leaves: list[bytes] = LEAVES) -> Proof:
    return consistency_proof(old, new, lambda start, stop: leaves[start:stop])


def request(old: int, note: str, hashes: Proof = ()) -> bytes:
    lines = "".join(b64encode(h).decode() + "\n" for h in hashes)
    return f"old {old}\n{lines}\n{note}".encode()


def a_witness(folder: Path, *keys: CosignKey) -> Witness:
    return Witness(folder, keys or [KEY], {ORIGIN: [SIGNER.verifier]})


def test_a_first_checkpoint_and_one_that_continues_it_are_cosigned(tmp_path: Path) -> None:
    witness = a_witness(tmp_path)
    for old, new in ((0, 7), (7, 7), (7, 23)):
        note = checkpoint(new)
        reply = witness.add_checkpoint(request(old, note, proof(old, new)), NOW)
        assert reply.status == 200
        whole = add_lines(note, reply.body, KEY.verifier)
        (seen,) = require_quorum(whole, [KEY.verifier], 1)
        assert seen.at == NOW
        assert Note.parse(whole).verify([SIGNER.verifier]) == (SIGNER.verifier,)
    latest = witness.latest(ORIGIN)
    assert latest is not None
    assert latest.size == 23


# What is sent after the witness has cosigned size 7, and what it must answer.
ANSWERS: dict[str, tuple[bytes, int]] = {
    "the size it knows is another": (request(5, checkpoint(9), proof(5, 9)), 409),
    "it is asked as if it knew nothing": (request(0, checkpoint(9)), 409),
    "a larger old size": (request(10, checkpoint(9)), 400),
    "a proof of another history": (request(7, checkpoint(9, FORKED), proof(7, 9, FORKED)), 422),
    "no proof": (request(7, checkpoint(9)), 422),
    "a proof where none is needed": (request(7, checkpoint(7), proof(7, 9)), 422),
    "another root of the same size": (request(7, checkpoint(7, FORKED)), 409),
    "a log it does not know": (request(0, checkpoint(9, origin="other.example/log")), 404),
    "a checkpoint of another key": (
        request(7, sign_checkpoint(Checkpoint(ORIGIN, 9, root(LEAVES[:9])), log_key(2)), proof(7, 9)),
        403,
    ),
    "a leading zero": (b"old 07\n\n" + checkpoint(9).encode(), 400),
    "a minus sign": (b"old -1\n\n" + checkpoint(9).encode(), 400),
    "a hash that is not base64": (b"old 7\nnot base64\n\n" + checkpoint(9).encode(), 400),
    "a hash that is too short": (b"old 7\nAAAA\n\n" + checkpoint(9).encode(), 400),
    "64 lines of proof": (request(7, checkpoint(9), (bytes(32),) * 64), 400),
    "no checkpoint": (b"old 7\n\n", 400),
    "nothing": (b"", 400),
    "bytes that are no text": (b"\xff" * 50, 400),
    "a body beyond all limits": (b"old 7\n" + b"A" * (1 << 20), 400),
}


@pytest.mark.parametrize("case", ANSWERS, ids=list(ANSWERS))
def test_everything_else_is_refused_with_its_status_and_changes_nothing(case: str, tmp_path: Path) -> None:
    witness = a_witness(tmp_path)
    assert witness.add_checkpoint(request(0, checkpoint(7)), NOW).status == 200
    before = {p.name: p.read_bytes() for p in tmp_path.glob("*.checkpoint")}
    body, status = ANSWERS[case]
    reply = witness.add_checkpoint(body, NOW)
    assert reply.status == status
    assert "—" not in reply.body
    if status == 409:
        assert reply == Reply(409, "7\n", SIZE_TYPE)
    assert {p.name: p.read_bytes() for p in tmp_path.glob("*.checkpoint")} == before


def test_two_histories_of_one_size_are_kept_as_proof_under_the_logs_own_signature(tmp_path: Path) -> None:
    witness = a_witness(tmp_path)
    witness.add_checkpoint(request(0, checkpoint(7)), NOW)
    witness.add_checkpoint(request(7, checkpoint(7, FORKED)), NOW)
    notes = {p.read_text(encoding="utf-8") for p in (tmp_path / "conflicts").glob("*.note")}
    assert notes == {checkpoint(7), checkpoint(7, FORKED)}


def test_what_was_cosigned_survives_a_restart_and_a_fork_is_refused_after_it(tmp_path: Path) -> None:
    a_witness(tmp_path).add_checkpoint(request(0, checkpoint(7)), NOW)
    again = a_witness(tmp_path)
    assert again.add_checkpoint(request(0, checkpoint(9, FORKED)), NOW).status == 409
    assert again.add_checkpoint(request(7, checkpoint(9), proof(7, 9)), NOW).status == 200


def test_a_folder_that_somebody_altered_is_noticed(tmp_path: Path) -> None:
    witness = a_witness(tmp_path)
    witness.add_checkpoint(request(0, checkpoint(7)), NOW)
    (stored,) = tmp_path.glob("*.checkpoint")
    stored.write_text(checkpoint(7).replace("\n7\n", "\n3\n"), encoding="utf-8")
    with pytest.raises(VerificationError):
        witness.latest(ORIGIN)


def _step(folder: Path, size: int) -> int:
    return a_witness(folder).add_checkpoint(request(7, checkpoint(size), proof(7, size)), NOW).status


def test_of_many_that_continue_the_same_checkpoint_at_once_one_is_cosigned(tmp_path: Path) -> None:
    a_witness(tmp_path).add_checkpoint(request(0, checkpoint(7)), NOW)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda size: _step(tmp_path, size), range(8, 24)))
    assert (found.count(200), found.count(409)) == (1, 15)
    other = tmp_path / "other"
    a_witness(other).add_checkpoint(request(0, checkpoint(7)), NOW)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        found = list(processes.map(_step, [other] * 6, range(8, 14)))
    assert (found.count(200), found.count(409)) == (1, 5)


def test_cosignatures_are_those_of_the_specification() -> None:
    # RFC 8032 keys and messages are checked by the library; what is ours is the message and the key hash, written
    # out here once more from c2sp.org/tlog-cosignature.
    from hashlib import sha256

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = checkpoint(7).partition("\n\n")[0] + "\n"
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    raw = private.public_key().public_bytes_raw()
    value = KEY.cosign(text, NOW)
    assert int.from_bytes(value[:8], "big") == 1795334400 == int(NOW.timestamp())
    private.public_key().verify(value[8:], b"cosignature/v1\ntime 1795334400\n" + text.encode())
    assert KEY.verifier.key_hash == sha256(b"witness.example/w1\n\x04" + raw).digest()[:4]


def test_an_ml_dsa_cosignature_is_over_the_structure_of_the_specification() -> None:
    from hashlib import sha256

    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

    private = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
    value = PQ.cosign(Note.parse(checkpoint(7)).text, NOW)
    message = (
        bytes.fromhex("737562747265652f76310a00")
        + b"\x12witness.example/w1" + value[:8]
        + bytes([len(ORIGIN)]) + ORIGIN.encode() + bytes(8) + bytes(7) + b"\x07" + root(LEAVES[:7])
    )  # fmt: skip
    assert len(value) == 2428
    private.public_key().verify(value[8:], message)
    raw = private.public_key().public_bytes_raw()
    assert PQ.verifier.key_hash == sha256(b"witness.example/w1\n\x06" + raw).digest()[:4]


def test_what_another_implementation_signed_with_ml_dsa_holds_and_its_log_is_witnessed(
    tmp_path: Path,
) -> None:
    vkey, _, note = VECTOR.read_text(encoding="utf-8").partition("\n\n")
    verifier = parse_cosign_verifier(vkey)
    assert [one.witness for one in cosigned(note, [verifier])] == [verifier]
    assert offline.check_witness(note, vkey).startswith("example.com/mldsa-log at a time")
    for changed in (
        note.replace("\n1\n", "\n2\n"),
        note.replace("+zoE", "+zoF"),
        note.replace("td9FxQAA", "td9FxQAB"),
    ):
        with pytest.raises(VerificationError):
            cosigned(changed, [verifier])
        with pytest.raises(offline.NotVerifiedError):
            offline.check_witness(changed, vkey)
    witness = Witness(tmp_path, [KEY, PQ], {verifier.name: [verifier]})
    assert witness.add_checkpoint(request(0, note.replace("+zoE", "+zoF")), NOW).status == 403
    reply = witness.add_checkpoint(request(0, note), NOW)
    assert (reply.status, reply.body.count("— witness.example/w1 ")) == (200, 2)


def test_a_witness_with_two_keys_signs_with_both_and_counts_once(tmp_path: Path) -> None:
    note, keys = checkpoint(7), [PQ.verifier, KEY.verifier]
    reply = a_witness(tmp_path, PQ, KEY).add_checkpoint(request(0, note), NOW)
    whole = add_lines(add_lines(note, reply.body, PQ.verifier), reply.body, KEY.verifier)
    assert [one.at for one in require_quorum(whole, keys, 1)] == [NOW, NOW]
    with pytest.raises(VerificationError, match="1 of the known"):
        require_quorum(whole, keys, 2)
    for key in keys:
        assert offline.check_witness(whole, str(key)) == "witness.example/w1 at 2026-11-22T08:00:00+00:00"


def test_lines_that_ml_dsa_has_no_place_for_are_signed_with_ed25519_or_not_at_all(tmp_path: Path) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, root(LEAVES[:7]), ("extension",)), SIGNER)
    reply = a_witness(tmp_path / "two", PQ, KEY).add_checkpoint(request(0, note), NOW)
    assert (reply.status, reply.body.count("—")) == (200, 1)
    add_lines(note, reply.body, KEY.verifier)
    alone = a_witness(tmp_path / "one", PQ)
    assert (alone.add_checkpoint(request(0, note), NOW).status, alone.latest(ORIGIN)) == (422, None)
    signed = checkpoint(7) + signature_line(PQ, Note.parse(checkpoint(7)).text, NOW)
    with pytest.raises(offline.NotVerifiedError, match="three lines"):
        offline.check_witness(signed.replace("\n\n", "\nextension\n\n"), str(PQ.verifier))


@pytest.mark.parametrize("key", [KEY, PQ], ids=["Ed25519", "ML-DSA-44"])
def test_a_cosignature_of_another_text_another_time_or_another_key_does_not_hold(key: CosignKey) -> None:
    text = Note.parse(checkpoint(7)).text
    value = key.cosign(text, NOW)
    assert key.verifier.verify(text, value) == NOW
    for other, changed in (
        (Note.parse(checkpoint(8)).text, value),
        (text + "extension\n", value),
        (text, (int.from_bytes(value[:8], "big") + 1).to_bytes(8, "big") + value[8:]),
        (text, value[:-1]),
        (text, b"\xff" * len(value)),
        (text, CosignKey.new(key.name, key.algorithm).cosign(text, NOW)),
        (text, CosignKey("witness.example/w2", key.seed, ML_DSA_44).cosign(text, NOW)),
    ):
        with pytest.raises(VerificationError):
            key.verifier.verify(other, changed)


def test_a_quorum_counts_every_witness_once_and_strangers_not_at_all() -> None:
    note = checkpoint(7)
    text = Note.parse(note).text
    stranger = CosignKey.new("stranger.example/w")
    whole = note + signature_line(KEY, text, NOW) * 3 + signature_line(stranger, text, NOW)
    assert [c.witness for c in cosigned(whole, [KEY.verifier])] == [KEY.verifier]
    with pytest.raises(VerificationError, match="1 of the known"):
        require_quorum(whole, [KEY.verifier, CosignKey.new("w2.example").verifier], 2)
    with pytest.raises(VerificationError):
        add_lines(note, signature_line(stranger, text, NOW), KEY.verifier)


def test_keys_are_written_and_read_as_one_line() -> None:
    for key in (KEY, PQ):
        assert parse_cosign_key(key.unsafe_private_text()) == key
        assert parse_cosign_verifier(str(key.verifier)) == key.verifier
    fresh = CosignKey.new("witness.example/w2")
    assert parse_cosign_key(fresh.unsafe_private_text()) == fresh
    assert parse_cosign_verifier(str(fresh.verifier)) == fresh.verifier
    assert fresh.seed.hex() not in repr(fresh)
    for text in ("", "a+b", str(fresh.verifier)[:-2], str(SIGNER.verifier)):
        with pytest.raises(VerificationError):
            parse_cosign_verifier(text)
    for text in ("", str(fresh.verifier), fresh.unsafe_private_text()[:-4]):
        with pytest.raises(KeyRingError):
            parse_cosign_key(text)
    with pytest.raises(KeyRingError):
        CosignKey.new("two words")


def test_a_verifier_whose_library_is_too_old_for_ml_dsa_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    note = checkpoint(3)
    whole = note + signature_line(PQ, Note.parse(note).text, NOW)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    said: list[str] = []
    assert offline.outcome(lambda: offline.check_witness(whole, str(PQ.verifier)), said.append) == 1
    assert "cannot check the cosignature" in said[0]


def test_the_stand_alone_verifier_takes_several_lines_of_one_witness_if_all_of_them_hold() -> None:
    note = checkpoint(7)
    text = Note.parse(note).text
    for key in (KEY, PQ):
        older, newer = (signature_line(key, text, NOW + timedelta(days=days)) for days in (0, 1))
        said = offline.check_witness(note + newer + older, str(key.verifier))
        assert said == "witness.example/w1 at 2026-11-23T08:00:00+00:00"
        wrong = signature_line(
            CosignKey(key.name, key.seed, key.algorithm), Note.parse(checkpoint(8)).text, NOW
        )
        with pytest.raises(offline.NotVerifiedError):
            offline.check_witness(note + newer + wrong, str(key.verifier))
        with pytest.raises(offline.NotVerifiedError, match="states a time that is none"):
            offline.check_witness(note + _line(key, text, 1 << 37), str(key.verifier))


def _line(key: CosignKey, text: str, seconds: int) -> str:
    message = key.algorithm.message(key.name, text, seconds)
    value = seconds.to_bytes(8, "big") + key.algorithm.sign(key.seed, message)
    return f"— {key.name} {b64encode(key.verifier.key_hash + value).decode()}\n"
