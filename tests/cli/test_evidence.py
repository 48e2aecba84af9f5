"""Evidence packs, made at the command line and checked by the verifier inside, alone, without the hub."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from world import REGISTRATION

from hub.audit import offline, offline_pack
from hub.keys.cosign import CosignKey
from hub.policies.files import FILES as POLICY_FILES

from .evidence_world import WITNESS, Scene, scene

__all__ = ["scene"]


def members_of(path: Path) -> dict[str, bytes]:
    """What any reader of ZIP finds in it."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def packed_verifier(scene: Scene, file: Path, *more: str) -> tuple[int, str]:
    """Run the verifier out of a good pack, isolated: no hub, no environment, nothing on the path."""
    alone = scene.folder / "alone"
    alone.mkdir(exist_ok=True)
    checker = alone / "verify.py"
    if not checker.exists():
        checker.write_bytes(Path(offline_pack.__file__).read_bytes())
        (alone / "offline.py").write_bytes(Path(offline.__file__).read_bytes())
    ran = subprocess.run(
        [sys.executable, "-I", str(checker), str(file), scene.vkey, *more],
        cwd=alone, env={}, capture_output=True, check=False,
    )  # fmt: skip
    assert not ran.stderr, ran.stderr.decode()
    return ran.returncode, ran.stdout.decode()


def refused(raw: bytes, vkey: str, *witnesses: str) -> str:
    """Why a pack does not verify."""
    with pytest.raises(offline.NotVerifiedError) as caught:
        offline_pack.verify_pack(raw, vkey, lambda _: None, witnesses)
    return str(caught.value)


def resealed(members: dict[str, bytes], **changes: bytes | None) -> bytes:
    """The pack after a change, with a manifest that fits: what someone with the pack and without the log can do."""
    changed = {n: d for n, d in (members | changes).items() if d is not None}  # type: ignore[operator]
    manifest = json.loads(changed["manifest.json"])
    others = changed.keys() - {"manifest.json", "seal.json"}
    manifest["members"] = {name: hashlib.sha256(changed[name]).hexdigest() for name in others}
    return offline_pack.zip_bytes(changed | {"manifest.json": json.dumps(manifest).encode()})


def test_a_pack_of_a_response_verifies_alone_and_by_the_hub(scene: Scene) -> None:
    pack = scene.pack("--response", str(scene.answer), "--tiles", str(scene.tiles))
    code, said = packed_verifier(scene, pack, "--witness", str(WITNESS.verifier))
    assert code == 0, said
    for word in (
        f"manifest: {len(POLICY_FILES) + 7} members",
        "seal",
        "w1.example",
        f"policy: {len(POLICY_FILES)} files",
        "consent/c_",
        "errors are those",
    ):
        assert word in said
    assert "The evidence pack holds" in scene.shell.done(
        "verify", str(pack), "--witness", str(WITNESS.verifier)
    )
    members = members_of(pack)
    assert members["response.json"] == scene.answer.read_bytes()
    assert members["verify.py"] == Path(offline_pack.__file__).read_bytes()
    assert members["offline.py"] == Path(offline.__file__).read_bytes()


def test_making_a_pack_leaves_an_entry_that_names_it_and_whom_it_is_about(scene: Scene) -> None:
    members = members_of(scene.pack("--response", str(scene.answer)))
    line = json.loads(scene.shell.done("audit", "list", "--json", "--kind", "AUDIT_READ").splitlines()[0])
    assert line["entry"]["operation"] == "evidence.pack"
    digest = hashlib.sha256(members["manifest.json"]).hexdigest()
    assert line["entry"]["detail"] == {
        "entry": json.loads(members["manifest.json"])["index"],
        "manifest": digest,
    }
    seen = json.loads(json.loads(members["receipt.json"])["entry"])
    assert line["subjects"] == [part["subject"] for part in seen["subjects"]]


def test_a_pack_of_an_entry_alone_shows_no_value_of_any_field_and_no_private_key(scene: Scene) -> None:
    index = str(json.loads(scene.answer.read_bytes())["extensions"]["receipt"]["index"])
    pack = scene.pack("--entry", index)
    assert packed_verifier(scene, pack)[0] == 0
    text = b"".join(
        data for name, data in members_of(pack).items() if not name.startswith("policy/")
    ).decode()
    for value in ("5000000.00", "37037.01", REGISTRATION["legalRepresentativeName"], REGISTRATION["uscc"]):
        assert value in scene.answer.read_text(encoding="utf-8") or value == REGISTRATION["uscc"]
        assert value not in text
    for file in (scene.folder / "ring").glob("*.json"):
        secret = json.loads(file.read_bytes()).get("secret")
        assert secret is None or secret not in text


def test_an_entry_is_named_by_its_id_as_well_and_one_that_is_not_there_is_refused(scene: Scene) -> None:
    body = json.loads(json.loads(scene.answer.read_bytes())["extensions"]["receipt"]["entry"])
    assert packed_verifier(scene, scene.pack("--entry", body["id"]))[0] == 0
    before = scene.shell.count("log_entry")
    for wanted in ("9999", "f" * 32, "-1", "x", "9" * 40):
        ran = scene.shell("evidence", "pack", "--entry", wanted, "--out", str(scene.folder / "none.zip"))
        assert ran.code == 2, wanted
        assert not (scene.folder / "none.zip").exists()
    assert scene.shell.count("log_entry") == before


def test_an_export_and_a_partial_disclosure_can_be_packed(scene: Scene) -> None:
    pack = scene.pack("--response", str(scene.lines))
    code, said = packed_verifier(scene, pack)
    assert code == 0, said
    assert said.count("授权 consent/") == 3
    part = scene.folder / "part.json"
    name = "/data/organization/name"
    scene.shell.done("evidence", "redact", str(scene.fields), "--keep", name, "--out", str(part))
    for file in (part, scene.pack("--response", str(part), "--tiles", str(scene.tiles), name="part.zip")):
        code, said = packed_verifier(scene, file)
        assert code == 0, said
        assert f"{name} = " in said
        assert "leaves are shown" in said
        assert b"37037.01" not in file.read_bytes()
        scene.shell.done("verify", str(file))


def test_a_pack_in_which_any_member_is_altered_missing_added_or_swapped_does_not_verify(scene: Scene) -> None:
    pack = scene.pack("--response", str(scene.answer), "--tiles", str(scene.tiles))
    raw, members = pack.read_bytes(), members_of(pack)
    assert offline_pack.zip_bytes(members) == raw
    for name, data in members.items():
        changed = data.replace(data[-9:-8], b"~", 1)
        assert refused(offline_pack.zip_bytes(members | {name: changed}), scene.vkey), name
        assert refused(offline_pack.zip_bytes({n: d for n, d in members.items() if n != name}), scene.vkey), (
            name
        )
        assert refused(resealed(members, **{name: changed}), scene.vkey), name
        if name not in ("manifest.json", "seal.json"):
            assert "does not know this manifest" in refused(resealed(members, **{name: None}), scene.vkey), (
                name
            )
    assert "manifest" in refused(offline_pack.zip_bytes(members | {"policy/more.toml": b""}), scene.vkey)
    assert "manifest" in refused(resealed(members, **{"policy/more.toml": b""}), scene.vkey)
    swapped = {
        "policy/roles.toml": members["policy/clocks.toml"],
        "policy/clocks.toml": members["policy/roles.toml"],
    }
    assert "altered" in refused(offline_pack.zip_bytes(members | swapped), scene.vkey)
    file = scene.folder / "bad.zip"
    file.write_bytes(offline_pack.zip_bytes(members | swapped))
    assert packed_verifier(scene, file)[0] == 1
    assert scene.shell("verify", str(file)).code == 1


def test_the_seal_holds_in_one_form_only(scene: Scene) -> None:
    """The manifest does not cover the seal itself, so nothing in it may be written in another way."""
    members = members_of(scene.pack("--response", str(scene.answer)))
    seal = json.loads(members["seal.json"])
    receipt = seal["receipt"]
    proof = receipt["inclusionProof"]
    loose = next((number for number, h in enumerate(proof) if h[-2] in "AEIMQUYcgkosw048"), 0)
    nudged = [*proof]
    nudged[loose] = proof[loose][:-2] + chr(ord(proof[loose][-2]) + 1) + "="
    others = {
        "a space": members["seal.json"] + b" ",
        "an indent": json.dumps(seal, indent=1, sort_keys=True).encode(),
        "a member more": offline.canonical(seal | {"note": "sworn"}),
        "a member more in the receipt": offline.canonical(seal | {"receipt": receipt | {"note": "sworn"}}),
        "a commitment": offline.canonical(seal | {"receipt": receipt | {"commitment": {}}}),
        "another form of one hash": offline.canonical(
            seal | {"receipt": receipt | {"inclusionProof": nudged}}
        ),
        "one proof more": offline.canonical(seal | {"consistency": [*seal["consistency"], []]}),
        "one proof less": offline.canonical(seal | {"consistency": seal["consistency"][1:]}),
        "a signature more": offline.canonical(
            seal | {"receipt": receipt | {"checkpoint": receipt["checkpoint"] + "— x AAAAAAAA\n"}}
        ),
        "a word more": offline.canonical(
            seal | {"receipt": receipt | {"checkpoint": receipt["checkpoint"].removesuffix("\n") + " x\n"}}
        ),
        "a line more": offline.canonical(
            seal | {"receipt": receipt | {"checkpoint": receipt["checkpoint"] + "x\n"}}
        ),
        "no line end": offline.canonical(
            seal | {"receipt": receipt | {"checkpoint": receipt["checkpoint"].removesuffix("\n")}}
        ),
    }
    assert offline.canonical(seal) == members["seal.json"]
    for name, changed in others.items():
        assert refused(offline_pack.zip_bytes(members | {"seal.json": changed}), scene.vkey), name


def test_members_of_another_good_pack_do_not_fit(scene: Scene) -> None:
    mine, other = (
        members_of(scene.pack("--response", str(file), name=f"{file.stem}.zip"))
        for file in (scene.answer, scene.fields)
    )
    for name in mine:
        if mine[name] != other[name]:
            assert refused(offline_pack.zip_bytes(mine | {name: other[name]}), scene.vkey), name
    both = {"manifest.json": other["manifest.json"], "seal.json": other["seal.json"]}
    assert "altered" in refused(offline_pack.zip_bytes(mine | both), scene.vkey)


def test_one_altered_bit_anywhere_in_a_pack_is_found(scene: Scene) -> None:
    raw = scene.pack("--response", str(scene.answer)).read_bytes()
    chosen = random.Random(7)
    places = [
        *range(40),
        *range(len(raw) - 1400, len(raw), 7),
        *(chosen.randrange(len(raw)) for _ in range(200)),
    ]
    for place in places:
        bad = bytearray(raw)
        bad[place] ^= 1 << chosen.randrange(8)
        refused(bytes(bad), scene.vkey)
    for cut in (0, 3, 100, len(raw) // 2, len(raw) - 1):
        file = scene.folder / "cut.zip"
        file.write_bytes(raw[:cut])
        assert packed_verifier(scene, file)[0] == 1
    refused(raw + b"x", scene.vkey)
    refused(b"x" + raw, scene.vkey)


def compressed(members: dict[str, bytes], **more: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", more.get("compression", zipfile.ZIP_STORED)) as archive:
        archive.comment = more.get("comment", b"")
        for name, data in [*sorted(members.items()), *more.get("again", ())]:
            archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_files_of_any_other_making_are_refused_before_anything_is_unpacked(scene: Scene) -> None:
    members = members_of(scene.pack("--response", str(scene.answer)))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bytes(50_000_000))
    hostile = {
        "a bomb": bomb.getvalue(),
        "another writer": compressed(members),
        "a comment": compressed(members, comment=b"read me"),
        "a name twice": compressed(members, again=[("README.md", b"other")]),
        "no members": offline_pack.zip_bytes({}),
        "nothing": b"",
    }
    for name in (
        "../up",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        ".hidden",
        "a\\b",
        "C:x",
        "策略",
        "a/b/c",
        "x" * 300,
        "a\n",
    ):
        hostile[name] = offline_pack.zip_bytes(members | {name: b"x"})
    many = {f"policy/{number}": b"" for number in range(5000)}
    hostile["too many members"] = offline_pack.zip_bytes(members | many)
    for name, raw in hostile.items():
        assert refused(raw, scene.vkey), name
        file = scene.folder / "hostile.zip"
        file.write_bytes(raw)
        assert packed_verifier(scene, file)[0] == 1, name


def test_cosignatures_count_only_from_the_witness_that_is_named(scene: Scene) -> None:
    pack = scene.pack("--response", str(scene.answer), "--tiles", str(scene.tiles))
    stranger = CosignKey(WITNESS.name, bytes([1]) * 32)
    for key in (stranger, CosignKey("w2.example", bytes(32))):
        code, said = packed_verifier(
            scene, pack, "--witness", str(WITNESS.verifier), "--witness", str(key.verifier)
        )
        assert code == 1
        assert "not cosigned" in said
    assert "not cosigned" in refused(
        scene.pack("--response", str(scene.answer), name="own.zip").read_bytes(),
        scene.vkey,
        str(WITNESS.verifier),
    )


def test_a_pack_does_not_verify_under_the_key_of_another_log(scene: Scene) -> None:
    raw = scene.pack("--response", str(scene.answer)).read_bytes()
    name, _, key = scene.vkey.split("+", 2)
    other = base64.b64decode(key)[:-1] + b"\0"
    digits = hashlib.sha256(name.encode() + b"\n" + other).hexdigest()[:8]
    assert "not signed by this key" in refused(raw, f"{name}+{digits}+{base64.b64encode(other).decode()}")


def test_an_altered_response_is_not_packed_and_nothing_is_written_or_logged(scene: Scene) -> None:
    bad = scene.folder / "bad.json"
    bad.write_text(scene.answer.read_text(encoding="utf-8").replace("37037.01", "1.00"), encoding="utf-8")
    before = scene.shell.count("log_entry")
    ran = scene.shell("evidence", "pack", "--response", str(bad), "--out", str(scene.folder / "none.zip"))
    assert ran.code == 2
    assert not (scene.folder / "none.zip").exists()
    assert scene.shell.count("log_entry") == before


def test_nothing_is_overwritten_and_an_entry_or_a_response_must_be_given(scene: Scene) -> None:
    taken = scene.folder / "taken"
    taken.write_bytes(b"mine")
    for arguments in (
        ("pack", "--entry", "1", "--out", str(taken)),
        ("pack", "--out", str(scene.folder / "new.zip")),
        ("pack", "--entry", "1", "--response", str(scene.answer), "--out", str(scene.folder / "new.zip")),
        ("pack", "--response", str(taken), "--out", str(scene.folder / "new.zip")),
        ("redact", str(scene.fields), "--keep", "/data", "--out", str(taken)),
        ("redact", str(scene.answer), "--keep", "/data", "--out", str(scene.folder / "new.json")),
    ):
        assert scene.shell("evidence", *arguments).code == 2, arguments
    assert taken.read_bytes() == b"mine"
    assert not list(scene.folder.glob("new.*"))


def test_an_entry_that_is_not_published_yet_is_refused_with_the_published_folder(scene: Scene) -> None:
    scene.shell.done("audit", "list")
    newest = json.loads(scene.shell.done("audit", "list", "--json", "--limit", "1"))["index"]
    out = str(scene.folder / "new.zip")
    ran = scene.shell("evidence", "pack", "--entry", str(newest), "--tiles", str(scene.tiles), "--out", out)
    assert ran.code == 2
    assert "not published" in ran.err
    assert packed_verifier(scene, scene.pack("--entry", str(newest)))[0] == 0


def test_the_proof_in_a_pack_holds_by_a_check_written_for_this_test(scene: Scene) -> None:
    """RFC 6962 by recursion, Ed25519 by the library, and the leaf from the pack: nothing of the hub's code."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    receipt = json.loads(
        members_of(scene.pack("--response", str(scene.fields), "--tiles", str(scene.tiles)))["receipt.json"]
    )
    text, _, lines = receipt["checkpoint"].partition("\n\n")
    origin, size, root = text.split("\n")
    path = [base64.b64decode(h) for h in receipt["inclusionProof"]]

    def fold(index: int, count: int, siblings: list[bytes]) -> bytes:
        if count == 1:
            assert not siblings
            return hashlib.sha256(b"\0" + receipt["entry"].encode()).digest()
        half = 1 << ((count - 1).bit_length() - 1)
        *below, sibling = siblings
        if index < half:
            return hashlib.sha256(b"\1" + fold(index, half, below) + sibling).digest()
        return hashlib.sha256(b"\1" + sibling + fold(index - half, count - half, below)).digest()

    assert fold(receipt["index"], int(size), path) == base64.b64decode(root)
    key = base64.b64decode(scene.vkey.split("+", 2)[2])[1:]
    (signature,) = [line.split(" ")[2] for line in lines.splitlines() if line.startswith(f"— {origin} ")]
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature)[4:], (text + "\n").encode())


def test_a_field_that_was_kept_holds_by_a_check_written_for_this_test(scene: Scene) -> None:
    part = scene.folder / "part.json"
    scene.shell.done(
        "evidence", "redact", str(scene.fields), "--keep", "/data/organization/name", "--out", str(part)
    )
    document, whole = json.loads(part.read_bytes()), json.loads(scene.fields.read_bytes())
    ((salt, pointer, value),) = document["fields"]
    master = bytes.fromhex(whole["extensions"]["receipt"]["commitment"]["salt"])
    assert salt == hmac.new(master, pointer.encode(), "sha256").digest()[:16].hex()
    text = json.dumps([salt, pointer, value], ensure_ascii=False, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() in document["digests"]
    joined = b"credit-hub-fields/1\n" + b"".join(bytes.fromhex(d) for d in sorted(document["digests"]))
    assert (
        hashlib.sha256(joined).hexdigest()
        == json.loads(document["extensions"]["receipt"]["entry"])["commitment"]
    )
    assert master.hex() not in part.read_text(encoding="utf-8")


def test_a_line_of_an_export_holds_nothing_beside_what_is_proven(scene: Scene) -> None:
    *subjects, last = [json.loads(line) for line in scene.lines.read_bytes().splitlines()]
    said: dict[str, list[dict[str, Any]]] = {
        "as it came": [*subjects, last],
        "data beside the receipt": [*subjects, {**last, "data": {"organizations": []}}],
        "a note on a subject": [{**subjects[0], "note": "sworn"}, *subjects[1:], last],
        "no errors stated": [*subjects, {key: last[key] for key in ("root", "extensions")}],
    }
    file = scene.folder / "forged.ndjson"
    for name, lines in said.items():
        file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
        code, told = packed_verifier(scene, file)
        assert (code == 0) == (name == "as it came"), (name, told)


def test_a_proof_that_a_witness_must_have_cosigned_fails_without_its_cosignature(scene: Scene) -> None:
    proof = scene.folder / "proof.json"
    proof.write_text(scene.shell.done("audit", "proof", "1"), encoding="utf-8")
    scene.shell.done("verify", str(proof))
    ran = scene.shell("verify", str(proof), "--witness", str(WITNESS.verifier))
    assert (ran.code, "not cosigned" in ran.out) == (1, True), ran
    arguments = ("audit", "proof", "1", "--tiles", str(scene.tiles))
    proof.write_text(scene.shell.done(*arguments), encoding="utf-8")
    said = scene.shell.done("verify", str(proof), "--witness", str(WITNESS.verifier))
    assert "cosigned by w1.example" in said


def test_nothing_is_logged_where_the_folder_for_a_pack_is_not_there(scene: Scene) -> None:
    before = scene.shell.count("log_entry")
    ran = scene.shell("evidence", "pack", "--entry", "1", "--out", str(scene.folder / "none" / "p.zip"))
    assert (ran.code, "no such folder" in ran.err) == (2, True), ran
    assert scene.shell.count("log_entry") == before
