"""Verifies what the hub gave out, offline: a saved response, or a partial disclosure of one.

    python offline.py FILE VERIFIER-KEY... [--witness VERIFIER-KEY]...

This file stands alone, to be read in one sitting and copied: standard library, and `cryptography` for signatures (the
one place outside `hub.keys` that imports it). It shares no code with the hub it checks. Evidence packs and archives of
the log hold it beside a `verify.py` that checks them with it (`hub.audit.offline_pack`, `hub.audit.offline_archive`).
A response is the JSON that was received, or the lines of an export (NDJSON), whose last one holds the receipt. Checked
are
1. the checkpoint: a C2SP signed note (https://c2sp.org/signed-note), signed by the log's key (Ed25519);
2. the inclusion proof: the receipt's log entry stands in the tree that the checkpoint signs (RFC 9162, 2.1.3.2);
3. the commitment in the entry: SHA-256(salt || canonical answer), the answer being `{"data", "disclosure", "errors"}`;
   or by field, over the sorted digests of its leaves, each the SHA-256 of canonical `[salt, JSON pointer, value]`, as
   in SD-JWT (RFC 9901, 4.2). A partial disclosure holds all digests, but salt and value of some leaves only.
All this proves what the hub recorded and gave out, not that the data are true.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT, PARTIAL = "credit-hub-receipt/1", "credit-hub-partial/1"
ALGORITHM = "sha256-salted-answer/1"
FIELDS_ALGORITHM = "sha256-salted-fields/1"
VKEY = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+([0-9A-Za-z+/]{44}|[0-9A-Za-z+/]{1751}=)")
ED25519, MLDSA44 = 32, 1312  # length of a public key in bytes
MALFORMED = (
    ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RecursionError, TypeError, ValueError,
)  # fmt: skip
Say = Callable[[str], None]
Json = dict[str, Any]
Checkpoint = tuple[str, int, bytes]  # origin, size and root


class NotVerifiedError(Exception):
    """A check failed; the message says which."""


def require(condition: bool, message: str) -> None:
    """Raise unless the condition holds."""
    if not condition:
        raise NotVerifiedError(message)


def canonical(value: Any) -> bytes:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def base64_bytes(text: str) -> bytes:
    """Standard base64 in its one form."""
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "a text is not proper base64")
    return data


def check_signature(public_key: bytes, signature: bytes, message: bytes, what: str) -> None:
    """Check a signature: Ed25519 (RFC 8032), or ML-DSA-44 (FIPS 204)."""
    try:
        if len(public_key) == MLDSA44:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

            MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
        else:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        raise NotVerifiedError(f"the signature on {what} is not good") from None
    except (ImportError, UnsupportedAlgorithm):
        raise NotVerifiedError(
            f"the `cryptography` that is installed cannot check {what}: update it"
        ) from None


def read_note(note: str, vkey: str, algorithms: dict[int, int]) -> tuple[bytes, list[bytes], str]:
    """Public key and signatures of a verifier key of one of these algorithms, and the text signed.

    Algorithms are bytes of c2sp.org/signed-note with the length of their keys.
    """
    require(VKEY.fullmatch(vkey) is not None, "a verifier key is cut off, or none")
    name, key_id, encoded = vkey.split("+", 2)
    key = base64_bytes(encoded)
    require(algorithms.get(key[0]) == len(key) - 1, "the verifier key is one of another algorithm")
    own = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    require(key_id == own, "the verifier key does not match its own hash")
    text, _, lines = note.rpartition("\n\n")
    require(lines.endswith("\n"), "the checkpoint is not a signed note")
    start = f"— {name} "
    blobs = [base64_bytes(line[len(start) :]) for line in lines.split("\n") if line.startswith(start)]
    return key[1:], [blob[4:] for blob in blobs if blob[:4].hex() == key_id], text + "\n"


def check_checkpoint(note: str, vkeys: str) -> Checkpoint:
    """A checkpoint that one of these keys signed (verifier keys, blanks between them)."""
    read = [read_note(note, vkey, {1: ED25519}) for vkey in vkeys.split()]
    require(any(values for _, values, _ in read), "the checkpoint is not signed by this key")
    for key, value, text in ((key, value, text) for key, values, text in read for value in values):
        check_signature(key, value, text.encode(), "the checkpoint")
    origin, size, root = note.split("\n")[:3]
    require(bool(origin) and size.isascii() and size.isdecimal(), "the signed note is not a checkpoint")
    return origin, int(size), base64_bytes(root)


def cosigned_message(key: bytes, witness: str, time: bytes, text: str) -> bytes:
    """What a witness signs (c2sp.org/tlog-cosignature): the text, or with ML-DSA a structure of its three lines."""
    if len(key) != MLDSA44:
        return f"cosignature/v1\ntime {int.from_bytes(time, 'big')}\n{text}".encode()
    origin, size, root, *more = text.split("\n")
    require(more == [""] and str(int(size)) == size, "the checkpoint has more than three lines")
    names = [bytes([len(name)]) + name for name in (witness.encode(), origin.encode())]
    span = bytes(8) + int(size).to_bytes(8, "big") + base64_bytes(root)
    return b"subtree/v1\n\0" + names[0] + time + names[1] + span


def check_witness(note: str, vkey: str) -> str:
    """Name of a witness that cosigned a checkpoint, and when last."""
    witness = vkey.partition("+")[0]
    key, values, text = read_note(note, vkey, {4: ED25519, 6: MLDSA44})
    length = 8 + (2420 if len(key) == MLDSA44 else 64)
    signed = bool(values) and all(len(value) == length for value in values)
    require(signed, f"the checkpoint is not cosigned by {witness}")
    for value in values:
        message = cosigned_message(key, witness, value[:8], text)
        check_signature(key, value[8:], message, f"the cosignature of {witness}")
    seconds = max(int.from_bytes(value[:8], "big") for value in values)
    require(seconds < 1 << 37, f"the cosignature of {witness} states a time that is none")
    at = datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else "a time that it does not state"
    return f"{witness} at {at}"


def climb(position: int, last: int, first: bytes, second: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """Fold a proof from a node upwards: with the siblings on its left, and with all of them."""

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    for sibling in proof:
        require(last > 0, "a proof is too long")
        if position % 2 == 1 or position == last:
            first, second = node(sibling, first), node(sibling, second)
            while position % 2 == 0 and position > 0:
                position, last = position // 2, last // 2
        else:
            second = node(second, sibling)
        position, last = position // 2, last // 2
    require(last == 0, "a proof is too short")
    return first, second


def check_consistency(old: Checkpoint, new: Checkpoint, proof: list[bytes]) -> None:
    """Check that the tree of one checkpoint is the beginning of another's (RFC 9162, 2.1.4.2)."""
    (origin, size, root), (new_origin, new_size, new_root) = old, new
    require(origin == new_origin and 0 < size <= new_size, "the checkpoints are not of one log")
    if size == new_size:
        require(root == new_root and not proof, "two checkpoints of one size differ")
        return
    path = [root, *proof] if size & (size - 1) == 0 else proof
    position, last = size - 1, new_size - 1
    while position % 2 == 1:
        position, last = position // 2, last // 2
    found = climb(position, last, path[0], path[0], path[1:])
    require(found == (root, new_root), "the newer log does not continue the older one")


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """JSON pointer (RFC 6901) and value of each leaf; a list is one too, with its length."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        yield pointer, [len(value)]
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{pointer}/{number}")
    else:
        yield pointer, value


def digest(*leaf: Any) -> bytes:
    """Digest of salt, pointer and value of a leaf."""
    return hashlib.sha256(canonical(leaf)).digest()


def commit_digests(digests: Iterable[bytes]) -> str:
    """What an entry commits to by field."""
    return hashlib.sha256(b"credit-hub-fields/1\n" + b"".join(sorted(digests))).hexdigest()


def check_commitment(entry: Json, commitment: Any, response: Json, _: Say) -> str:
    """Check that the entry commits to the answer; says what that covers."""
    extensions, data = response["extensions"], response.get("data")
    known = {*response} <= {"data", "errors", "extensions"} and {*extensions} <= {"disclosure", "receipt"}
    require(known, "the response holds more than the hub sends")
    if not entry["commitment"]:
        require(commitment is data is None, "the entry says nothing was disclosed, but there are data")
        return "nothing was disclosed; what the errors say is not in the log"
    answer = {"data": data, "disclosure": extensions.get("disclosure"), "errors": response.get("errors", [])}
    algorithm, salt = commitment["algorithm"], bytes.fromhex(commitment["salt"])
    require((len(commitment), len(salt)) == (2, 32), "the commitment is not as the hub makes it")
    if algorithm == ALGORITHM:
        found = hashlib.sha256(salt + canonical(answer)).hexdigest()
    else:
        require(algorithm == FIELDS_ALGORITHM, "the commitment is of an unknown kind")
        salts = ((hmac.new(salt, p.encode(), "sha256").hexdigest()[:32], p, v) for p, v in leaves(answer))
        found = commit_digests(digest(*leaf) for leaf in salts)
    require(
        found == entry["commitment"], "the data, notes or errors are not those that the log entry commits to"
    )
    return "data, disclosure notes and errors are those the entry commits to"


def check_partial(entry: Json, commitment: Any, partial: Json, say: Say) -> str:
    """Check the leaves that a partial disclosure shows; says how many."""
    known = partial.keys() == {"format", "extensions", "fields", "digests"}
    known &= len(partial["extensions"]) == 1 and commitment == {"algorithm": FIELDS_ALGORITHM}
    require(known, "the partial disclosure is of an unknown kind")
    digests, fields = {bytes.fromhex(text) for text in partial["digests"]}, partial["fields"]
    plain = [d.hex() for d in sorted(digests)] == partial["digests"] and {len(d) for d in digests} == {32}
    require(plain, "the digests are not well formed, or not in order")
    require(commit_digests(digests) == entry["commitment"], "the digests are not those of the log entry")
    require(len({pointer for _, pointer, _ in fields}) == len(fields), "a field is shown twice")
    for salt, pointer, value in fields:
        require(digest(salt, pointer, value) in digests, "a field is not as the log entry commits to")
        told = f"a list of {value[0]}" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
        line = f"    {pointer} = {told}"
        say(line if line.isprintable() else ascii(line))
    return f"{len(fields)} of {len(digests)} leaves are shown, and are those the entry commits to"


def check_receipt(receipt: Json, vkey: str, say: Say) -> Json:
    """The entry that a receipt proves to be in the log (RFC 9162, 2.1.3.2)."""
    require(receipt["format"] == FORMAT and len(receipt) == 7, "the receipt is of an unknown format")
    origin, size, root = check_checkpoint(receipt["checkpoint"], vkey)
    say(f"ok  checkpoint of {origin}: {size} entries, signed by {vkey.split('+')[0]}")
    index, told, body = receipt["index"], receipt["treeSize"], receipt["entry"].encode()
    require(type(index) is type(told) is int and told == size, "the tree size is not the checkpoint's")
    require(0 <= index < size, "the entry's index lies outside the tree")
    leaf = hashlib.sha256(b"\x00" + body).digest()
    proof = [base64_bytes(text) for text in receipt["inclusionProof"]]
    inside = climb(index, size - 1, leaf, leaf, proof)[1] == root
    require(inside, "the entry is not in the tree that the checkpoint signs")
    say(f"ok  entry {index} stands in that log")
    entry: Json = read_json(body)
    return entry


def verify(response: Json, vkey: str, say: Say = print) -> Json:
    """Check a response; says each step, and gives the log entry. Raises NotVerifiedError."""
    try:
        receipt = response["extensions"]["receipt"]
        entry = check_receipt(receipt, vkey, say)
        check = check_partial if response.get("format") == PARTIAL else check_commitment
        say(f"ok  {check(entry, receipt['commitment'], response, say)}")
        say(describe(entry))
        return entry
    except MALFORMED as error:
        raise NotVerifiedError("the response holds no well-formed receipt") from error


def describe(entry: Json) -> str:
    """One line of what the entry says."""
    at = datetime.fromtimestamp(entry["at"] / 1000, UTC).isoformat(timespec="milliseconds")
    subjects = ", ".join(str(part["subject"]) for part in entry["subjects"]) or "no subject"
    return f"    {at} {entry['caller']} {entry['purpose']} {entry['outcome']} {subjects}"


def read_json(text: str | bytes) -> Any:
    """JSON without doubled keys or fractions, which two readers could take differently."""

    def pairs(items: list[tuple[str, Any]]) -> Json:
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
    known = last.keys() == {"root", "errors", "extensions"}
    known &= all(subject.keys() <= {"index", "data", "errors"} for subject in subjects)
    require(known, "a line holds more than the hub sends")
    numbers = [subject.get("index") for subject in subjects]
    require(numbers == list(range(len(subjects))), "a line is missing, doubled or out of order")
    data = {last["root"]: [subject["data"] for subject in subjects]}
    return {"data": data, "errors": last["errors"], "extensions": last["extensions"]}


def check_witnesses(note: str, witnesses: Sequence[str], say: Say) -> None:
    """Check that all these witnesses cosigned a checkpoint."""
    for name in [check_witness(note, witness) for witness in witnesses]:
        say(f"ok  见证 cosigned by {name}")


def verify_response(path: Path, vkey: str, say: Say = print, witnesses: Sequence[str] = ()) -> None:
    """Check a saved response. Raises NotVerifiedError, or one of MALFORMED where it cannot be read."""
    raw = path.read_bytes()
    require(raw[:2] != b"PK", "this is an evidence pack: the verify.py in it checks it")
    response = read_response(raw)
    verify(response, vkey, say)
    check_witnesses(response["extensions"]["receipt"]["checkpoint"], witnesses, say)


def outcome(check: Callable[[], object], say: Say = print) -> int:
    """Run a check: 0 when all holds, 1 when something does not, 2 when the file cannot be read."""
    try:
        check()
        return 0
    except (NotVerifiedError, *MALFORMED) as error:
        bad = isinstance(error, NotVerifiedError)
        say(f"BAD {error}" if bad else "ERR the file cannot be opened, or is no JSON, or broke off")
        return 1 if bad else 2


def main(check: Callable[[Path, str, Say, Sequence[str]], object], about: str) -> int:
    """Do what the command line asks for, with one of the checks."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a console that has no Chinese
    usage = ArgumentParser(description=about)
    usage.add_argument("file", type=Path)
    usage.add_argument("key", nargs="+", help="verifier key of the log")
    usage.add_argument("--witness", action="append", default=[], help="verifier key of a witness")
    asked = usage.parse_intermixed_args()
    return outcome(lambda: check(asked.file, " ".join(asked.key), print, asked.witness))


if __name__ == "__main__":
    sys.exit(main(verify_response, (__doc__ or "").split("\n")[0]))
