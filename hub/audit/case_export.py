"""A review case as one file for outsiders: the case, what was written, and every entry with its proof.

- A ZIP of the layout of evidence packs (`hub.audit.offline_pack.zip_bytes`). `case.json` holds the case and its acts,
  each with text and salt; `entries/INDEX.json` an entry of the log as its exact bytes, those of the acts and those that
  the case is about; `proofs/INDEX.json` its inclusion proof under one checkpoint; `keys/public.json` the keys.
- `check_export` needs the log's key alone. It proves that every entry stands in the log, that the acts are those of the
  case without a gap up to the last that is shown, and that each text is the one whose digest the log has.
- Entries whose body was withheld are named in `case.json` and not in the file.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Any

import orjson

from hub.audit import offline, offline_pack, proofs
from hub.audit.case_text import Text
from hub.audit.cases import CaseFile
from hub.audit.entry import read_body, subject_ref
from hub.audit.merkle import leaf_hash, verify_inclusion
from hub.audit.note import verify_checkpoint
from hub.clock import to_millis
from hub.errors import IntegrityError, VerificationError
from hub.keys.note import NoteVerifier
from hub.store.database import Database

FORMAT = "credit-hub-case/1"
_BODIES = """
SELECT idx, entry_id, body FROM log_entry
WHERE log_id = 0 AND (idx = ANY($1::bigint[]) OR entry_id = ANY($2::text[]))
"""


async def export(
    database: Database, found: CaseFile, keys: Mapping[str, Any], verifiers: Sequence[NoteVerifier]
) -> bytes:
    """The file.

    Args:
        database: where the log lies.
        found: the case.
        keys: the public ring.
        verifiers: of the log.

    Raises:
        UnavailableError: when the database is away.
        VerificationError, IntegrityError: when something that would go into it does not hold.
    """
    async with database.connection() as connection:
        acts = [event.entry_id for event in found.events]
        rows = await connection.fetch(_BODIES, list(found.case.entries), acts)
    bodies = {row["idx"]: bytes(row["body"]) for row in rows if row["body"] is not None}
    index_of = {row["entry_id"]: row["idx"] for row in rows}
    if not set(acts) <= set(index_of):
        raise IntegrityError(
            "The log does not tell of an act of this case.",
            hint="Run `hub audit case check` and `hub audit verify`; nothing was exported.",
            message_zh="日志中没有该案件的某次办理。",
        )
    note = await proofs.stored_checkpoint(database)
    checkpoint = verify_checkpoint(note, *verifiers)
    members = {"keys/public.json": _json(keys), "checkpoint.txt": note.encode()}
    for index, body in bodies.items():
        proof = await proofs.proof(database, index, checkpoint.size)
        members[f"entries/{index}.json"] = body
        members[f"proofs/{index}.json"] = _json([b64encode(h).decode() for h in proof.hashes])
    withheld = sorted(set(found.case.entries) - set(bodies))
    members["case.json"] = _json(_document(found, index_of, withheld))
    raw = offline_pack.zip_bytes(members)
    check_export(raw, verifiers)
    return raw


def check_export(raw: bytes, verifiers: Sequence[NoteVerifier]) -> Mapping[str, Any]:
    """What an export says, once all of it holds.

    Args:
        raw: the file.
        verifiers: the log's keys.

    Raises:
        VerificationError: naming what does not hold.
    """
    try:
        return _checked(raw, verifiers)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, offline.NotVerifiedError) as error:
        raise _refused("The file is not a whole export of a case.") from error


def _checked(raw: bytes, verifiers: Sequence[NoteVerifier]) -> Mapping[str, Any]:
    members = offline_pack.read_zip(raw)
    document: dict[str, Any] = offline.read_json(members["case.json"])
    checkpoint = verify_checkpoint(members["checkpoint.txt"].decode(), *verifiers)
    entries = {}
    for name, body in members.items():
        folder, _, rest = name.partition("/")
        if folder == "entries":
            index = int(rest.removesuffix(".json"))
            hashes = tuple(b64decode(text) for text in offline.read_json(members[f"proofs/{index}.json"]))
            verify_inclusion(leaf_hash(body), index, checkpoint.size, hashes, checkpoint.root)
            entries[index] = read_body(body)
    if document["format"] != FORMAT or not document["events"]:
        raise _refused("The file is of an unknown format.")
    for number, event in enumerate(document["events"], start=1):
        _check_event(document, number, event, entries[event["index"]])
    about, withheld = set(document["case"]["entries"]), set(document["withheld"])
    first = entries[document["events"][0]["index"]]["detail"]
    if first["entries"] != document["case"]["entries"] or not about - withheld <= set(entries):
        raise _refused("The entries are not those that the case is about.")
    last = entries[document["events"][-1]["index"]]["detail"]
    if last["state"] != document["case"]["state"] or first["severity"] != document["case"]["severity"]:
        raise _refused("The case is not as its last act left it.")
    return document


def _check_event(
    document: Mapping[str, Any], number: int, event: Mapping[str, Any], body: Mapping[str, Any]
) -> None:
    detail = body["detail"]
    told = (
        document["case"]["id"],
        number,
        event["operation"],
        event["state"],
        event["person"],
        event["client"],
    )
    logged = (
        detail["case"], detail["number"], body["operation"], detail["state"], detail["person"], body["caller"],
    )  # fmt: skip
    text = Text(bytes.fromhex(event["salt"]), event["text"])
    if (
        told != logged
        or (event["outcome"], event["assignee"], event["at"])
        != (detail["outcome"], detail["assignee"], body["at"])
        or not compare_digest(text.digest, detail["text"])
    ):
        raise _refused(f"Act {number} of the case is not as the log tells it.")


def digest_of(raw: bytes) -> str:
    """By what the log names an export."""
    return sha256(raw).hexdigest()


def _document(found: CaseFile, index_of: Mapping[str, int], withheld: Sequence[int]) -> dict[str, Any]:
    case = found.case
    return {
        "format": FORMAT,
        "case": {
            "id": case.case_id, "origin": case.origin.value, "rule": case.rule, "severity": case.severity.value,
            "fourEyes": case.four_eyes, "state": case.state.value, "outcome": case.outcome, "assignee": case.assignee,
            "subject": subject_ref(case.subject_id) if case.subject_id is not None else None,
            "entries": list(case.entries), "openedAt": to_millis(case.opened_at), "dueOn": case.due_on.isoformat(),
        },
        "withheld": list(withheld),
        "events": [
            {
                "index": index_of[event.entry_id], "operation": event.act.operation, "state": event.state.value,
                "at": to_millis(event.at), "client": event.client_id, "person": event.person, "outcome": event.outcome,
                "assignee": event.assignee, "text": text.text, "salt": text.salt.hex(),
            }
            for event, text in zip(found.events, found.texts, strict=True)
        ],
    }  # fmt: skip


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _refused(message: str) -> VerificationError:
    return VerificationError(
        message, hint="Ask for the file again.", message_zh="案件导出文件未通过核验。"
    )  # fmt: skip
