"""Verifies a saved response of the hub offline: `hub verify FILE`, or `python offline.py FILE VKEY`.

This file stands alone, to be read in one sitting and copied: standard library, and `cryptography` for
Ed25519 (the one place outside `hub.keys` that imports it). It shares no code with the hub it checks.

A response file is the JSON that was received: `data`, and the receipt under `extensions.receipt`; or the lines of
an export (NDJSON), whose last one holds the receipt. Checked are
1. the checkpoint: a C2SP signed note (https://c2sp.org/signed-note), signed by the log's key (Ed25519);
2. the inclusion proof: the receipt's log entry stands in the tree that the checkpoint signs (RFC 9162, 2.1.3.2);
3. the commitment: SHA-256(salt || canonical data) is the one in the entry, where canonical data is
   `json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` in UTF-8.
It proves what the hub recorded and gave out, not that the data are true.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "credit-hub-receipt/1"
ALGORITHM = "sha256-salted-answer/1"


class NotVerifiedError(Exception):
    """A check failed; the message says which."""


def require(condition: bool, message: str) -> None:
    """Raise unless the condition holds."""
    if not condition:
        raise NotVerifiedError(message)


def base64_bytes(text: str) -> bytes:
    """Standard base64, with nothing else in it."""
    return base64.b64decode(text, validate=True)


def read_vkey(vkey: str) -> tuple[str, bytes, bytes]:
    """Name, key id and public key of a verifier key `name+8 hex digits+base64`."""
    name, key_id, encoded = vkey.strip().split("+", 2)
    key = base64_bytes(encoded)
    require(bool(name) and len(key) == 33 and key[0] == 1, "the verifier key is not an Ed25519 key")
    expected = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    require(key_id == expected, "the verifier key does not match its own hash")
    return name, bytes.fromhex(key_id), key[1:]


def check_checkpoint(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint, once its signature holds."""
    name, key_id, public_key = read_vkey(vkey)
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    prefix = f"— {name} "
    blobs = [
        base64_bytes(line.removeprefix(prefix)) for line in lines.splitlines() if line.startswith(prefix)
    ]
    signatures = [blob[4:] for blob in blobs if blob[:4] == key_id]
    require(bool(signatures), "the checkpoint is not signed by this key")
    for signature in signatures:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text.encode())
        except InvalidSignature:
            raise NotVerifiedError("the signature on the checkpoint is not good") from None
    origin, size, root = text.split("\n")[:3]
    require(bool(origin) and size.isascii() and size.isdecimal(), "the signed note is not a checkpoint")
    return origin, int(size), base64_bytes(root)


def check_inclusion(entry: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    """Check that the entry stands at the index in the tree (RFC 9162, 2.1.3.2)."""
    require(0 <= index < size, "the entry's index lies outside the tree")
    value = hashlib.sha256(b"\x00" + entry).digest()
    position, last = index, size - 1
    for sibling in proof:
        require(last > 0, "the inclusion proof is too long")
        if position % 2 == 1 or position == last:
            value = hashlib.sha256(b"\x01" + sibling + value).digest()
            while position % 2 == 0 and position > 0:
                position, last = position // 2, last // 2
        else:
            value = hashlib.sha256(b"\x01" + value + sibling).digest()
        position, last = position // 2, last // 2
    require(last == 0 and value == root, "the entry is not in the tree that the checkpoint signs")


def check_commitment(
    entry: dict[str, Any], commitment: dict[str, Any] | None, response: dict[str, Any]
) -> bool:
    """Check that the entry commits to the answer; says whether there was anything to commit to."""
    data = response.get("data")
    if not entry["commitment"]:
        require(
            commitment is None and data is None, "the entry says nothing was disclosed, but there are data"
        )
        return False
    require(
        commitment is not None and commitment["algorithm"] == ALGORITHM,
        "the commitment is of an unknown kind",
    )
    answer = {
        "data": data,
        "disclosure": response["extensions"].get("disclosure"),
        "errors": response.get("errors") or [],
    }
    canonical = json.dumps(answer, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    salt = bytes.fromhex(commitment["salt"] if commitment else "")
    digest = hashlib.sha256(salt + canonical).hexdigest()
    require(
        digest == entry["commitment"], "the data, notes or errors are not those that the log entry commits to"
    )
    return True


def verify(response: dict[str, Any], vkey: str, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Check a response; says each step, and gives the log entry. Raises NotVerifiedError."""
    try:
        receipt = response["extensions"]["receipt"]
        require(receipt["format"] == FORMAT, "the receipt is of an unknown format")
        origin, size, root = check_checkpoint(receipt["checkpoint"], vkey)
        say(f"ok  checkpoint of {origin}: {size} entries, signed by {vkey.split('+')[0]}")
        require(receipt["treeSize"] == size, "the receipt's tree size is not the checkpoint's")
        body, index = receipt["entry"].encode(), receipt["index"]
        check_inclusion(body, index, size, [base64_bytes(h) for h in receipt["inclusionProof"]], root)
        say(f"ok  entry {index} stands in that log")
        entry: dict[str, Any] = read_json(body)
        covered = check_commitment(entry, receipt["commitment"], response)
        done = "ok  data, disclosure notes and errors are those the entry commits to"
        say(done if covered else "ok  nothing was disclosed")
        say(describe(entry))
        return entry
    except NotVerifiedError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise NotVerifiedError("the response holds no well-formed receipt") from error


def describe(entry: dict[str, Any]) -> str:
    """One line of what the entry says."""
    at = datetime.fromtimestamp(entry["at"] / 1000, UTC).isoformat(timespec="milliseconds")
    subjects = ", ".join(str(part["subject"]) for part in entry["subjects"]) or "no subject"
    return f"    {at} {entry['caller']} {entry['purpose']} {entry['outcome']} {subjects}"


def read_json(text: str | bytes) -> Any:
    """JSON without doubled keys or fractions, which two readers could take differently."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len(dict(items)) == len(items), "a key stands twice in one object")
        return dict(items)

    def fraction(number: str) -> Any:
        raise NotVerifiedError(f"the number {number} has no canonical form")

    return json.loads(text, object_pairs_hook=pairs, parse_float=fraction, parse_constant=fraction)


def read_response(raw: bytes) -> Any:
    """A saved response; one that came line by line (NDJSON) is put together: subjects first, the receipt last."""
    lines = raw.splitlines()
    if not lines or not lines[-1].startswith(b'{"root":'):
        return read_json(raw)
    *subjects, last = [read_json(line) for line in lines]
    said = [error for subject in subjects for error in subject.get("errors", ())]
    require(said == last["errors"], "a line's errors are not those that the last line states")
    known = {"index", "data", "errors"}
    require(all(subject.keys() <= known for subject in subjects), "a line holds more than the hub sends")
    numbers = [subject.get("index") for subject in subjects]
    require(numbers == list(range(len(subjects))), "a line is missing, doubled or out of order")
    found = [subject["data"] for subject in subjects]
    return {"data": {last["root"]: found}, "errors": last["errors"], "extensions": last["extensions"]}


def verify_file(path: Path, vkey: str, say: Callable[[str], None] = print) -> int:
    """Check a saved response: 0 when all holds, 1 when something does not, 2 when it cannot be read."""
    try:
        response = read_response(path.read_bytes())
    except OSError:
        say("ERR there is no such file, or it cannot be opened")
        return 2
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        say("ERR the file is not JSON, or an export that broke off")
        return 2
    except NotVerifiedError as error:
        say(f"BAD {error}")
        return 1
    try:
        verify(response, vkey, say)
    except NotVerifiedError as error:
        say(f"BAD {error}")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: offline.py FILE VERIFIER-KEY")
    sys.exit(verify_file(Path(sys.argv[1]), sys.argv[2]))
