"""Verifies an evidence pack, offline; also what `offline.py` beside it verifies.

    python verify.py FILE VERIFIER-KEY... [--witness VERIFIER-KEY]...

This file and `offline.py` stand alone, to be read in one sitting: standard library, and `cryptography` for signatures.
An evidence pack is a ZIP of one fixed layout, nothing in it compressed. `seal.json` proves that an entry of the log
names the hash of `manifest.json`, and that names the hash of every other member: none can be exchanged.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING or __name__ != "__main__":
    from hub.audit import offline
else:  # alone: `offline.py` as it stands beside it; an `import` could find other code in the folder
    offline = ModuleType("offline")
    try:
        exec((Path(__file__).parent / "offline.py").read_bytes(), vars(offline))  # noqa: S102
    except OSError:
        print("ERR offline.py must stand beside this file")
        sys.exit(2)

PACK = "credit-hub-evidence/1"
MAX_PACK, MAX_MEMBERS = 64 << 20, 4096
MEMBER = re.compile(r"(\w[\w.-]{0,99}/)?\w[\w.-]{0,99}", re.ASCII)


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """The one ZIP that holds these members: in order of their names, stored, of 1980, with nothing else."""
    files, directory, at = [], [], 0
    for name, data in sorted(members.items()):
        head = struct.pack("<5H3I2H", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
        files += [b"PK\x03\x04", head, name.encode(), data]
        directory += [b"PK\x01\x02\x14\0", head, struct.pack("<3H2I", 0, 0, 0, 0, at), name.encode()]
        at += 30 + len(name) + len(data)
    size, count = sum(map(len, directory)), len(members)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, size, at, 0)
    return b"".join((*files, *directory, end))


def read_zip(raw: bytes) -> dict[str, bytes]:
    """The members of such a ZIP; any other is refused, so nothing can hide or unfold in it."""
    members: dict[str, bytes] = {}
    at = 0
    while raw[at : at + 4] == b"PK\x03\x04":
        size, length = (int.from_bytes(raw[at + i : at + j], "little") for i, j in ((22, 26), (26, 28)))
        name = raw[at + 30 : at + 30 + length].decode()
        offline.require(MEMBER.fullmatch(name) is not None, "a member's name is not allowed")
        at += 30 + length + size
        members[name] = raw[at - size : at]
        offline.require(at <= MAX_PACK and len(members) <= MAX_MEMBERS, "the pack is too large")
    offline.require(zip_bytes(members) == raw, "the pack is not a ZIP of the one layout that is allowed")
    return members


def check_policy(members: dict[str, bytes], entry: offline.Json, absent: offline.Json) -> str:
    """Check that the policy's text is the revision that the entry names."""
    files = {name[7:]: data for name, data in sorted(members.items()) if name.startswith("policy/")}
    if not files and (not entry["policy"] or "policy" in absent):
        return "    策略 policy: its text is not in the pack"
    text = b"".join(f"{name}\n{len(data)}\n".encode() + data for name, data in files.items())
    same = f"sha256:{hashlib.sha256(text).hexdigest()}" == entry["policy"]
    offline.require(same, "the policy is missing, or not the one that the entry names")
    return f"ok  策略 policy: {len(files)} files, the revision that the entry names"


def check_consents(
    members: dict[str, bytes], entry: offline.Json, absent: offline.Json, say: offline.Say
) -> None:
    """Check that the consents that disclosures rest on are signed, and were given for what the entry records."""
    jwks = offline.read_json(members["keys/public.json"])["keys"]
    keys = {jwk["kid"]: jwk["x"] for jwk in jwks if jwk["purpose"] == "consent"}
    shown = [part for part in entry["subjects"] if part["outcome"] == "DISCLOSED" and part["basis"]]
    for part, basis in ((part, part["basis"]) for part in shown if part["basis"].get("consent")):
        name = f"consent/{basis['consent']}.json"
        if name in absent:
            say(f"    授权 {name} is not in the pack")
            continue
        consent = offline.read_json(members[name])
        signature = consent.pop("signature")
        key, value = (
            base64.urlsafe_b64decode(t + "==") for t in (keys[signature["kid"]], signature["value"])
        )
        offline.check_signature(key, value, b"credit-hub/consent/v1\n" + offline.canonical(consent), name)
        about = consent.get("grantor") or consent["about"]  # who consents; an emergency grant is not its own
        parties = about["subject"], consent["grantee"]["institution"], consent["purpose"]["code"]
        asked = part["subject"], entry["institution"], part.get("purpose", entry["purpose"])
        named = (consent["id"], consent["version"]) == (basis["consent"], basis["consentVersion"])
        valid = consent["validFrom"] <= entry["at"] < consent["validTo"]
        offline.require(
            named and valid and parties == asked, f"{name} was not given for what the entry records"
        )
        say(f"ok  授权 {name}: signed, and given for this subject, recipient, purpose and time")


def verify_pack(
    raw: bytes, vkey: str, say: offline.Say = print, witnesses: Sequence[str] = ()
) -> offline.Json:
    """Check an evidence pack; says each step, and gives the log entry. Raises NotVerifiedError."""
    try:
        members = read_zip(raw)
        manifest, seal = offline.read_json(members["manifest.json"]), offline.read_json(members["seal.json"])
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
        own, _ = hashes.pop("manifest.json"), hashes.pop("seal.json")
        known = manifest["format"] == PACK and manifest["members"] == hashes
        offline.require(known, "a member is altered, missing or not in the manifest")
        say(f"ok  清单 manifest: {len(hashes)} members, none altered, missing or added")
        told, index = offline.check_receipt(seal["receipt"], vkey, lambda _: None), seal["receipt"]["index"]
        named = (told["operation"], told["detail"].get("manifest")) == ("evidence.pack", own)
        offline.require(named, "the log does not know this manifest")
        lines = seal["receipt"]["checkpoint"].rpartition("\n\n")[2]
        plain = offline.canonical(seal) == members["seal.json"] and len(seal) == 2
        plain &= seal["receipt"]["commitment"] is None and lines.count("\n") == 1
        offline.require(plain, "the seal is not as the hub makes it")
        say(f"ok  封印 seal: entry {index} of the log names this manifest; made by {told['caller']}")
        receipts = [offline.read_json(members["receipt.json"])]
        entry = offline.check_receipt(receipts[0], vkey, say)
        for name in (offline.check_witness(receipts[0]["checkpoint"], witness) for witness in witnesses):
            say(f"ok  见证 cosigned by {name}")
        for name in sorted({"response.json", "response.ndjson"} & members.keys()):
            response = offline.read_response(members[name])
            offline.require(offline.verify(response, vkey, say) == entry, "the response has another entry")
            receipts.append(response["extensions"]["receipt"])
        *trees, sealed = (
            offline.check_checkpoint(r["checkpoint"], vkey) for r in (*receipts, seal["receipt"])
        )
        for tree, proof in zip(trees, seal["consistency"], strict=True):
            offline.check_consistency(tree, sealed, [offline.base64_bytes(text) for text in proof])
        say("ok  一致 consistency: all checkpoints in the pack are of one log")
        say(check_policy(members, entry, manifest["absent"]))
        check_consents(members, entry, manifest["absent"], say)
        say(offline.describe(entry))
        return entry
    except offline.MALFORMED as error:
        raise offline.NotVerifiedError("the pack is not well formed, or a member is missing") from error


def verify_saved(path: Path, vkey: str, say: offline.Say = print, witnesses: Sequence[str] = ()) -> None:
    """Check a pack or a saved response. Raises NotVerifiedError, or one of MALFORMED where it cannot be read."""
    with path.open("rb") as file:
        zipped = path.suffix == ".zip" or file.read(2) == b"PK"
    if not zipped:
        offline.verify_response(path, vkey, say, witnesses)
        return
    with path.open("rb") as file:
        raw = file.read(MAX_PACK + 1)
    offline.require(len(raw) <= MAX_PACK, "the pack is too large")
    verify_pack(raw, vkey, say, witnesses)


def verify_file(path: Path, vkey: str, say: offline.Say = print, witnesses: Sequence[str] = ()) -> int:
    """The same: 0 when all holds, 1 when something does not, 2 when it cannot be read; says which."""
    return offline.outcome(lambda: verify_saved(path, vkey, say, witnesses), say)


if __name__ == "__main__":
    sys.exit(offline.main(verify_saved, (__doc__ or "").split("\n")[0]))
