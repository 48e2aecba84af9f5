"""Evidence packs: one entry of the log with everything that proves it, as one ZIP that outsiders can check.

- A pack holds the entry with an inclusion proof under a checkpoint (`receipt.json`), the saved response if there is
  one, the text of the policy that was in force, the consents that the disclosure rested on, the public keys with
  their history, the verifier itself, and a page that says how to use it.
- `manifest.json` lists every other member with its SHA-256. Making a pack is reading the log, so it leaves an entry,
  and that entry names the hash of the manifest. `seal.json` is the receipt of that entry: the log itself vouches that
  the pack is as it was made.
- The ZIP has one layout (`hub.audit.offline_pack.zip_bytes`): the same members give the same bytes, and no
  others verify.
- Of the values of fields it holds what the response holds, and nothing else; of keys the public halves alone.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from hub.audit import offline, offline_pack
from hub.audit.batch import Appended
from hub.audit.entry import EntryOutcome, read_body
from hub.audit.evidence_text import README
from hub.audit.merkle import Proof, leaf_hash
from hub.audit.receipt import receipt_json
from hub.errors import InputError, IntegrityError

OPERATION = "evidence.pack"
MANIFEST, SEAL, RECEIPT = "manifest.json", "seal.json", "receipt.json"
_ID_CHARS = 32
_FIND = "SELECT idx, body, leaf_hash FROM log_entry WHERE log_id = 0 AND "


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it lies in the log."""

    index: int
    body: bytes

    @property
    def data(self) -> Mapping[str, Any]:
        """What it says."""
        return read_body(self.body)


@dataclass(frozen=True)
class Material:
    """What goes into a pack."""

    entry: StoredEntry
    proof: Proof
    """Inclusion proof in the tree of the checkpoint."""
    tree_size: int
    checkpoint: str
    """Signed note; with cosignatures where it was published with them."""
    keys: Mapping[str, Any]
    """The public ring."""
    response: tuple[str, bytes] | None = None
    """Name in the pack, and the bytes as they were saved."""
    policy: Mapping[str, str] = field(default_factory=dict)
    consents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Signed artefacts by id."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """What the entry names and the pack does not hold, and why."""

    def members(self) -> dict[str, bytes]:
        """All members but manifest and seal."""
        entry_id = str(self.entry.data["id"])
        receipt = Appended(
            entry_id, self.entry.body, self.entry.index, self.tree_size, self.proof, self.checkpoint
        )
        found = {
            "README.md": README.encode(),
            "verify.py": Path(offline_pack.__file__).read_bytes(),
            "offline.py": Path(offline.__file__).read_bytes(),
            RECEIPT: receipt_json(receipt, None),
            "keys/public.json": _json(self.keys),
        }
        found |= {f"policy/{name}": text.encode() for name, text in self.policy.items()}
        found |= {f"consent/{consent}.json": _json(artefact) for consent, artefact in self.consents.items()}
        return found | dict([self.response] if self.response else [])

    def manifest(self) -> bytes:
        """The list of the members with their hashes."""
        hashes = {name: sha256(data).hexdigest() for name, data in self.members().items()}
        listed = {"format": offline_pack.PACK, "members": hashes, "absent": dict(self.absent)}
        return _json(listed | {"index": self.entry.index})

    def pack(self, sealed: Appended, consistency: Sequence[Proof]) -> bytes:
        """The ZIP.

        Args:
            sealed: the entry that names the manifest's hash, as the log took it.
            consistency: from the checkpoint of `receipt.json`, and from that of the response's receipt if there is one,
                to that of `sealed`.
        """
        seal = {
            "receipt": orjson.loads(receipt_json(sealed, None)),
            "consistency": [[b2a_base64(h, newline=False).decode() for h in proof] for proof in consistency],
        }
        return offline_pack.zip_bytes(
            self.members()
            | {MANIFEST: self.manifest(), SEAL: orjson.dumps(seal, option=orjson.OPT_SORT_KEYS)}
        )


async def stored_entry(connection: asyncpg.Connection, wanted: str) -> StoredEntry:
    """An entry by its index or its id.

    Raises:
        InputError: when there is none, or its body is withheld.
        IntegrityError: when it is not the one that the log took.
    """
    if len(wanted) == _ID_CHARS:
        row = await connection.fetchrow(f"{_FIND} entry_id = $1", wanted)
    elif wanted.isascii() and wanted.isdecimal() and len(wanted) < len(str(2**63)):
        row = await connection.fetchrow(f"{_FIND} idx = $1", int(wanted))
    else:
        row = None
    if row is None or row["body"] is None:
        raise InputError(
            "The log has no such entry, or it is withheld or archived.",
            hint="Look it up with `hub audit list`; of an archived one, use its archive or a saved response.",
            message_zh="日志中没有该条目，或该条目已封存、归档。",
        )
    if leaf_hash(row["body"]) != row["leaf_hash"]:
        raise IntegrityError(
            "The entry is not the one that the log took.", hint="Run `hub audit verify`; nothing was packed."
        )
    return StoredEntry(row["idx"], bytes(row["body"]))


def consents_named(entry: Mapping[str, Any]) -> Iterator[tuple[bytes, str, int]]:
    """Subject, id and version of each consent that a disclosure of the entry rests on."""
    for part in entry["subjects"]:
        basis = part["basis"] or {}
        if part["outcome"] == EntryOutcome.DISCLOSED and basis.get("consent"):
            subject = bytes.fromhex(part["subject"].removeprefix("sub_"))
            yield subject, basis["consent"], basis["consentVersion"]


def response_member(raw: bytes) -> tuple[str, bytes]:
    """A saved response as a member of a pack: one JSON document, or the lines of an export."""
    lines = raw.splitlines()
    return "response.ndjson" if lines and lines[-1].startswith(b'{"root":') else "response.json", raw


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
